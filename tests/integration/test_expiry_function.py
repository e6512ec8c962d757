"""ExpiryFunction: records of the stream in, events on the bus, dead letters in the queue."""

import json
import time
import tracemalloc
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NoReturn, cast

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError

from domain.session import Session
from handlers import expiry
from handlers.expiry import MAX_WAIT_MS, RESERVE_MS
from handlers.observability import MAX_LOGGED_CHARS, logger
from publishing.bus import MAX_BYTES, MAX_PAUSES_SECONDS
from publishing.dead_letters import MAX_BODY_BYTES
from publishing.errors import Unavailable
from storage.item import item_of
from tests.contract import hold_to_the_event
from tests.eventbridge import (
    Answer,
    ScriptedEventBridge,
    fail,
    refuse,
    refuse_requests_with,
    take,
)
from tests.queues import Queue, expiry_function
from tests.removals import RETENTION_SECONDS, Invocation, removal, removal_of
from tests.sessions import session

if TYPE_CHECKING:
    from types_boto3_events import EventBridgeClient
    from types_boto3_sqs import SQSClient


@dataclass
class Unreachable:
    """An SQS that is gone."""

    requests: int = 0

    def send_message(self, **_: Any) -> None:
        """Fail."""
        self.requests += 1
        raise EndpointConnectionError(endpoint_url="https://sqs.example.com")


def unreachable(queue: Queue) -> Queue:
    """The queue, on a day when SQS is gone."""
    return replace(queue, client=cast("SQSClient", Unreachable()))


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the pauses between tries pass at once."""
    monkeypatch.setattr(time, "sleep", lambda _: None)


def announce(
    records: Sequence[Any],
    dead_letters: Queue,
    *answers: Answer,
    invocation: Invocation | None = None,
    now_ms: int = 0,
) -> tuple[list[str], ScriptedEventBridge]:
    """The sequence numbers that are reported to Lambda, and the EventBridge that was asked."""
    eventbridge = ScriptedEventBridge(list(answers) or [take])
    function = expiry_function(eventbridge.client, dead_letters, now_ms)
    report = function({"Records": list(records)}, invocation or Invocation())
    return [each["itemIdentifier"] for each in report["batchItemFailures"]], eventbridge


def expired(number: int) -> Session:
    return session(f"session-{number}", expires=-number)


def removals(*numbers: int) -> list[dict[str, Any]]:
    """The removals of so many sessions; their sequence numbers are 100 more."""
    return [removal(expired(number), number) for number in numbers]


def announced(eventbridge: ScriptedEventBridge) -> list[int]:
    """The numbers of the sessions whose events were taken, in their order."""
    details = [json.loads(entry["Detail"]) for entry in eventbridge.taken]
    return [int(detail["session"]["sessionId"].removeprefix("session-")) for detail in details]


def test_an_expiry_reaches_a_rules_target_as_the_schema_says(
    consumer: Queue, dead_letters: Queue
) -> None:
    function = expiry_function(boto3.client("events"), dead_letters)
    metadata = '{"channel":"web","n":[1.5,true,null],"t":"\\u00e9\u00e9"}'
    records = [removal(replace(expired(n), metadata_json=metadata), n) for n in range(1, 26)]
    assert function({"Records": records}, Invocation()) == {"batchItemFailures": []}
    events = [json.loads(message["Body"]) for message in consumer.messages()]
    for event in events:
        hold_to_the_event(event)
    details = {event["detail"]["session"]["sessionId"]: event["detail"] for event in events}
    assert len(events) == len(details) == 25
    for record in records:
        detail = details[record["dynamodb"]["OldImage"]["sessionId"]["S"]]
        assert detail["eventId"] == record["eventID"]
        assert detail["session"]["metadata"] == json.loads(metadata)
    assert dead_letters.messages() == []


def test_ten_events_are_a_request(dead_letters: Queue) -> None:
    reported, eventbridge = announce(removals(*range(1, 26)), dead_letters)
    assert reported == []
    assert [len(request) for request in eventbridge.requests] == [10, 10, 5]
    assert announced(eventbridge) == list(range(1, 26))


class Forgetful:
    """An EventBridge that takes everything and remembers nothing."""

    def put_events(self, **request: Any) -> dict[str, Any]:
        """The request of this name."""
        return {"Entries": [{"EventId": "1"} for _ in request["Entries"]]}


def test_a_batch_of_10_000_takes_no_more_memory_than_one_of_100(
    monkeypatch: pytest.MonkeyPatch, dead_letters: Queue
) -> None:
    monkeypatch.setattr(logger, "info", lambda *_, **__: None)  # the tests keep what is logged
    monkeypatch.setattr(expiry, "count", lambda *_, **__: None)
    function = expiry_function(cast("EventBridgeClient", Forgetful()), dead_letters)

    def most_bytes(size: int) -> int:
        batch = {"Records": removals(*range(size))}
        tracemalloc.start()
        assert function(batch, Invocation()) == {"batchItemFailures": []}
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    most_bytes(10)
    # Not 20 bytes a record, and so neither an object nor an event of any.
    assert most_bytes(10_000) < most_bytes(100) + 20 * 10_000


def test_an_empty_batch_is_nothing_to_do(dead_letters: Queue) -> None:
    reported, eventbridge = announce([], dead_letters)
    assert reported == []
    assert eventbridge.requests == []


def too_large(number: int) -> dict[str, Any]:
    metadata = '{"text":"' + "x" * MAX_BYTES + '"}'
    return removal(replace(expired(number), metadata_json=metadata), number)


def not_a_session(number: int) -> dict[str, Any]:
    item = item_of(expired(number), RETENTION_SECONDS)
    return removal_of({name: item[name] for name in ("sessionId", "ttl")}, number)


BAD_RECORDS = {
    "not a session": (not_a_session(3), "NOT_A_SESSION", "103"),
    "deleted by a call": (removal(expired(3), 3, userIdentity=None), "INVALID_RECORD", "103"),
    "without an image": (
        {**removal(expired(3), 3), "dynamodb": {"SequenceNumber": "103"}},
        "INVALID_RECORD",
        "103",
    ),
    "not even a record": ("record", "INVALID_RECORD", "unknown"),
    "nothing": (None, "INVALID_RECORD", "unknown"),
    "too large": (too_large(3), "EVENT_TOO_LARGE", "103"),
}


@pytest.mark.parametrize(
    ("bad", "reason", "sequence_number"), BAD_RECORDS.values(), ids=BAD_RECORDS.keys()
)
def test_a_bad_record_is_logged_and_kept_and_the_rest_of_its_batch_goes_out_once(
    dead_letters: Queue,
    capsys: pytest.CaptureFixture[str],
    bad: Any,
    reason: str,
    sequence_number: str,
) -> None:
    reported, eventbridge = announce([*removals(1, 2), bad, *removals(4, 5)], dead_letters)
    assert reported == []
    assert announced(eventbridge) == [1, 2, 4, 5]
    (letter,) = dead_letters.letters()
    assert letter.record == bad
    assert letter.attributes["reason"] == reason
    assert letter.attributes["sequence_number"] == sequence_number
    (line,) = [line for line in logged(capsys) if line["level"] == "ERROR"]
    assert line["reason"] == reason
    assert line["sequence_number"] == sequence_number
    assert "exception" not in line


def test_a_bug_costs_a_record_no_more_than_a_defect_would_and_the_log_shows_it(
    dead_letters: Queue, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def buggy(record: Any) -> NoReturn:
        raise RuntimeError(record["eventID"])

    monkeypatch.setattr(expiry, "expiry_of", buggy)
    assert announce(removals(1), dead_letters)[0] == []
    (letter,) = dead_letters.letters()
    assert letter.record == removals(1)[0]
    assert letter.attributes["reason"] == "INTERNAL_ERROR"
    (line,) = [line for line in logged(capsys) if line["level"] == "ERROR"]
    assert "in buggy" in line["exception"]


def test_what_is_said_of_a_record_is_bounded_and_plain(
    dead_letters: Queue, capsys: pytest.CaptureFixture[str]
) -> None:
    odd = removal(replace(expired(1), session_id="x" * 2000), 1)
    odd["dynamodb"]["SequenceNumber"] = "1\n2"
    announce([odd], dead_letters)
    announce([odd], dead_letters, refuse("a\x00\u00e9" + "x" * 1000))
    lines = [line for line in logged(capsys) if line["level"]]
    assert lines[0]["session_ids"] == ["x" * MAX_LOGGED_CHARS]
    (letter,) = dead_letters.letters()
    assert letter.attributes["sequence_number"] == "unknown"
    assert letter.attributes["cause"] == "a\\x00\\xe9" + "x" * (MAX_LOGGED_CHARS - 3)


def test_a_dead_letter_is_the_event_to_try_again_with(dead_letters: Queue) -> None:
    announce([removal(expired(1), 1)], dead_letters, refuse("MalformedDetail"))
    (message,) = dead_letters.messages()
    eventbridge = ScriptedEventBridge()
    function = expiry_function(eventbridge.client, dead_letters)
    assert function(json.loads(message["Body"]), Invocation()) == {"batchItemFailures": []}
    assert announced(eventbridge) == [1]


def test_a_record_larger_than_a_message_is_cut_and_says_so(dead_letters: Queue) -> None:
    metadata = json.dumps({"text": "\\\u00e9" * 200_000}, ensure_ascii=False)
    announce([removal(replace(expired(1), metadata_json=metadata), 1)], dead_letters)
    (message,) = dead_letters.messages()
    assert len(message["Body"]) == MAX_BODY_BYTES
    assert message["MessageAttributes"]["cut"]["StringValue"] == "true"


def test_what_eventbridge_refuses_is_tried_again_alone_and_nothing_is_published_twice(
    dead_letters: Queue,
) -> None:
    _, first = announce(removals(1, 2, 3), dead_letters)
    refused = first.taken[1]["Detail"]
    reported, eventbridge = announce(
        removals(1, 2, 3), dead_letters, refuse("ThrottlingException", refused), take
    )
    assert reported == []
    assert [len(request) for request in eventbridge.requests] == [3, 1]
    assert announced(eventbridge) == [1, 3, 2]
    assert dead_letters.messages() == []


def test_what_keeps_being_refused_is_a_dead_letter(dead_letters: Queue) -> None:
    _, first = announce(removals(1, 2, 3), dead_letters)
    refused = first.taken[1]["Detail"]
    reported, eventbridge = announce(
        removals(1, 2, 3), dead_letters, refuse("ThrottlingException", refused)
    )
    assert reported == []
    assert announced(eventbridge) == [1, 3]
    assert len(eventbridge.requests) == 1 + len(MAX_PAUSES_SECONDS)
    (letter,) = dead_letters.letters()
    assert letter.record == removals(2)[0]
    assert letter.attributes == {
        "reason": "EVENT_REFUSED",
        "cause": "ThrottlingException",
        "sequence_number": "102",
    }


def test_where_the_bus_is_down_the_batch_comes_back_from_there_and_nothing_goes_out_twice(
    dead_letters: Queue, capsys: pytest.CaptureFixture[str]
) -> None:
    records = removals(*range(1, 31))
    reported, eventbridge = announce(records, dead_letters, take, fail)
    assert reported == ["111"]
    assert announced(eventbridge) == list(range(1, 11))
    (line,) = [line for line in logged(capsys) if line["level"] == "ERROR"]
    assert (line["reason"], line["sequence_number"]) == ("EventBridge", "111")
    again, eventbridge = announce(from_sequence_number(reported[0], records), dead_letters)
    assert again == []
    assert announced(eventbridge) == list(range(11, 31))
    assert dead_letters.messages() == []


def from_sequence_number(first: str, records: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """What Lambda brings back: the records from the first one on that it was told of."""
    return [each for each in records if int(each["dynamodb"]["SequenceNumber"]) >= int(first)]


def test_a_bad_record_before_which_the_bus_is_down_is_kept_once(dead_letters: Queue) -> None:
    records = [*removals(1), not_a_session(2), *removals(3)]
    for _ in range(3):
        reported, _ = announce(records, dead_letters, fail)
        assert reported == ["101"]
    assert dead_letters.messages() == []
    reported, eventbridge = announce(records, dead_letters)
    assert reported == []
    assert announced(eventbridge) == [1, 3]
    assert len(dead_letters.messages()) == 1


def test_where_the_queue_is_down_the_batch_comes_back_from_there_and_nothing_goes_out_twice(
    dead_letters: Queue,
) -> None:
    records = [*removals(*range(1, 14)), not_a_session(14), *removals(15, 16)]
    reported, eventbridge = announce(records, unreachable(dead_letters))
    assert reported == ["114"]
    assert announced(eventbridge) == list(range(1, 14))
    again, eventbridge = announce(from_sequence_number("114", records), dead_letters)
    assert again == []
    assert announced(eventbridge) == [15, 16]
    assert [letter.attributes["sequence_number"] for letter in dead_letters.letters()] == ["114"]


def test_an_answer_that_is_not_sqss_is_a_failure_of_the_queue(dead_letters: Queue) -> None:
    """Botocore takes a body that it cannot read for an empty one."""

    class Unreadable:
        def send_message(self, **_: Any) -> dict[str, Any]:
            return {}

    queue = replace(dead_letters, client=cast("SQSClient", Unreadable()))
    assert announce([not_a_session(1)], queue)[0] == ["101"]


def test_a_request_refused_for_one_of_its_entries_is_made_one_by_one(dead_letters: Queue) -> None:
    _, first = announce(removals(1, 2, 3), dead_letters)
    refused = first.taken[1]["Detail"]
    reported, eventbridge = announce(removals(1, 2, 3), dead_letters, refuse_requests_with(refused))
    assert reported == []
    assert announced(eventbridge) == [1, 3]
    (letter,) = dead_letters.letters()
    assert letter.attributes["cause"] == "ValidationException"


def test_what_waited_long_for_the_bus_is_kept_and_the_rest_goes_on_waiting(
    dead_letters: Queue,
) -> None:
    """Lambda gives up later, and would keep no more than a sequence number."""
    old, young = removals(3, 2)  # the higher number expired the longer ago, by a minute
    removed_at_ms = int(old["dynamodb"]["ApproximateCreationDateTime"]) * 1000
    reported, _ = announce([old, young], dead_letters, fail, now_ms=removed_at_ms + MAX_WAIT_MS)
    assert reported == ["102"]
    (letter,) = dead_letters.letters()
    assert letter.record == old
    assert letter.attributes["reason"] == "BUS_UNAVAILABLE"
    late = Invocation((RESERVE_MS - 1,))
    now_ms = removed_at_ms + MAX_WAIT_MS
    assert announce([old], dead_letters, fail, now_ms=now_ms, invocation=late)[0] == ["103"]
    assert dead_letters.messages() == []


def test_where_the_queue_is_down_it_is_asked_once(dead_letters: Queue) -> None:
    sqs = Unreachable()
    records = [not_a_session(number) for number in range(1, 21)]
    reported, _ = announce(records, replace(dead_letters, client=cast("SQSClient", sqs)))
    assert reported == ["101"]
    assert sqs.requests == 1


def test_a_queue_that_is_not_there_is_down(dead_letters: Queue) -> None:
    nowhere = replace(dead_letters, url=f"{dead_letters.url}-no-more")
    assert announce([not_a_session(1)], nowhere)[0] == ["101"]


def test_a_refused_entry_comes_back_where_the_queue_is_down(dead_letters: Queue) -> None:
    _, first = announce(removals(1, 2, 3), dead_letters)
    refused = first.taken[1]["Detail"]
    reported, eventbridge = announce(
        removals(1, 2, 3), unreachable(dead_letters), refuse("MalformedDetail", refused)
    )
    assert reported == ["102"]
    assert announced(eventbridge) == [1, 3]


def test_a_record_that_cannot_be_named_brings_back_its_batch_where_the_queue_is_down(
    dead_letters: Queue,
) -> None:
    """Without a sequence number there is nothing to report: the invocation fails instead."""
    with pytest.raises(Unavailable):
        announce([None, *removals(1)], unreachable(dead_letters))


def test_a_record_without_a_number_among_others_does_not_hinder_their_return(
    dead_letters: Queue,
) -> None:
    nameless = removal(expired(3), 3)
    nameless["dynamodb"]["SequenceNumber"] = None
    reported, eventbridge = announce([*removals(1, 2), nameless], dead_letters, fail)
    assert reported == ["101"]
    assert announced(eventbridge) == []


def test_no_more_is_begun_than_there_is_time_for(
    dead_letters: Queue, capsys: pytest.CaptureFixture[str]
) -> None:
    invocation = Invocation((RESERVE_MS, RESERVE_MS - 1))
    reported, eventbridge = announce(removals(*range(1, 31)), dead_letters, invocation=invocation)
    assert announced(eventbridge) == list(range(1, 21))
    assert reported == ["121"]
    assert [line["reason"] for line in logged(capsys) if line["level"] == "WARNING"] == ["Lambda"]


def test_dead_letters_are_begun_only_if_there_is_time_too(dead_letters: Queue) -> None:
    records = [*removals(1), not_a_session(2), not_a_session(3), *removals(4)]
    invocation = Invocation((RESERVE_MS, RESERVE_MS - 1))
    reported, eventbridge = announce(records, dead_letters, invocation=invocation)
    assert reported == ["103"]
    assert announced(eventbridge) == [1]
    assert len(dead_letters.messages()) == 1


def test_large_events_are_requests_of_their_own_each_begun_if_there_is_time(
    dead_letters: Queue,
) -> None:
    metadata = '{"text":"' + "x" * (MAX_BYTES * 2 // 3) + '"}'
    records = [
        removal(replace(expired(number), metadata_json=metadata), number) for number in (1, 2, 3)
    ]
    invocation = Invocation((RESERVE_MS, RESERVE_MS - 1))
    reported, eventbridge = announce(records, dead_letters, invocation=invocation)
    assert reported == ["103"]
    assert [len(request) for request in eventbridge.requests] == [1, 1]


def test_the_first_request_is_begun_with_whatever_time_there_is(dead_letters: Queue) -> None:
    """Or a batch could come back for ever."""
    reported, eventbridge = announce(removals(1), dead_letters, invocation=Invocation((0,)))
    assert reported == []
    assert announced(eventbridge) == [1]


def test_the_log_says_whose_expiry_is_announced_and_no_more_of_the_session(
    dead_letters: Queue, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = replace(expired(2), metadata_json='{"secret":"hush"}')
    broken = {**item_of(secret, RETENTION_SECONDS), "renewalCount": {"N": "-1"}}
    announce([removal(secret, 1), removal_of(broken, 2), "hush"], dead_letters)
    output = capsys.readouterr().out
    lines = [json.loads(line) for line in output.splitlines()]
    (line,) = [line for line in lines if line.get("message") == "announced"]
    assert line["session_ids"] == ["session-2"]
    assert "hush" not in output


def test_each_outcome_is_counted(dead_letters: Queue, capsys: pytest.CaptureFixture[str]) -> None:
    records = [*removals(*range(1, 13)), not_a_session(13)]
    announce(records, dead_letters)
    announce(records, dead_letters, fail)
    counted = [line for line in logged(capsys) if "_aws" in line]
    assert [counts(line) for line in counted] == [
        {"Expiries": [10]},
        {"Expiries": [2]},
        {"DeadLetters": [1], "reason": "NOT_A_SESSION"},
        {"Returns": [1], "reason": "EventBridge"},
    ]


def counts(line: dict[str, Any]) -> dict[str, Any]:
    """What the metric says."""
    names = ("Expiries", "DeadLetters", "Returns", "reason")
    return {name: line[name] for name in names if name in line}


def logged(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return [{"level": "", **line} for line in lines]
