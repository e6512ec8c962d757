"""What is true of a session at an instant."""

import json

import pytest

from domain.refusals import SessionExpired
from domain.session import Snapshot, snapshot
from domain.session_json import (
    rfc3339,
    session_expired_json,
    session_info_json,
    session_page_json,
)
from tests.support.sessions import NOON_MS, minutes, session


def test_the_time_remaining_counts_to_the_expiry() -> None:
    assert session(expires=20).time_remaining_ms(NOON_MS) == minutes(20)


@pytest.mark.parametrize(
    ("remaining_ms", "near"),
    [(0, False), (1, True), (minutes(5), True), (minutes(5) + 1, False)],
)
def test_near_expiration_is_within_the_warning_threshold(remaining_ms: int, near: bool) -> None:
    now_ms = session().expires_at_ms - remaining_ms
    assert session(warning=5).is_near_expiration(now_ms) is near


def test_a_whole_timeout_fits_until_the_maximum_less_the_timeout() -> None:
    until_ms = session(created=0, maximum=720, timeout=30).full_renewal_until_ms
    assert until_ms == NOON_MS + minutes(690)


@pytest.mark.parametrize(("at_ms", "alive"), [(NOON_MS - 1, True), (NOON_MS, False)])
def test_a_session_is_alive_before_its_expiry(at_ms: int, alive: bool) -> None:
    assert session(expires=0).is_alive(at_ms) is alive


def test_a_session_past_its_expiry_is_refused_with_the_expiry() -> None:
    with pytest.raises(SessionExpired) as refusal:
        session(expires=0).require_alive(NOON_MS)
    assert refusal.value.expired_at_ms == NOON_MS


@pytest.mark.parametrize(("active", "effective"), [(-10, 0), (0, 0), (1, 1)])
def test_no_call_counts_as_before_the_last_activity(active: int, effective: int) -> None:
    stored = session(active=active)
    assert stored.effective_ms(NOON_MS) == NOON_MS + minutes(effective)


def test_a_slow_clock_sees_a_session_as_of_its_last_activity() -> None:
    ahead = session(active=1)
    assert snapshot(ahead, NOON_MS) == Snapshot(ahead, NOON_MS + minutes(1))


def test_an_expired_session_has_no_snapshot() -> None:
    with pytest.raises(SessionExpired):
        snapshot(session(active=1, expires=1), NOON_MS)


def test_an_instant_is_written_in_utc_to_the_millisecond() -> None:
    assert rfc3339(NOON_MS + 7) == "2100-01-01T12:00:00.007Z"


def test_metadata_is_written_as_it_is_stored() -> None:
    stored = session(metadata_json='{"n":1E400}')
    assert session_info_json(Snapshot(stored, NOON_MS)).count('{"n":1E400}') == 1


def test_an_empty_page_is_an_object_like_any_other() -> None:
    assert json.loads(session_page_json([], None)) == {"sessions": [], "total": 0}


def test_an_event_shows_the_session_as_it_stood_at_its_expiry() -> None:
    expired = session(expires=0)
    detail = json.loads(session_expired_json(expired, NOON_MS + 1))
    assert detail["expiredAt"] == detail["session"]["expiresAt"] == "2100-01-01T12:00:00.000Z"
    assert detail["removedAt"] == "2100-01-01T12:00:00.001Z"
    assert detail["session"]["timeRemaining"] == 0
