"""ExpiryFunction: stream records in, events on the bus, dead letters in the queue."""

import json
import time
import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NoReturn, cast

import boto3
import pytest

from domain.session import MS_PER_SECOND
from local.stream import Record
from publishing import expiry_publisher
from publishing.dead_letters import MAX_BODY_BYTES
from publishing.event_bus import MAX_BYTES
from publishing.expiry_publisher import MAX_WAIT_MS, RESERVE_MS, session_expired_event
from publishing.failures import ServiceUnavailable
from runtime.observability import MAX_LOGGED_CHARS, logger
from runtime.retries import MAX_ATTEMPTS
from storage.item import item_of
from tests.support.contract import assert_event_schema
from tests.support.functions import expiry_function
from tests.support.queues import Queue
from tests.support.scripted_eventbridge import (
    Answer,
    ScriptedEventBridge,
    refuse,
    take,
    throttle_request,
)
from tests.support.scripted_sqs import ScriptedSqs
from tests.support.scripted_sqs import disconnect as sqs_down
from tests.support.scripted_sqs import refuse as refuse_messages
from tests.support.stream_records import (
    Invocation,
    expired_session,
    session_numbers,
    ttl_deletion,
    ttl_deletions,
)

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient

NOTHING_TO_RETRY: dict[str, list[object]] = {"batchItemFailures": []}


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the pauses between retries take no time."""
    monkeypatch.setattr(time, "sleep", lambda _: None)


@dataclass(frozen=True)
class Run:
    """What an invocation came to: the record reported to Lambda, and the events published."""

    retried_from: str | None
    published: list[int]
    requests: list[int]


def publish(
    records: Sequence[Any],
    dead_letters: Queue,
    *answers: Answer,
    invocation: Invocation | None = None,
    now_ms: int = 0,
) -> Run:
    """Invoke the function with these records, while EventBridge gives these answers."""
    eventbridge = ScriptedEventBridge(list(answers) or [take])
    function = expiry_function(eventbridge.client, dead_letters, now_ms)
    report = function({"Records": list(records)}, invocation or Invocation())
    reported = [each["itemIdentifier"] for each in report["batchItemFailures"]]
    assert len(reported) <= 1
    return Run(
        reported[0] if reported else None,
        session_numbers(eventbridge.taken),
        eventbridge.request_sizes,
    )


def from_record(number: int, records: Sequence[Record]) -> list[Record]:
    """What Lambda retries: the records from this one on."""
    return [each for each in records if int(each["dynamodb"]["SequenceNumber"]) >= number]


def detail_of(number: int) -> str:
    """The detail of the event that is published of this session."""
    (record,) = ttl_deletions(number)
    event = session_expired_event(record)
    assert event is not None
    return event.detail_json


def not_a_session(number: int) -> Record:
    item = item_of(expired_session(number), 0)
    return ttl_deletion({name: item[name] for name in ("sessionId", "ttl")}, number)


def too_large(number: int) -> Record:
    metadata_json = json.dumps({"text": "x" * MAX_BYTES})
    return ttl_deletion(expired_session(number, metadata_json=metadata_json), number)


def behind(sqs: ScriptedSqs) -> Queue:
    return Queue(sqs.client, "queue")


def unreachable(_: Queue) -> Queue:
    return behind(ScriptedSqs([sqs_down]))


def missing(queue: Queue) -> Queue:
    return replace(queue, url=f"{queue.url}-missing")


def unreadable(queue: Queue) -> Queue:
    """A queue whose replies botocore cannot parse: it makes an empty reply of them."""

    class UnreadableSqs:
        def send_message_batch(self, **_: Any) -> dict[str, Any]:
            return {}

    return replace(queue, client=cast("SQSClient", UnreadableSqs()))


def logged(capsys: pytest.CaptureFixture[str], level: str) -> list[dict[str, Any]]:
    """The lines of this level in the log."""
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return [line for line in lines if line.get("level") == level]


def published(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """The lines in the log of what was published."""
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return [line for line in lines if "Expiries" in line]


# What is published


def test_each_expiry_of_a_batch_is_delivered_to_a_rules_target(
    consumer: Queue, dead_letters: Queue
) -> None:
    records = ttl_deletions(*range(1, 26))
    function = expiry_function(boto3.client("events"), dead_letters)

    assert function({"Records": records}, Invocation()) == NOTHING_TO_RETRY

    event_ids = sorted(event["detail"]["eventId"] for event in consumer.events())
    assert event_ids == sorted(json.loads(detail_of(n))["eventId"] for n in range(1, 26))
    assert dead_letters.messages() == []


def test_a_delivered_event_matches_its_schema_and_has_the_metadata(
    consumer: Queue, dead_letters: Queue
) -> None:
    metadata_json = '{"channel":"web","n":[1.5,true,null],"t":"\\u00e9\u00e9"}'
    function = expiry_function(boto3.client("events"), dead_letters)

    function(
        {"Records": [ttl_deletion(expired_session(1, metadata_json=metadata_json))]}, Invocation()
    )

    (event,) = consumer.events()
    assert_event_schema(event)
    assert event["detail"]["session"]["metadata"] == json.loads(metadata_json)


def test_events_are_sent_ten_at_a_time(dead_letters: Queue) -> None:
    run = publish(ttl_deletions(*range(1, 26)), dead_letters)

    assert run == Run(None, published=list(range(1, 26)), requests=[10, 10, 5])


def test_a_bad_record_among_good_ones_costs_no_request_of_its_own(dead_letters: Queue) -> None:
    records = [*ttl_deletions(1, 2, 3), not_a_session(4), *ttl_deletions(*range(5, 16))]

    assert publish(records, dead_letters).requests == [10, 4]


def test_an_empty_batch_makes_no_request(dead_letters: Queue) -> None:
    assert publish([], dead_letters) == Run(None, published=[], requests=[])


@dataclass(frozen=True)
class ForgetfulServices:
    """Take everything but the first so many entries of each request, and record nothing."""

    refused: int

    def put_events(self, **request: Any) -> dict[str, Any]:
        """``PutEvents``."""
        taken = request["Entries"][self.refused :]
        refusals = [{"ErrorCode": "MalformedDetail"}] * self.refused
        return {"Entries": [*refusals, *({"EventId": "1"} for _ in taken)]}

    def send_message_batch(self, **request: Any) -> dict[str, Any]:
        """``SendMessageBatch``."""
        return {"Successful": [{"Id": entry["Id"]} for entry in request["Entries"]]}


@pytest.mark.parametrize("refused", [0, 1])
def test_a_batch_of_3_000_takes_no_more_memory_than_one_of_100(
    monkeypatch: pytest.MonkeyPatch, refused: int
) -> None:
    """Neither if EventBridge takes all events, nor if it refuses one of each request."""
    for level in ("info", "error"):
        monkeypatch.setattr(logger, level, lambda *_, **__: None)  # pytest keeps what is logged
    monkeypatch.setattr(expiry_publisher, "count", lambda *_, **__: None)
    services: Any = ForgetfulServices(refused)
    function = expiry_function(services, Queue(services, "queue"))

    def peak_bytes(size: int) -> int:
        batch = {"Records": ttl_deletions(*range(size))}
        tracemalloc.start()
        assert function(batch, Invocation()) == NOTHING_TO_RETRY
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return peak

    peak_bytes(100)
    # Less than 20 bytes a record: neither an object nor an event is kept of any.
    assert peak_bytes(3_000) < peak_bytes(100) + 20 * 3_000


# What is kept as a dead letter

BAD_RECORDS = {
    "not a session": (not_a_session(3), "NOT_A_SESSION", "3"),
    "too large": (too_large(3), "EVENT_TOO_LARGE", "3"),
    "deleted by a call": (
        ttl_deletion(expired_session(3), 3, userIdentity=None),
        "INVALID_RECORD",
        "3",
    ),
    "not even a record": (None, "INVALID_RECORD", "unknown"),
}
bad_records = pytest.mark.parametrize(
    ("bad", "reason", "sequence_number"), BAD_RECORDS.values(), ids=BAD_RECORDS.keys()
)


@bad_records
def test_a_bad_record_is_kept_and_the_rest_of_its_batch_is_published(
    dead_letters: Queue, bad: Any, reason: str, sequence_number: str
) -> None:
    run = publish([*ttl_deletions(1, 2), bad, *ttl_deletions(4, 5)], dead_letters)

    assert run == Run(None, published=[1, 2, 4, 5], requests=[4])
    (letter,) = dead_letters.letters()
    assert letter.record == bad
    assert letter.attributes["reason"] == reason
    assert letter.attributes["sequence_number"] == sequence_number


@bad_records
def test_a_bad_record_is_logged_as_an_error_without_a_stack_trace(
    dead_letters: Queue,
    capsys: pytest.CaptureFixture[str],
    bad: Any,
    reason: str,
    sequence_number: str,
) -> None:
    publish([bad], dead_letters)

    (line,) = logged(capsys, "ERROR")
    assert (line["reason"], line["sequence_number"]) == (reason, sequence_number)
    assert "exception" not in line


@pytest.fixture
def bug(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug in the reading of records."""

    def buggy(record: Any) -> NoReturn:
        raise RuntimeError(record["eventID"])

    monkeypatch.setattr(expiry_publisher, "removal_of", buggy)


@pytest.mark.usefixtures("bug")
def test_a_record_that_a_bug_fails_on_is_kept(dead_letters: Queue) -> None:
    run = publish(ttl_deletions(1), dead_letters)

    assert run.retried_from is None
    (letter,) = dead_letters.letters()
    assert letter.record == ttl_deletions(1)[0]
    assert letter.attributes["reason"] == "INTERNAL_ERROR"


@pytest.mark.usefixtures("bug")
def test_a_bug_is_logged_with_its_stack_trace(
    dead_letters: Queue, capsys: pytest.CaptureFixture[str]
) -> None:
    publish(ttl_deletions(1), dead_letters)

    (line,) = logged(capsys, "ERROR")
    assert "in buggy" in line["exception"]


def test_an_event_that_stays_refused_is_kept_and_the_others_are_published(
    dead_letters: Queue,
) -> None:
    refused = refuse("MalformedDetail", detail_of(2))

    run = publish(ttl_deletions(1, 2, 3), dead_letters, refused)

    assert run == Run(None, published=[1, 3], requests=[3])
    (letter,) = dead_letters.letters()
    assert letter.record == ttl_deletions(2)[0]
    assert letter.attributes == {
        "reason": "EVENT_REFUSED",
        "cause": "MalformedDetail",
        "sequence_number": "2",
    }


def test_a_dead_letter_is_an_event_to_invoke_the_function_with(dead_letters: Queue) -> None:
    publish(ttl_deletions(1), dead_letters, refuse("MalformedDetail"))
    (message,) = dead_letters.messages()

    run = publish(json.loads(message["Body"])["Records"], dead_letters)

    assert run.published == [1]


def test_a_record_larger_than_a_message_is_cut_and_marked_so(dead_letters: Queue) -> None:
    metadata_json = json.dumps({"text": "\\\u00e9" * 200_000}, ensure_ascii=False)

    publish([ttl_deletion(expired_session(1, metadata_json=metadata_json))], dead_letters)

    (message,) = dead_letters.messages()
    assert len(message["Body"]) == MAX_BODY_BYTES
    assert message["MessageAttributes"]["cut"]["StringValue"] == "true"


def test_the_cause_in_a_dead_letter_is_short_and_plain_ascii(dead_letters: Queue) -> None:
    publish(ttl_deletions(1), dead_letters, refuse("a\x00\u00e9" + "x" * 1000))

    (letter,) = dead_letters.letters()
    assert letter.attributes["cause"] == "a\\x00\\xe9" + "x" * (MAX_LOGGED_CHARS - 3)


def test_the_cause_in_a_dead_letter_is_never_empty(dead_letters: Queue) -> None:
    """SQS refuses a message with an empty attribute."""
    publish(ttl_deletions(1), dead_letters, refuse(""))

    (letter,) = dead_letters.letters()
    assert letter.attributes["cause"] == "none"


# How far bad records slow the rest


@pytest.fixture
def pauses_made(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses between retries, which take no time."""
    made: list[float] = []
    monkeypatch.setattr(time, "sleep", made.append)
    return made


def test_one_refused_event_in_ten_costs_no_pause_and_two_requests(
    pauses_made: list[float],
) -> None:
    """Of a batch of 100, the bus takes 90 events, and the queue 10 dead letters."""
    poison = refuse("MalformedDetail", *(detail_of(number) for number in range(1, 101, 10)))
    sqs = ScriptedSqs()

    run = publish(ttl_deletions(*range(1, 101)), behind(sqs), poison)

    assert (run.retried_from, len(run.published)) == (None, 90)
    assert run.requests == [10] * 10
    assert sqs.request_sizes == [1, 9]
    assert pauses_made == []


def test_one_record_in_ten_that_is_no_session_costs_no_more(pauses_made: list[float]) -> None:
    records = [
        record
        for number in range(1, 101, 10)
        for record in (not_a_session(number), *ttl_deletions(*range(number + 1, number + 10)))
    ]
    sqs = ScriptedSqs()

    run = publish(records, behind(sqs))

    assert (run.retried_from, run.requests) == (None, [10] * 9)
    assert sum(sqs.request_sizes) == 10
    assert len(sqs.requests) == 2
    assert pauses_made == []


# What is retried


def test_a_batch_is_retried_from_where_the_bus_is_unavailable(dead_letters: Queue) -> None:
    records = ttl_deletions(*range(1, 31))

    run = publish(records, dead_letters, take, throttle_request)
    assert run == Run("11", published=list(range(1, 11)), requests=[10] * (1 + MAX_ATTEMPTS))

    run = publish(from_record(11, records), dead_letters)
    assert run == Run(None, published=list(range(11, 31)), requests=[10, 10])


def test_a_retry_is_logged_with_its_service_and_record(
    dead_letters: Queue, capsys: pytest.CaptureFixture[str]
) -> None:
    publish(ttl_deletions(1), dead_letters, throttle_request)

    (line,) = logged(capsys, "ERROR")
    assert (line["reason"], line["sequence_number"]) == ("EventBridge", "1")


def test_no_bad_record_is_kept_before_the_events_ahead_of_it_are_out(dead_letters: Queue) -> None:
    records = [*ttl_deletions(1), not_a_session(2), *ttl_deletions(3)]

    run = publish(records, dead_letters, throttle_request)

    assert run == Run("1", published=[], requests=[2] * MAX_ATTEMPTS)
    assert dead_letters.messages() == []


def test_dead_letters_ahead_of_an_event_in_an_outage_are_kept(dead_letters: Queue) -> None:
    records = [not_a_session(1), *ttl_deletions(2)]

    assert publish(records, dead_letters, throttle_request).retried_from == "2"
    (letter,) = dead_letters.letters()
    assert letter.record == records[0]


@pytest.mark.parametrize("down", [unreachable, missing, unreadable])
def test_a_batch_is_retried_from_where_the_queue_is_unavailable(
    dead_letters: Queue, down: Callable[[Queue], Queue]
) -> None:
    records = [*ttl_deletions(1, 2), not_a_session(3), *ttl_deletions(4)]

    assert publish(records, down(dead_letters)).retried_from == "3"

    run = publish(from_record(3, records), dead_letters)
    assert run == Run(None, published=[4], requests=[1])
    assert len(dead_letters.messages()) == 1


def test_an_unavailable_queue_is_tried_for_one_request_of_a_batch() -> None:
    sqs = ScriptedSqs([sqs_down])

    publish([not_a_session(number) for number in range(1, 31)], behind(sqs))

    assert len(sqs.requests) == MAX_ATTEMPTS


def test_while_the_queue_is_down_a_retry_repeats_no_more_than_a_request() -> None:
    """However large the batch is, and however often it is retried."""
    records = [not_a_session(1), *ttl_deletions(*range(2, 101))]

    run = publish(records, behind(ScriptedSqs([sqs_down])))

    assert run == Run("1", published=list(range(2, 12)), requests=[10])


def test_the_first_letter_that_is_not_sent_is_retried() -> None:
    """Those after it that were sent will be sent again: a dead letter may exist twice."""
    records = [not_a_session(number) for number in range(1, 6)]
    third = json.dumps({"Records": [records[2]]})
    sqs = ScriptedSqs([refuse_messages("InvalidMessageContents", third, senders_fault=True)])

    assert publish(records, behind(sqs)).retried_from == "3"
    assert len(sqs.taken) == 4


@pytest.mark.parametrize("late", [False, True])
def test_a_letter_that_waits_is_sent_before_the_batch_is_retried(late: bool) -> None:
    """It waits for others, and then the bus fails, or the time is short."""
    records = [not_a_session(1), *ttl_deletions(*range(2, 13)), not_a_session(13)]
    records += ttl_deletions(*range(14, 33))
    sqs = ScriptedSqs()
    answers = [take] if late else [take, take, throttle_request]
    # Looked at: for each request to the bus and to the queue, and before each but the first.
    invocation = Invocation((*[RESERVE_MS] * 4, RESERVE_MS - 1)) if late else Invocation()

    run = publish(records, behind(sqs), *answers, invocation=invocation)

    assert (run.retried_from, run.published) == ("23", [*range(2, 13), *range(14, 23)])
    assert sqs.request_sizes == [1, 1]


def test_a_refused_event_is_retried_if_the_queue_is_unavailable(dead_letters: Queue) -> None:
    refused = refuse("MalformedDetail", detail_of(2))

    run = publish(ttl_deletions(1, 2, 3), unreachable(dead_letters), refused)

    assert run.retried_from == "2"


def test_the_invocation_fails_if_the_record_to_report_has_no_number(dead_letters: Queue) -> None:
    with pytest.raises(ServiceUnavailable):
        publish([None, *ttl_deletions(1)], unreachable(dead_letters))


def test_a_record_without_a_number_does_not_hinder_a_retry_from_another(
    dead_letters: Queue,
) -> None:
    (unnumbered,) = ttl_deletions(3)
    unnumbered["dynamodb"]["SequenceNumber"] = None

    run = publish([*ttl_deletions(1, 2), unnumbered], dead_letters, throttle_request)

    assert run.retried_from == "1"


# How long a record waits for the bus


def longest_wait_ms(record: Record) -> int:
    """The instant at which the record has waited as long as any may."""
    removed_at_seconds = int(record["dynamodb"]["ApproximateCreationDateTime"])
    return removed_at_seconds * MS_PER_SECOND + MAX_WAIT_MS


def test_after_the_longest_wait_a_record_is_kept_and_the_rest_is_retried(
    dead_letters: Queue,
) -> None:
    """Lambda would drop it later, and keep no more than its sequence number."""
    old, young = ttl_deletions(3, 2)  # session 3 expired a minute before session 2
    now_ms = longest_wait_ms(old)

    run = publish([old, young], dead_letters, throttle_request, now_ms=now_ms)

    assert run.retried_from == "2"
    (letter,) = dead_letters.letters()
    assert letter.record == old
    assert letter.attributes["reason"] == "BUS_UNAVAILABLE"


def test_until_the_longest_wait_is_over_a_record_is_retried(dead_letters: Queue) -> None:
    (record,) = ttl_deletions(1)
    now_ms = longest_wait_ms(record) - 1

    assert publish([record], dead_letters, throttle_request, now_ms=now_ms).retried_from == "1"


def test_without_time_for_a_dead_letter_the_longest_wait_goes_on(dead_letters: Queue) -> None:
    (record,) = ttl_deletions(1)
    late = Invocation((RESERVE_MS - 1,))

    run = publish(
        [record], dead_letters, throttle_request, now_ms=longest_wait_ms(record), invocation=late
    )

    assert run.retried_from == "1"
    assert dead_letters.messages() == []


# How long an invocation lasts


def test_a_request_is_begun_only_if_there_is_time_for_it(dead_letters: Queue) -> None:
    invocation = Invocation((*[RESERVE_MS] * 3, RESERVE_MS - 1))

    run = publish(ttl_deletions(*range(1, 31)), dead_letters, invocation=invocation)

    assert run == Run("21", published=list(range(1, 21)), requests=[10, 10])


def test_dead_letters_are_made_only_if_there_is_time_for_them(dead_letters: Queue) -> None:
    records = [not_a_session(number) for number in range(1, 22)]
    invocation = Invocation((*[RESERVE_MS] * 3, RESERVE_MS - 1))

    run = publish(records, dead_letters, invocation=invocation)

    assert run.retried_from == "21"
    assert len(dead_letters.messages()) == 20


def test_a_batch_makes_progress_though_its_time_is_short(dead_letters: Queue) -> None:
    """Or it would be retried for ever."""
    run = publish(ttl_deletions(1), dead_letters, invocation=Invocation((RESERVE_MS - 1,)))

    assert run == Run(None, published=[1], requests=[1])


def test_a_lack_of_time_is_logged_as_a_warning(
    dead_letters: Queue, capsys: pytest.CaptureFixture[str]
) -> None:
    publish(ttl_deletions(*range(1, 12)), dead_letters, invocation=Invocation((RESERVE_MS - 1,)))

    assert [line["reason"] for line in logged(capsys, "WARNING")] == ["Lambda"]


# What the log and the metrics say


def test_the_log_names_the_sessions_whose_expiries_are_published(
    dead_letters: Queue, capsys: pytest.CaptureFixture[str]
) -> None:
    publish(ttl_deletions(1, 2, 3), dead_letters, refuse("MalformedDetail", detail_of(2)))

    (line,) = published(capsys)
    assert (line["outcome"], line["Expiries"]) == ("published", [2.0])
    assert line["session_ids"] == ["session-1", "session-3"]


def test_a_long_session_id_is_cut_in_the_log(
    dead_letters: Queue, capsys: pytest.CaptureFixture[str]
) -> None:
    long_id = "session-" + "1" * 2000

    publish([ttl_deletion(replace(expired_session(1), session_id=long_id))], dead_letters)

    (line,) = published(capsys)
    assert line["session_ids"] == [long_id[:MAX_LOGGED_CHARS]]


def test_the_log_contains_no_metadata_and_nothing_of_a_bad_record(
    dead_letters: Queue, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = expired_session(1, metadata_json='{"secret":"hush"}')
    broken = {**item_of(secret, 0), "renewalCount": {"N": "-1"}}

    publish([ttl_deletion(secret, 1), ttl_deletion(broken, 2), "hush"], dead_letters)

    assert "hush" not in capsys.readouterr().out


def test_published_kept_and_retried_records_are_counted(
    dead_letters: Queue, capsys: pytest.CaptureFixture[str]
) -> None:
    records = [*ttl_deletions(*range(1, 13)), not_a_session(13)]
    publish(records, dead_letters)
    publish(records, dead_letters, throttle_request)

    assert metrics(capsys) == [
        {"Expiries": [10]},
        {"Expiries": [2]},
        {"DeadLetters": [1], "reason": "NOT_A_SESSION"},
        {"BatchRetries": [1], "reason": "EventBridge"},
    ]


def metrics(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """Every metric in the log, with its dimension."""
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    names = ("Expiries", "DeadLetters", "BatchRetries", "reason")
    return [
        {name: line[name] for name in names if name in line} for line in lines if "_aws" in line
    ]
