"""Messages of the timer queue: what they say, when they are due, and which are none."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.template import Template
from publishing.failures import InvalidRecord
from publishing.timer_messages import (
    MAX_DELAY_SECONDS,
    VISIBILITY_SECONDS,
    TimerMessage,
    delayed,
    delivery_of,
)
from tests.support.sessions import NOON_MS
from tests.support.timers import delivery

TOKEN = "0123456789abcdef" * 2
HOUR_MS = 3_600_000
WHOLE = TimerMessage("a-session", TOKEN, NOON_MS)

messages = st.builds(
    TimerMessage,
    st.text(),
    st.none() | st.just(TOKEN),
    st.none() | st.integers(0, 10**15 - 1),
    st.booleans(),
)


@given(messages)
def test_a_message_is_read_as_it_was_written(message: TimerMessage) -> None:
    assert delivery_of(delivery(message)).message == message


def test_the_first_message_says_only_which_session_is_meant() -> None:
    assert json.loads(TimerMessage("a-session").body) == {"sessionId": "a-session"}


# When it is due


@pytest.mark.parametrize(
    ("until_ms", "seconds"),
    [
        (0, 1),
        (-HOUR_MS, 1),
        (1, 1),
        (1_000, 1),
        (1_001, 2),
        (900_000, MAX_DELAY_SECONDS),
        (900_001, MAX_DELAY_SECONDS),
        (30 * 24 * HOUR_MS, MAX_DELAY_SECONDS),
    ],
)
def test_a_delay_is_rounded_up_and_within_what_sqs_allows(until_ms: int, seconds: int) -> None:
    assert delayed(WHOLE, NOON_MS + until_ms, NOON_MS).delay_seconds == seconds


@pytest.mark.parametrize("shift_ms", [-HOUR_MS, 0, HOUR_MS])
@pytest.mark.parametrize("times", [1, 2, 120])
def test_a_message_is_judged_by_the_earlier_of_two_clocks(shift_ms: int, times: int) -> None:
    ours_ms = NOON_MS + shift_ms
    since_first_ms = (times - 1) * VISIBILITY_SECONDS * 1000
    delivered = delivery_of(delivery(WHOLE, times=times, received_at_ms=NOON_MS - since_first_ms))
    assert delivered.effective_ms(ours_ms) == min(ours_ms, NOON_MS)


def test_a_message_comes_again_no_sooner_than_the_queue_says() -> None:
    """Or a later delivery would be judged at an instant that is still to come."""
    queue = Template().properties("TimerQueue")
    assert queue["VisibilityTimeout"] == VISIBILITY_SECONDS


@pytest.mark.parametrize(
    ("times", "replayed", "is_first"),
    [(1, False, True), (2, False, False), (1, True, False)],
)
def test_who_had_a_message_before_may_have_claimed_it(
    times: int, replayed: bool, is_first: bool
) -> None:
    message = TimerMessage("a-session", TOKEN, replayed=replayed)
    assert delivery_of(delivery(message, times=times)).is_first is is_first


# Messages of another shape

BODIES: dict[str, Any] = {
    "not JSON": "hush",
    "nothing": "",
    "nested too deeply": "[" * 100_000,
    "a list": "[]",
    "null": "null",
    "a text": '"hush"',
    "no session": "{}",
    "another session's name": '{"sessionId": 7}',
    "no token": '{"sessionId": "hush", "timer": 7}',
    "a token of another length": '{"sessionId": "hush", "timer": "abc"}',
    "the end as a token": '{"sessionId": "hush", "timer": "published"}',
    "a token of two lines": json.dumps({"sessionId": "hush", "timer": f"{TOKEN}\n"}),
    "a text for an instant": '{"sessionId": "hush", "warnedExpiresAt": "7"}',
    "a yes for an instant": '{"sessionId": "hush", "warnedExpiresAt": true}',
    "a fraction for an instant": '{"sessionId": "hush", "warnedExpiresAt": 7.0}',
    "an instant before 1970": '{"sessionId": "hush", "warnedExpiresAt": -7}',
    "an instant too far away": '{"sessionId": "hush", "warnedExpiresAt": 1' + "0" * 15 + "}",
    "an instant of 5,000 digits": '{"sessionId": "hush", "warnedExpiresAt": ' + "7" * 5000 + "}",
    "a text for a switch": '{"sessionId": "hush", "replayed": "yes"}',
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_a_message_of_another_shape_is_none_and_not_quoted(body: str) -> None:
    with pytest.raises(InvalidRecord) as refused:
        delivery_of(delivery(body))
    assert refused.value.defect.startswith("it")
    assert "hush" not in refused.value.defect


@pytest.mark.parametrize(
    "attributes",
    [
        None,
        {},
        {"ApproximateReceiveCount": "1"},
        {"ApproximateReceiveCount": "once", "ApproximateFirstReceiveTimestamp": "7"},
        {"ApproximateReceiveCount": "1", "ApproximateFirstReceiveTimestamp": None},
    ],
)
def test_a_record_that_sqs_would_not_deliver_is_none(attributes: Any) -> None:
    with pytest.raises(InvalidRecord, match=r"^it (has no|is malformed)"):
        delivery_of({**delivery(WHOLE), "attributes": attributes})


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists))
def test_whatever_a_body_has_it_is_a_message_or_none(body: Any) -> None:
    with pytest.raises(InvalidRecord):
        delivery_of(delivery(json.dumps(body)))
