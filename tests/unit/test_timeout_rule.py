"""The pure rule of a change of the time limits, and what a deployment allows."""

from dataclasses import replace
from typing import Any

import pytest

from domain.refusals import MaximumBelowTimeout, SessionExpired
from domain.timeout import TimeoutChange, change_timeout
from tests.support.sessions import NOON_MS, POLICY, minutes, remembering, session


def changed(before: Any, **fields: Any) -> Any:
    return change_timeout(before, TimeoutChange(**fields), NOON_MS).session


def test_the_fields_that_are_given_replace_the_sessions_own() -> None:
    config = changed(session(warning=9), timeout_minutes=20, auto_renew=False).timeout_config
    assert (config.timeout_minutes, config.auto_renew) == (20, False)
    assert (config.max_duration_minutes, config.warning_threshold_minutes) == (720, 9)


@pytest.mark.parametrize("timeout", [11, 29, 30, 31, 700])
def test_the_expiry_is_the_new_timeout_after_the_last_renewal(timeout: int) -> None:
    after = changed(session(active=-2, expires=20), timeout_minutes=timeout)
    assert after.expires_at_ms == NOON_MS + minutes(timeout - 10)


def test_the_expiry_never_passes_the_maximum() -> None:
    before = session(created=-10, active=-10)
    assert changed(before, max_duration_minutes=30).expires_at_ms == NOON_MS + minutes(20)
    near = session(created=-710, active=-10, expires=5)
    assert changed(near, timeout_minutes=60).expires_at_ms == NOON_MS + minutes(10)


@pytest.mark.parametrize("fields", [{"auto_renew": False}, {"warning_threshold_minutes": 9}])
def test_limits_that_are_not_about_the_expiry_leave_it(fields: dict[str, Any]) -> None:
    before = session(active=-2, expires=20)
    assert changed(before, **fields).expires_at_ms == before.expires_at_ms


def test_a_longer_maximum_gives_a_session_at_its_maximum_more_time() -> None:
    before = replace(session(created=-710, active=-1), renewed_at_ms=NOON_MS - minutes(2))
    assert changed(before, max_duration_minutes=730).expires_at_ms == NOON_MS + minutes(20)


def test_a_session_may_expire_by_its_new_limits() -> None:
    after = changed(session(active=-10), timeout_minutes=5)
    assert not after.is_alive(NOON_MS)


def test_nothing_is_counted_and_it_is_no_activity() -> None:
    before = session(**remembering("r2", "r1"))
    after = changed(before, timeout_minutes=60)
    assert (after.renewal_count, after.recent_renewals) == (2, before.recent_renewals)
    assert after.last_activity_ms == session().last_activity_ms


def test_an_expired_session_keeps_its_limits() -> None:
    with pytest.raises(SessionExpired):
        changed(session(expires=0), timeout_minutes=60)


@pytest.mark.parametrize(
    "fields", [{"timeout_minutes": 721}, {"max_duration_minutes": 29}], ids=str
)
def test_the_maximum_is_at_least_the_timeout(fields: dict[str, int]) -> None:
    with pytest.raises(MaximumBelowTimeout):
        changed(session(), **fields)


@pytest.mark.parametrize(
    ("fields", "both"),
    [
        ({}, (30, 720)),
        ({"timeout_minutes": 1440}, (1440, 1440)),
        ({"timeout_minutes": 720}, (720, 720)),
        ({"max_duration_minutes": 20}, (20, 20)),
        ({"max_duration_minutes": 30}, (30, 30)),
        ({"timeout_minutes": 20, "max_duration_minutes": 20}, (20, 20)),
    ],
    ids=str,
)
def test_of_a_new_session_an_omitted_limit_follows_the_given_one(
    fields: dict[str, Any], both: tuple[int, int]
) -> None:
    config = TimeoutChange(**fields).completed_by(POLICY.default)
    assert (config.timeout_minutes, config.max_duration_minutes) == both


def test_two_given_limits_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(MaximumBelowTimeout):
        TimeoutChange(timeout_minutes=21, max_duration_minutes=20).completed_by(POLICY.default)


def test_the_same_limits_again_change_nothing() -> None:
    change = TimeoutChange(timeout_minutes=30, max_duration_minutes=720)
    assert not change_timeout(session(), change, NOON_MS).changed


def test_a_deployment_states_the_range_of_each_limit() -> None:
    assert POLICY.ranges == {
        "timeout_minutes": (5, 1440),
        "max_duration_minutes": (5, 2880),
        "warning_threshold_minutes": (1, 1440),
    }
