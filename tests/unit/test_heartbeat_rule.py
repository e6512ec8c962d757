"""The pure rule of a heartbeat."""

import pytest

from domain.heartbeat import record_heartbeat
from domain.refusals import SessionExpired
from domain.renewal import renew
from tests.support.sessions import NOON_MS, session


def test_a_heartbeat_with_automatic_renewal_is_a_renewal() -> None:
    assert record_heartbeat(session(), NOON_MS, "h1") == renew(session(), NOON_MS, "h1")


def test_without_automatic_renewal_only_the_last_activity_moves() -> None:
    before = session(auto_renew=False, renewal_count=3)
    after = record_heartbeat(before, NOON_MS, "h1").session
    assert after.last_activity_ms == NOON_MS
    assert (after.expires_at_ms, after.renewal_count) == (before.expires_at_ms, 3)
    assert after.recent_renewals == ()


def test_a_heartbeat_at_the_maximum_only_moves_the_last_activity() -> None:
    before = session(created=-710, expires=10)
    after = record_heartbeat(before, NOON_MS, "h1").session
    assert after.last_activity_ms == NOON_MS
    assert (after.expires_at_ms, after.renewal_count) == (before.expires_at_ms, 0)


@pytest.mark.parametrize("auto_renew", [True, False])
def test_an_expired_session_has_no_heartbeat(auto_renew: bool) -> None:
    with pytest.raises(SessionExpired):
        record_heartbeat(session(expires=0, auto_renew=auto_renew), NOON_MS, "h1")


def test_a_slow_clock_changes_nothing_that_does_not_renew() -> None:
    ahead = session(active=1, auto_renew=False)
    heartbeat = record_heartbeat(ahead, NOON_MS, "h1")
    assert not heartbeat.changed
    assert heartbeat.at_ms == ahead.last_activity_ms


def test_a_heartbeat_sent_again_changes_nothing() -> None:
    once = record_heartbeat(session(), NOON_MS, "h1").session
    assert not record_heartbeat(once, NOON_MS + 1, "h1").changed
