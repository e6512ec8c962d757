"""The pure rule of a renewal."""

from typing import Any

import pytest

from domain.refusals import MaximumDurationReached, SessionExpired
from domain.renewal import renew, renewal_digest
from domain.session import Session
from tests.support.sessions import NOON_MS, minutes, remembering, session


def near_its_maximum(**fields: Any) -> Session:
    """A session with 10 of its 720 minutes left, and 5 until it expires."""
    return session(created=-710, active=-25, expires=5, **fields)


def renewed_by(*renewal_ids: str) -> Session:
    """A session after these renewals, in this order."""
    renewed = session()
    for renewal_id in renewal_ids:
        renewed = renew(renewed, NOON_MS, renewal_id).session
    return renewed


def test_a_renewal_moves_the_expiry_a_whole_timeout_from_now() -> None:
    renewed = renew(session(), NOON_MS, "r1").session
    assert renewed.expires_at_ms == NOON_MS + minutes(30)


def test_a_renewal_counts_once_and_is_activity() -> None:
    renewal = renew(session(renewal_count=6), NOON_MS, "r1")
    assert renewal.changed
    assert renewal.session.renewal_count == 7
    assert renewal.session.last_activity_ms == NOON_MS
    assert renewal.session.recent_renewals == (renewal_digest("r1"),)


def test_the_last_renewal_stops_at_the_maximum_exactly() -> None:
    renewed = renew(near_its_maximum(), NOON_MS, "r1").session
    assert renewed.expires_at_ms == NOON_MS + minutes(10) == renewed.max_expires_at_ms


def test_a_session_at_its_maximum_cannot_be_renewed() -> None:
    at_maximum = session(created=-710, expires=10)
    with pytest.raises(MaximumDurationReached) as refusal:
        renew(at_maximum, NOON_MS, "r1")
    assert refusal.value.max_expires_at_ms == NOON_MS + minutes(10)


def test_a_session_is_live_until_the_millisecond_before_its_expiry() -> None:
    expiry_ms = session().expires_at_ms
    assert renew(session(), expiry_ms - 1, "r1").changed
    with pytest.raises(SessionExpired) as refusal:
        renew(session(), expiry_ms, "r1")
    assert refusal.value.expired_at_ms == expiry_ms


def test_a_session_without_automatic_renewal_can_be_renewed() -> None:
    assert renew(session(auto_renew=False), NOON_MS, "r1").changed


@pytest.mark.parametrize("others", [0, 1, 31])
def test_a_renewal_sent_again_after_up_to_31_others_changes_nothing(others: int) -> None:
    renewed = renewed_by("r1", *(f"other-{number}" for number in range(others)))
    replay = renew(renewed, NOON_MS + 1, "r1")
    assert not replay.changed
    assert replay.session == renewed


def test_a_renewal_sent_again_after_32_others_counts() -> None:
    renewed = renewed_by("r1", *(f"other-{number}" for number in range(32)))
    assert renew(renewed, NOON_MS, "r1").session.renewal_count == 34


def test_a_session_remembers_no_more_than_32_renewals() -> None:
    renewed = renewed_by(*(f"r{number}" for number in range(100)))
    latest_first = (renewal_digest(f"r{number}") for number in range(99, 67, -1))
    assert renewed.recent_renewals == tuple(latest_first)


def test_a_digest_is_never_the_0_that_stands_for_no_renewal() -> None:
    digests = {renewal_digest(f"r{number}") for number in range(1000)}
    assert len(digests) == 1000
    assert 0 < min(digests) <= max(digests) <= 2**48


def test_expiry_comes_before_replay() -> None:
    with pytest.raises(SessionExpired):
        renew(session(expires=0, **remembering("r1")), NOON_MS, "r1")


def test_replay_comes_before_the_maximum() -> None:
    renewed = renew(near_its_maximum(), NOON_MS, "r1").session
    assert not renew(renewed, NOON_MS + 1, "r1").changed


def test_expiry_comes_before_the_maximum() -> None:
    with pytest.raises(SessionExpired):
        renew(session(created=-720, expires=0), NOON_MS, "r1")


def test_a_slow_clock_renews_at_the_sessions_own_last_activity() -> None:
    ahead = session(active=1, expires=20)
    renewal = renew(ahead, NOON_MS, "r1")
    assert renewal.at_ms == ahead.last_activity_ms
    assert renewal.session.last_activity_ms == ahead.last_activity_ms
    assert renewal.session.expires_at_ms == ahead.last_activity_ms + minutes(30)
