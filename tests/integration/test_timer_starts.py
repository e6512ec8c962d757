"""ExpiryFunction and timers: new items start them; what they published is not published again."""

import json
import time
from dataclasses import replace
from typing import Any

import pytest

from local.stream import Record
from local.template import Template
from publishing.expiry_publisher import session_expired_event
from publishing.message_queue import MAX_MESSAGES
from publishing.timer_messages import TimerMessage
from storage.item import item_of
from storage.start_marker import start_marker
from storage.timer_update import PUBLISHED
from tests.support import scripted_sqs
from tests.support.emitted_lines import captured_lines
from tests.support.functions import expiry_function
from tests.support.queues import Queue
from tests.support.scripted_eventbridge import ScriptedEventBridge, disconnect
from tests.support.scripted_sqs import ScriptedSqs
from tests.support.sessions import NOON_MS
from tests.support.stream_records import Invocation, expired_session, new_item, ttl_deletion

SESSION_ID = "0e3f0d5a-5a27-4a7e-9f4e-0f0b9a8c7d6e"


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the pauses between retries take no time."""
    monkeypatch.setattr(time, "sleep", lambda _: None)


def invoke(
    *records: Any, timers: ScriptedSqs, bus: ScriptedEventBridge | None = None
) -> tuple[list[str], ScriptedSqs]:
    """What is retried, and the queue of dead letters."""
    letters = ScriptedSqs()
    function = expiry_function(
        (bus or ScriptedEventBridge()).client, Queue(letters.client, "letters"), 0, timers.client
    )
    answer = function({"Records": list(records)}, Invocation())
    return [each["itemIdentifier"] for each in answer["batchItemFailures"]], letters


def marker_key() -> str:
    return str(start_marker(SESSION_ID, NOON_MS)["sessionId"]["S"])


# Starts


@pytest.mark.parametrize("key", [SESSION_ID, marker_key()], ids=["session", "start marker"])
def test_a_new_item_starts_the_timer_of_its_session_at_once(key: str) -> None:
    timers = ScriptedSqs()
    assert invoke(new_item(key), timers=timers) == ([], ScriptedSqs())
    (entry,) = timers.taken
    assert (entry["MessageBody"], entry["DelaySeconds"]) == (TimerMessage(SESSION_ID).body, 0)


@pytest.mark.parametrize("key", [SESSION_ID, marker_key()], ids=["session", "start marker"])
def test_the_template_passes_new_items_that_start_a_timer(key: str) -> None:
    assert Template().matches_stream_filter(new_item(key))


def test_start_messages_go_ten_in_a_request() -> None:
    timers = ScriptedSqs()
    invoke(*(new_item(f"session-{n}", n) for n in range(25)), timers=timers)
    assert timers.request_sizes == [MAX_MESSAGES, MAX_MESSAGES, 5]


def test_starts_and_expiries_of_a_batch_are_done_side_by_side() -> None:
    timers, bus = ScriptedSqs(), ScriptedEventBridge()
    records = [
        record
        for n in range(0, 20, 2)
        for record in (new_item(f"new-{n}", n), ttl_deletion(expired_session(n + 1), n + 1))
    ]
    assert invoke(*records, timers=timers, bus=bus)[0] == []
    assert (timers.request_sizes, bus.request_sizes) == ([10], [10])


def test_while_the_queue_is_down_a_batch_is_retried_from_the_first_start() -> None:
    records = [ttl_deletion(expired_session(1), 1), new_item("new-2", 2), new_item("new-3", 3)]
    timers = ScriptedSqs([scripted_sqs.disconnect])
    assert invoke(*records, timers=timers)[0] == ["2"]
    assert invoke(*records[1:], timers=(up := ScriptedSqs()))[0] == []
    assert len(up.taken) == 2


def test_while_the_bus_is_down_starts_before_an_expiry_are_sent() -> None:
    records = [new_item("new-1", 1), ttl_deletion(expired_session(2), 2)]
    timers = ScriptedSqs()
    bus = ScriptedEventBridge([disconnect])
    assert invoke(*records, timers=timers, bus=bus)[0] == ["2"]
    assert len(timers.taken) == 1


WITHOUT_A_SESSION: dict[str, Record] = {
    "no change": new_item(SESSION_ID, dynamodb=None),
    "no keys": new_item(SESSION_ID, dynamodb={"SequenceNumber": "1"}),
    "a number for a key": new_item(
        SESSION_ID, dynamodb={"Keys": {"sessionId": {"N": "7"}}, "SequenceNumber": "1"}
    ),
    "no text for a key": new_item(
        SESSION_ID, dynamodb={"Keys": {"sessionId": {"S": 7}}, "SequenceNumber": "1"}
    ),
    "an idempotency record": new_item("idempotency-key 0123"),
    "a start marker of nobody": new_item("idempotency-key starts-timer 0123"),
}


@pytest.mark.parametrize("record", WITHOUT_A_SESSION.values(), ids=WITHOUT_A_SESSION)
def test_a_new_item_that_names_no_session_is_kept_as_a_dead_letter(record: Record) -> None:
    timers = ScriptedSqs()
    retried, letters = invoke(record, new_item("new-2", 2), timers=timers)
    assert (retried, len(timers.taken)) == ([], 1)
    (letter,) = letters.taken
    assert letter["MessageAttributes"]["reason"]["StringValue"] == "INVALID_RECORD"
    assert json.loads(letter["MessageBody"]) == {"Records": [record]}


def test_starts_are_counted_in_a_line_without_facts() -> None:
    with captured_lines() as lines:
        invoke(new_item("new-1", 1), new_item("new-2", 2), timers=ScriptedSqs())
    (line,) = lines
    assert line["TimerStartsSent"] == [2.0]
    assert not {"Expiries", "ExpiriesByTtl", "session_ids", "outcome"} & line.keys()


# What a timer has published


def removal(timer: str | None, announced_after_ms: int | None) -> Record:
    """A removal by TTL of a session with this timer, and a mark so long after its expiry."""
    expired = expired_session(1)
    if announced_after_ms is not None:
        at_ms = expired.expires_at_ms + announced_after_ms
        expired = replace(expired, announced_at_ms=at_ms)
    item = dict(item_of(expired, 0))
    if timer is not None:
        item["timer"] = {"S": timer}
    return ttl_deletion(item)


@pytest.mark.parametrize("after_ms", [0, 1, 86_400_000])
def test_what_a_timer_has_published_is_not_published_again(after_ms: int) -> None:
    assert session_expired_event(removal(PUBLISHED, after_ms)) is None
    with captured_lines() as lines:
        assert invoke(removal(PUBLISHED, after_ms), timers=ScriptedSqs()) == ([], ScriptedSqs())
    assert lines == []


@pytest.mark.parametrize(
    ("timer", "after_ms"),
    [(None, None), ("a" * 32, None), ("a" * 32, 0), (PUBLISHED, None), (PUBLISHED, -1), (None, 0)],
)
def test_what_no_timer_has_published_is(timer: str | None, after_ms: int | None) -> None:
    """The last but one: the release before has renewed a session after its announcement."""
    bus = ScriptedEventBridge()
    invoke(removal(timer, after_ms), timers=ScriptedSqs(), bus=bus)
    assert len(bus.taken) == 1


def test_an_expiry_by_ttl_has_the_event_id_that_its_timer_would_give() -> None:
    first = session_expired_event(removal(None, None))
    second = session_expired_event(removal("a" * 32, 5))
    assert first is not None
    assert second is not None
    assert json.loads(first.detail_json)["eventId"] == json.loads(second.detail_json)["eventId"]


def test_expiries_by_ttl_are_counted_for_themselves() -> None:
    with captured_lines() as lines:
        invoke(removal(None, None), removal(PUBLISHED, 0), timers=ScriptedSqs())
    (line,) = lines
    assert (line["Expiries"], line["ExpiriesByTtl"]) == ([1.0], [1.0])
    assert "TimerStartsSent" not in line
