"""Sessions of two minutes through the deployed stack: warned of, and announced on time.

Everything is as it is deployed but AWS itself: the API, the table's stream, the queue's delays, the
bus, and the consumer of examples/consumer.yaml. The two minutes pass during the tests that run
since test_stack_timer_faults.py, which is why this module's name is a late one.
"""

import pytest

from domain.session import MS_PER_MINUTE
from domain.session_json import SESSION_EXPIRED, SESSION_EXPIRING
from tests.support.contract import assert_event_schema
from tests.support.deployed_timers import Announcement
from tests.support.tables import item_with
from tests.support.two_minutes import MAX_LATE_MS, TwoMinutes, instant_ms, path_of


@pytest.fixture(scope="module")
def over(two_minutes: TwoMinutes) -> TwoMinutes:
    """When they have passed."""
    two_minutes.wait_for_the_end()
    return two_minutes


def the_only(announcements: list[Announcement]) -> Announcement:
    (only,) = announcements
    return only


def test_a_session_is_warned_of_once_within_10_seconds(over: TwoMinutes) -> None:
    warning = the_only(over.consumer.about(over.left_alone["sessionId"], SESSION_EXPIRING))
    due_ms = instant_ms(over.left_alone["expiresAt"]) - MS_PER_MINUTE
    assert 0 <= warning.at_ms - due_ms <= MAX_LATE_MS


def test_a_session_expires_once_and_within_10_seconds(over: TwoMinutes) -> None:
    expiry = the_only(over.consumer.about(over.left_alone["sessionId"], SESSION_EXPIRED))
    assert 0 <= expiry.at_ms - instant_ms(over.left_alone["expiresAt"]) <= MAX_LATE_MS
    assert_event_schema(expiry.event)


def test_both_events_are_about_the_same_expiry(over: TwoMinutes) -> None:
    warning, expiry = over.consumer.about(over.left_alone["sessionId"])
    expires_at = over.left_alone["expiresAt"]
    assert (warning.detail["expiresAt"], expiry.detail["expiredAt"]) == (expires_at, expires_at)
    assert warning.detail["session"]["isNearExpiration"]
    assert "removedAt" not in expiry.detail


def test_an_announced_session_is_over(over: TwoMinutes) -> None:
    assert over.stack.request("POST", f"{path_of(over.left_alone)}/renew").status == 410
    item = item_with(over.stack.table, over.left_alone["sessionId"])
    assert item["timer"] == {"S": "published"}


def test_a_session_that_is_renewed_in_time_is_not_announced(over: TwoMinutes) -> None:
    assert over.consumer.about(over.renewed["sessionId"]) == []
    assert over.stack.request("POST", f"{path_of(over.renewed)}/renew").status == 200


def test_a_deleted_session_is_not_announced(over: TwoMinutes) -> None:
    assert over.consumer.about(over.deleted["sessionId"]) == []


def test_a_session_that_is_shortened_expires_at_its_new_instant(over: TwoMinutes) -> None:
    """The chain that began with it sleeps: a new one was started by the stream."""
    expiry = the_only(over.consumer.about(over.shortened["sessionId"]))
    assert expiry.detail_type == SESSION_EXPIRED
    assert 0 <= expiry.at_ms - instant_ms(over.shortened["expiresAt"]) <= MAX_LATE_MS
