"""The pure rule of a renewal."""

from typing import Any

import pytest

from domain.refusals import MaximumDurationReached, SessionExpired
from domain.renewal import renew
from domain.session import Session
from tests.support.sessions import NOON_MS, minutes, session


def near_its_maximum(**fields: Any) -> Session:
    """A session with 10 of its 720 minutes left, and 5 until it expires."""
    return session(created=-710, active=-25, expires=5, **fields)


def test_a_renewal_moves_the_expiry_a_whole_timeout_from_now() -> None:
    renewed = renew(session(), NOON_MS, "r1").session
    assert renewed.expires_at_ms == NOON_MS + minutes(30)


def test_a_renewal_counts_once_and_is_activity() -> None:
    renewal = renew(session(renewal_count=6), NOON_MS, "r1")
    assert renewal.changed
    assert renewal.session.renewal_count == 7
    assert renewal.session.last_activity_ms == NOON_MS
    assert renewal.session.last_renewal_id == "r1"


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


def test_the_latest_renewal_sent_again_changes_nothing() -> None:
    renewed = renew(session(), NOON_MS, "r1").session
    replay = renew(renewed, NOON_MS + 1, "r1")
    assert not replay.changed
    assert replay.session == renewed


def test_an_earlier_renewal_sent_again_counts() -> None:
    twice = renew(renew(session(), NOON_MS, "r1").session, NOON_MS, "r2").session
    assert renew(twice, NOON_MS, "r1").session.renewal_count == 3


def test_expiry_comes_before_replay() -> None:
    with pytest.raises(SessionExpired):
        renew(session(expires=0, last_renewal_id="r1"), NOON_MS, "r1")


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
