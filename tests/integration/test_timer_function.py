"""TimerFunction: messages of the timer queue in, warnings and expiries on the bus."""

import json
import time
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.session import Session
from local.gateway import LambdaContext
from publishing import timer_handler as module
from publishing.event_bus import MAX_BYTES
from publishing.timer_messages import MAX_DELAY_SECONDS, VISIBILITY_SECONDS, TimerMessage
from publishing.timer_step import next_step
from storage.faults import StorageUnavailable
from storage.item import item_of
from storage.renewal_update import renew_session
from storage.session_deletion import delete_session
from storage.table import SessionsTable
from storage.timer_update import PUBLISHED, mark_announced, mark_published
from tests.support import scripted_sqs
from tests.support.emitted_lines import captured_lines
from tests.support.faulty_dynamodb import FaultyDynamoDB, fail, pass_on
from tests.support.functions import timer_function
from tests.support.scripted_eventbridge import (
    ScriptedEventBridge,
    disconnect,
    refuse,
    take,
    throttle_request,
)
from tests.support.scripted_sqs import ScriptedSqs
from tests.support.sessions import NOON_MS, minutes, session
from tests.support.tables import item_with, put
from tests.support.timers import Timers, delivery

EXPIRING, EXPIRED = "SessionExpiring", "SessionExpired"
TOKEN, OTHER_TOKEN = "a" * 32, "b" * 32
HOUR_MS = 3_600_000


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the pauses between retries take no time."""
    monkeypatch.setattr(time, "sleep", lambda _: None)


@pytest.fixture
def timers(table_on_dynamodb_local: SessionsTable) -> Timers:
    """The function over DynamoDB Local, with a bus and queues that take everything."""
    return Timers(table_on_dynamodb_local)


def due_for_a_warning(session_id: str = "a-session") -> Session:
    return session(session_id, expires=4)


def expired(session_id: str = "a-session", **fields: Any) -> Session:
    return session(session_id, expires=-1, **fields)


def token_of(timers: Timers, session_id: str = "a-session") -> Any:
    return item_with(timers.table, session_id).get("timer", {}).get("S")


def first(session_id: str, number: int = 1, **fields: Any) -> dict[str, Any]:
    """The first message of a session's timer."""
    return delivery(TimerMessage(session_id), number, **fields)


# What a timer does


def test_a_timer_waits_for_the_warning(timers: Timers) -> None:
    put(timers.table, session(expires=15))
    assert timers.ring("a-session") == []
    assert timers.published == []
    assert timers.sent == [{"sessionId": "a-session", "timer": token_of(timers), "delay": 600}]


def test_a_timer_waits_no_longer_at_once_than_sqs_allows(timers: Timers) -> None:
    put(timers.table, session(expires=720, timeout=1440))
    timers.ring("a-session")
    assert timers.sent[0]["delay"] == MAX_DELAY_SECONDS


def test_a_session_within_its_threshold_is_warned_of(timers: Timers) -> None:
    put(timers.table, due_for_a_warning())
    assert timers.ring("a-session") == []
    assert timers.published == [(EXPIRING, "a-session")]
    (sent,) = timers.sent
    assert sent["warnedExpiresAt"] == NOON_MS + minutes(4)
    assert sent["delay"] == 240


def test_of_each_expiry_one_warning_is_enough(timers: Timers) -> None:
    put(timers.table, due_for_a_warning())
    timers.ring("a-session", warned=NOON_MS + minutes(4))
    assert timers.published == []
    assert timers.sent[0]["warnedExpiresAt"] == NOON_MS + minutes(4)


def test_a_renewed_session_is_warned_of_again(timers: Timers) -> None:
    put(timers.table, due_for_a_warning())
    timers.ring("a-session", warned=NOON_MS + minutes(3))
    assert timers.published == [(EXPIRING, "a-session")]


def test_an_expiry_is_published_and_ends_the_timer(timers: Timers) -> None:
    put(timers.table, expired())
    assert timers.ring("a-session") == []
    assert (timers.published, timers.sent) == ([(EXPIRED, "a-session")], [])
    assert token_of(timers) == PUBLISHED


def test_an_expiry_is_marked_before_it_is_published(timers: Timers) -> None:
    put(timers.table, expired())
    timers.bus = ScriptedEventBridge([disconnect])
    timers.ring("a-session")
    assert item_with(timers.table, "a-session")["announcedAt"] == {"N": str(NOON_MS)}


def test_a_published_expiry_is_not_published_again(timers: Timers) -> None:
    put(timers.table, expired())
    timers.ring("a-session")
    again = TimerMessage("a-session", TOKEN)
    assert timers.handle(delivery(again, times=3)) == []
    assert len(timers.published) == 1


@pytest.mark.parametrize("times", [1, 2])
def test_a_timer_of_a_session_that_never_was_ends(timers: Timers, times: int) -> None:
    assert timers.handle(first("nobody", times=times)) == []
    assert (timers.published, timers.sent, timers.kept) == ([], [], [])
    assert item_with(timers.table, "nobody") == {}


def test_a_timer_of_a_deleted_session_ends(timers: Timers) -> None:
    put(timers.table, session())
    timers.ring("a-session")
    delete_session(timers.table, "a-session")
    timers.handle(delivery(TimerMessage("a-session", timers.sent[0]["timer"])))
    assert len(timers.sent) == 1
    assert item_with(timers.table, "a-session") == {}


def test_a_session_that_an_earlier_release_stored_has_a_timer_too(timers: Timers) -> None:
    put(timers.table, expired())
    assert "timer" not in item_with(timers.table, "a-session")
    timers.handle(first("a-session"))
    assert timers.published == [(EXPIRED, "a-session")]


# Renewals


def test_a_session_renewed_at_the_last_instant_is_not_announced(
    timers: Timers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the claim and the mark."""
    put(timers.table, expired())

    def renew_first(table: SessionsTable, session_id: str, at_ms: int) -> Any:
        renew_session(table, session_id, NOON_MS - minutes(1) - 1, "by a slow clock")
        return mark_announced(table, session_id, at_ms)

    monkeypatch.setattr("publishing.timer_step.mark_announced", renew_first)
    assert timers.ring("a-session") == []
    assert (timers.published, len(timers.sent)) == ([], 1)
    assert "announcedAt" not in item_with(timers.table, "a-session")


def test_a_session_deleted_at_the_last_instant_is_not_announced(
    timers: Timers, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(timers.table, expired())

    def delete_first(table: SessionsTable, session_id: str, at_ms: int) -> Any:
        delete_session(table, session_id)
        return mark_announced(table, session_id, at_ms)

    monkeypatch.setattr("publishing.timer_step.mark_announced", delete_first)
    assert timers.ring("a-session") == []
    assert (timers.published, timers.sent) == ([], [])
    assert item_with(timers.table, "a-session") == {}


# Deliveries


def test_of_two_deliveries_at_once_one_goes_on(timers: Timers) -> None:
    put(timers.table, expired())
    twice = first("a-session", 1), first("a-session", 2)
    assert timers.handle(*twice) == []
    assert timers.published == [(EXPIRED, "a-session")]


def test_ten_messages_of_one_session_leave_one(timers: Timers) -> None:
    put(timers.table, session())
    assert timers.handle(*(first("a-session", number) for number in range(10))) == []
    assert len(timers.sent) == 1


def test_a_message_delivered_hours_later_does_nothing(timers: Timers) -> None:
    put(timers.table, session(expires=600, timeout=1440))
    timers.ring("a-session")
    timers.now_ms += 3 * HOUR_MS
    timers.handle(first("a-session"))
    assert len(timers.sent) == 1


def test_a_message_delivered_again_takes_its_timer_over(timers: Timers) -> None:
    """Whoever had it may have failed after the claim."""
    put(timers.table, session())
    timers.ring("a-session")
    timers.handle(first("a-session", times=2))
    of_the_first, of_the_second = (each["timer"] for each in timers.sent)
    assert token_of(timers) == of_the_second != of_the_first


def test_the_message_whose_timer_was_taken_over_ends(timers: Timers) -> None:
    put(timers.table, session())
    timers.ring("a-session")
    timers.handle(first("a-session", times=2))
    timers.handle(delivery(TimerMessage("a-session", timers.sent[0]["timer"])))
    assert len(timers.sent) == 2


# Clocks


@pytest.mark.parametrize("times", [1, 2, 5])
@pytest.mark.parametrize("ahead", ["ours", "that of SQS"])
def test_one_clock_that_is_ahead_announces_nothing(timers: Timers, ahead: str, times: int) -> None:
    put(timers.table, session(expires=15))
    received_at_ms = NOON_MS - (times - 1) * VISIBILITY_SECONDS * 1000
    if ahead == "ours":
        timers.now_ms += HOUR_MS
    else:
        received_at_ms += HOUR_MS
    timers.handle(first("a-session", times=times, received_at_ms=received_at_ms))
    assert timers.published == []
    assert len(timers.sent) == 1


@pytest.mark.parametrize("shift_ms", [-HOUR_MS, HOUR_MS])
def test_by_a_clock_that_is_off_no_message_goes_round_at_once(
    timers: Timers, shift_ms: int
) -> None:
    """Its delay counts from the instant that it is judged at."""
    put(timers.table, session(expires=15))
    timers.now_ms += shift_ms
    timers.handle(first("a-session"))
    assert timers.sent[0]["delay"] >= 600


def test_time_that_passes_while_a_batch_is_handled_shortens_the_delay(timers: Timers) -> None:
    put(timers.table, session(expires=15))
    clock = iter([NOON_MS, NOON_MS + 20_000, NOON_MS + 20_000])
    services = timers.bus.client, timers.queue.client, timers.letters.client
    function = timer_function(timers.table, *services, lambda: next(clock))
    function({"Records": [first("a-session")]}, LambdaContext("an invocation", 30))
    assert timers.sent[0]["delay"] == 580


# Outages


def ten(timers: Timers, stored: Any = expired) -> list[dict[str, Any]]:
    """The messages of ten sessions."""
    ids = [f"session-{number}" for number in range(10)]
    for each in ids:
        put(timers.table, stored(each))
    return [first(each, number) for number, each in enumerate(ids)]


def test_a_batch_is_one_request_to_the_bus_and_one_to_the_queue(timers: Timers) -> None:
    assert timers.handle(*ten(timers, due_for_a_warning)) == []
    assert (timers.bus.request_sizes, timers.queue.request_sizes) == ([10], [10])


def test_of_ten_events_the_one_refused_becomes_a_dead_letter(timers: Timers) -> None:
    records = ten(timers)
    third = {"sessionId": "session-3"}
    timers.bus = ScriptedEventBridge(
        [
            lambda entries: [
                "MalformedDetail" if "session-3" in entry["Detail"] else None for entry in entries
            ]
        ]
    )
    assert timers.handle(*records) == []
    assert len(timers.published) == 9
    assert timers.kept == [(json.dumps(third), "EVENT_REFUSED", "MalformedDetail")]


def test_of_ten_events_the_one_throttled_comes_again(timers: Timers) -> None:
    """Although the bus takes the others."""
    records = ten(timers)
    timers.bus = ScriptedEventBridge(
        [
            lambda entries: [
                "ThrottlingException" if "session-3" in entry["Detail"] else None
                for entry in entries
            ]
        ]
    )
    assert timers.handle(*records) == ["message-3"]
    assert (len(timers.published), timers.kept) == (9, [])


def test_a_refused_expiry_is_not_noted_as_published(timers: Timers) -> None:
    """DynamoDB's TTL tries it once more."""
    put(timers.table, expired())
    timers.bus = ScriptedEventBridge([refuse("MalformedDetail")])
    assert timers.ring("a-session") == []
    assert token_of(timers) not in {None, PUBLISHED}


def test_a_refused_warning_does_not_stop_its_timer(timers: Timers) -> None:
    put(timers.table, due_for_a_warning())
    timers.bus = ScriptedEventBridge([refuse("MalformedDetail")])
    assert timers.ring("a-session") == []
    assert timers.sent[0]["warnedExpiresAt"] == NOON_MS + minutes(4)
    assert len(timers.kept) == 1


def test_a_warning_too_large_for_the_bus_does_not_stop_its_timer(timers: Timers) -> None:
    metadata_json = json.dumps({"text": "x" * MAX_BYTES})
    put(timers.table, replace(due_for_a_warning(), metadata_json=metadata_json))
    assert timers.ring("a-session") == []
    assert (timers.published, len(timers.sent)) == ([], 1)
    assert [reason for _, reason, _ in timers.kept] == ["EVENT_TOO_LARGE"]


def test_events_too_large_for_one_request_go_in_several(timers: Timers) -> None:
    metadata_json = json.dumps({"text": "x" * (MAX_BYTES // 3)})
    records = ten(timers, lambda each: expired(each, metadata_json=metadata_json))
    assert timers.handle(*records) == []
    assert timers.bus.request_sizes == [2] * 5


def test_while_the_bus_is_down_every_message_comes_again(timers: Timers) -> None:
    records = ten(timers)
    timers.bus = ScriptedEventBridge([disconnect])
    assert timers.handle(*records) == [each["messageId"] for each in records]
    assert (timers.sent, timers.kept) == ([], [])
    timers.bus = ScriptedEventBridge()
    again = [first(f"session-{number}", number, times=2) for number in range(10)]
    assert timers.handle(*again) == []
    assert len(timers.published) == 10


def test_while_the_bus_is_down_those_who_wait_go_on(timers: Timers) -> None:
    put(timers.table, session("waiting"))
    put(timers.table, expired())
    timers.bus = ScriptedEventBridge([throttle_request])
    assert timers.handle(first("waiting", 1), first("a-session", 2)) == ["message-2"]
    assert [each["sessionId"] for each in timers.sent] == ["waiting"]


def test_of_ten_messages_the_one_not_sent_comes_again(timers: Timers) -> None:
    records = ten(timers, session)
    timers.queue = ScriptedSqs(
        [
            lambda entries: [
                ("InternalError", True) if "session-3" in entry["MessageBody"] else None
                for entry in entries
            ]
        ]
    )
    assert timers.handle(*records) == ["message-3"]
    assert len(timers.sent) == 9


def test_while_the_queue_is_down_every_message_comes_again(timers: Timers) -> None:
    records = ten(timers, session)
    timers.queue = ScriptedSqs([scripted_sqs.disconnect])
    assert len(timers.handle(*records)) == 10
    timers.queue = ScriptedSqs()
    assert timers.handle(*(first(f"session-{n}", n, times=2) for n in range(10))) == []
    assert len(timers.sent) == 10


def test_while_the_queue_is_down_expiries_are_published(timers: Timers) -> None:
    put(timers.table, expired())
    timers.queue = ScriptedSqs([scripted_sqs.disconnect])
    assert timers.ring("a-session") == []
    assert timers.published == [(EXPIRED, "a-session")]


def test_a_dead_letter_that_cannot_be_kept_comes_again(timers: Timers) -> None:
    timers.letters = ScriptedSqs([scripted_sqs.disconnect])
    assert timers.handle(delivery("not a message")) == ["message-1"]


# Poison


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("hush", "INVALID_RECORD"),
        ('{"sessionId": ""}', "INVALID_RECORD"),
        ('{"sessionId": "idempotency-key hush"}', "INVALID_RECORD"),
        (json.dumps({"sessionId": "hush" * 600}), "INVALID_RECORD"),
        ('{"sessionId": "hush\\ud800"}', "INVALID_RECORD"),
    ],
)
def test_a_message_of_no_timer_is_kept_and_the_others_are_done(
    timers: Timers, body: str, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    put(timers.table, expired())
    assert timers.handle(delivery(body, 1), first("a-session", 2)) == []
    ((kept, kept_reason, cause),) = timers.kept
    assert (kept, kept_reason) == (body, reason)
    assert timers.published == [(EXPIRED, "a-session")]
    assert "hush" not in cause
    assert "hush" not in capsys.readouterr().out


def test_an_item_that_is_no_session_is_kept_as_a_dead_letter(timers: Timers) -> None:
    put(timers.table, {"sessionId": {"S": "no-session"}, "ttl": {"N": "1"}})
    assert timers.handle(first("no-session")) == []
    assert [reason for _, reason, _ in timers.kept] == ["NOT_A_SESSION"]


def test_a_bug_costs_its_message_alone(timers: Timers, monkeypatch: pytest.MonkeyPatch) -> None:
    put(timers.table, expired())

    def buggy(record: Any, *rest: Any) -> Any:
        if record["messageId"] == "message-1":
            raise RuntimeError("hush")
        return next_step(record, *rest)

    monkeypatch.setattr(module, "next_step", buggy)
    assert timers.handle(first("a-session", 1), first("a-session", 2)) == []
    assert [(reason, cause) for _, reason, cause in timers.kept] == [
        ("INTERNAL_ERROR", "RuntimeError")
    ]
    assert timers.published == [(EXPIRED, "a-session")]


# DynamoDB


@pytest.fixture
def behind_faults(table_behind_faults: SessionsTable) -> Timers:
    """The function over DynamoDB behind a proxy, with a live session."""
    return Timers(table_behind_faults)


def test_while_dynamodb_is_down_every_message_comes_again(
    behind_faults: Timers, dynamodb: FaultyDynamoDB
) -> None:
    dynamodb.faults = [fail]
    assert behind_faults.handle(first("a-session")) == ["message-1"]
    dynamodb.faults = [pass_on]
    assert behind_faults.handle(first("a-session", times=2)) == []
    assert len(behind_faults.sent) == 1


def test_an_expiry_that_cannot_be_noted_comes_again(
    timers: Timers, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(timers.table, expired())

    def unavailable(*_: Any) -> None:
        raise StorageUnavailable("it is down")

    monkeypatch.setattr(module, "mark_published", unavailable)
    assert timers.ring("a-session") == ["message-1"]
    monkeypatch.setattr(module, "mark_published", mark_published)
    assert timers.handle(first("a-session", times=2)) == []
    first_event, second_event = (json.loads(each["Detail"]) for each in timers.bus.taken)
    assert first_event == second_event


# What is logged


def test_a_batch_is_one_line_that_counts_what_was_done(timers: Timers) -> None:
    put(timers.table, expired("over"))
    put(timers.table, due_for_a_warning("near"))
    put(timers.table, session("live"))
    records = [first(each, n) for n, each in enumerate(("over", "near", "live", "nobody"))]
    timers.now_ms += 2_500
    with captured_lines() as lines:
        timers.handle(*(_received_at(each, timers.now_ms) for each in records))
    (line,) = lines
    counts = {"TimerSteps": 4, "TimersStarted": 3, "TimersEnded": 2, "Warnings": 1, "Expiries": 1}
    assert {name: line[name] for name in counts} == {k: [v] for k, v in counts.items()}
    assert line["Lateness"] == [0.0, 0.0]  # a first message makes something due
    assert (line["session_ids"], line["warned_session_ids"]) == (["over"], ["near"])


def test_a_timers_lateness_counts_from_the_instant_that_was_due(timers: Timers) -> None:
    put(timers.table, {**item_of(expired("over"), 0), "timer": {"S": "a" * 32}})
    timers.now_ms += 2_500
    with captured_lines() as lines:
        assert timers.ring("over") == []
    (line,) = lines
    assert line["Lateness"] == [62_500.0]


def _received_at(record: dict[str, Any], at_ms: int) -> dict[str, Any]:
    attributes = {**record["attributes"], "ApproximateFirstReceiveTimestamp": str(at_ms)}
    return {**record, "attributes": attributes}


def test_a_batch_that_does_nothing_is_counted_without_facts(timers: Timers) -> None:
    with captured_lines() as lines:
        timers.handle(first("nobody"))
    (line,) = lines
    assert (line["TimerSteps"], line["TimersEnded"]) == ([1.0], [1.0])
    assert not {"Warnings", "Expiries", "Lateness", "session_ids", "outcome"} & line.keys()


def test_the_line_of_ten_long_ids_is_bounded(timers: Timers) -> None:
    """A line of the embedded format must have less than 256 KB to be read."""
    long_ids = [f"{number}" + "\u20ac" * 680 for number in range(10)]
    for each in long_ids:
        put(timers.table, expired(each))
    with captured_lines() as lines:
        timers.handle(*(first(each, n) for n, each in enumerate(long_ids)))
    (line,) = lines
    assert len(json.dumps(line)) < 20_000
    assert len(line["Lateness"]) == 10


def test_the_log_has_no_metadata(timers: Timers, capsys: pytest.CaptureFixture[str]) -> None:
    put(timers.table, expired("over", metadata_json='{"secret":"hush"}'))
    put(timers.table, replace(due_for_a_warning("near"), metadata_json='{"secret":"hush"}'))
    timers.bus = ScriptedEventBridge([refuse("MalformedDetail"), take])
    timers.handle(first("over", 1), first("near", 2))
    timers.bus = ScriptedEventBridge([disconnect])
    timers.handle(first("over", 1, times=2), first("near", 2, times=2))
    assert "hush" not in capsys.readouterr().out


def test_an_outage_is_a_line_and_a_count_for_each_service(timers: Timers) -> None:
    records = ten(timers)
    timers.bus = ScriptedEventBridge([disconnect])
    with captured_lines() as lines:
        timers.handle(*records)
    _, log, metric = lines
    assert (log["level"], log["reason"], log["messages"]) == ("ERROR", "EventBridge", 10)
    assert (metric["BatchRetries"], metric["reason"]) == ([1.0], "EventBridge")


# What one batch does, whatever it has


@pytest.fixture(scope="module")
def module_timers(table_on_dynamodb_local: SessionsTable) -> SessionsTable:
    """The table, for generated batches."""
    return table_on_dynamodb_local


KINDS = ("over", "near", "live", "nobody", "poison")


@settings(max_examples=15, deadline=None)
@given(
    kinds=st.lists(st.sampled_from(KINDS), min_size=1, max_size=10),
    refused=st.sets(st.integers(0, 9)),
    unsent=st.sets(st.integers(0, 9)),
)
def test_each_message_of_a_batch_is_done_or_comes_again(
    module_timers: SessionsTable, kinds: list[str], refused: set[int], unsent: set[int]
) -> None:
    timers = Timers(module_timers)
    make = {"over": expired, "near": due_for_a_warning, "live": session}
    ids = [f"{kind}-{number}" for number, kind in enumerate(kinds)]
    for each, kind in zip(ids, kinds, strict=True):
        module_timers.client.delete_item(
            TableName=module_timers.name, Key={"sessionId": {"S": each}}
        )
        if kind in make:
            put(module_timers, make[kind](each))
    timers.bus = ScriptedEventBridge(
        [
            lambda entries: [
                "MalformedDetail" if _number(entry["Detail"]) in refused else None
                for entry in entries
            ]
        ]
    )
    timers.queue = ScriptedSqs(
        [
            lambda entries: [
                ("Refused", True) if _number(entry["MessageBody"]) in unsent else None
                for entry in entries
            ]
        ]
    )
    failed = timers.handle(
        *(
            delivery("poison", n) if kind == "poison" else first(each, n)
            for n, (each, kind) in enumerate(zip(ids, kinds, strict=True))
        )
    )
    going_on = {n for n, kind in enumerate(kinds) if kind in {"near", "live"}}
    announced = {n for n, kind in enumerate(kinds) if kind in {"over", "near"}}
    assert set(failed) == {f"message-{n}" for n in going_on & unsent}
    assert {_number(entry["Detail"]) for entry in timers.bus.taken} == announced - refused
    assert {_number(entry["MessageBody"]) for entry in timers.queue.taken} == going_on - unsent
    assert len(timers.kept) == kinds.count("poison") + len(announced & refused)


def _number(text: str) -> int:
    body = json.loads(text)
    session_id: str = body.get("session", body)["sessionId"]
    return int(session_id.rsplit("-", 1)[1])
