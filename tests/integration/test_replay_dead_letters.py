"""The command that replays dead letters: moto's queue, and the real handler in Lambda's place."""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NoReturn

import boto3
import pytest
from botocore.exceptions import ClientError

from publishing.dead_letters import MAX_BODY_BYTES, DeadLetter, DeadLetterQueue
from publishing.expiry_publisher import MAX_WAIT_MS
from publishing.message_queue import MessageQueue
from recovery import expiry_replay
from recovery.__main__ import main
from recovery.dead_letters import CUT, DROPPED_BATCH, UNREADABLE
from recovery.expiry_replay import ExpiryReplay, Invoke
from recovery.pace import Pace
from recovery.replay import CAME_BACK, DeadLetterReplay, InvocationFailed, Replayed
from runtime.deadline import Deadline
from tests.support.functions import expiry_function
from tests.support.queues import Queue
from tests.support.scripted_eventbridge import (
    Answer,
    ScriptedEventBridge,
    client_error,
    refuse,
    take,
    throttle_request,
)
from tests.support.stream_records import Invocation, session_numbers, ttl_deletion, ttl_deletions

UNAVAILABLE = {"reason": "BUS_UNAVAILABLE", "cause": "it throttled", "sequence_number": "1"}
FULL_SPEED = 1e9


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the pauses between retries take no time, nor looks at an empty queue."""
    monkeypatch.setattr("time.sleep", lambda _: None)
    monkeypatch.setattr("recovery.replay.LOOK_SECONDS", 0)


@dataclass
class Function:
    """ExpiryFunction, in Lambda's place, and what EventBridge got of it."""

    dead_letters: Queue
    answers: list[Answer] = field(default_factory=lambda: [take])
    now_ms: int = 0
    eventbridge: ScriptedEventBridge = field(init=False)

    def __post_init__(self) -> None:
        self.eventbridge = ScriptedEventBridge(self.answers)

    def __call__(self, event: object) -> object:
        """Invoke it with an event that has been through JSON, as Lambda does."""
        function = expiry_function(self.eventbridge.client, self.dead_letters, self.now_ms)
        return function(json.loads(json.dumps(event)), Invocation())

    @property
    def published(self) -> list[int]:
        """The numbers of the sessions whose expiries were published."""
        return session_numbers(self.eventbridge.taken)


def keep(queue: Queue, record: object, **attributes: str) -> None:
    """Keep the record as the function does; by default because EventBridge was unavailable."""
    letter = DeadLetter(json.dumps({"Records": [record]}), {**UNAVAILABLE, **attributes})
    letters = DeadLetterQueue(MessageQueue(queue.client, queue.url))
    assert letters.send([letter], Deadline.after(5)) == [None]


def replayed(
    queue: Queue,
    invoke: Invoke,
    *,
    apply: bool = True,
    chosen: tuple[str, ...] = (),
    max_messages: int = 100,
) -> Replayed:
    """What a replay comes to."""
    outcome = Replayed()
    replay_of(queue, invoke, apply, chosen, max_messages).run(outcome)
    return outcome


def replay_of(
    queue: Queue, invoke: Invoke, apply: bool, chosen: tuple[str, ...], max_messages: int
) -> DeadLetterReplay:
    """The replay itself."""
    handler = ExpiryReplay(boto3.client("dynamodbstreams"), invoke, Pace(FULL_SPEED))
    return DeadLetterReplay(queue.client, queue.url, handler, chosen, max_messages, apply)


def waiting(queue: Queue) -> int:
    """How many messages anybody can receive."""
    reply = queue.client.get_queue_attributes(QueueUrl=queue.url, AttributeNames=["All"])
    return int(reply["Attributes"]["ApproximateNumberOfMessages"])


def failing_once(queue: Queue, operation: str, error: Callable[[], BaseException]) -> Any:
    """Let the queue's next request of this operation fail, and the ones after it succeed."""
    event = f"before-call.sqs.{operation}"

    def fail(**_: object) -> NoReturn:
        queue.client.meta.events.unregister(event, fail)
        raise error()

    queue.client.meta.events.register(event, fail)
    return fail


def test_a_replayed_record_is_published_and_its_message_deleted(dead_letters: Queue) -> None:
    for record in ttl_deletions(1, 2, 3):
        keep(dead_letters, record)
    function = Function(dead_letters)
    outcome = replayed(dead_letters, function)
    assert (outcome.replayed, outcome.all_done) == (3, True)
    assert sorted(function.published) == [1, 2, 3]
    assert dead_letters.messages() == []


def test_a_dry_run_counts_by_reason_and_leaves_all_visible(dead_letters: Queue) -> None:
    for record in ttl_deletions(*range(1, 13)):
        keep(dead_letters, record)
    keep(dead_letters, {}, reason="INVALID_RECORD")
    function = Function(dead_letters)
    outcome = replayed(dead_letters, function, apply=False)
    assert outcome.by_reason == {"BUS_UNAVAILABLE": 12, "INVALID_RECORD": 1}
    assert (outcome.replayed, sum(outcome.left.values())) == (12, 1)
    assert function.published == []
    assert waiting(dead_letters) == 13


LEFT = {
    "INVALID_RECORD": "look at it",
    "NOT_A_SESSION": "look at it",
    "EVENT_TOO_LARGE": "other means",
    "INTERNAL_ERROR": "a bug",
    "EVENT_REFUSED": "for good",
}


@pytest.mark.parametrize("reason", LEFT)
def test_what_a_replay_does_not_help_is_left_with_advice(dead_letters: Queue, reason: str) -> None:
    keep(dead_letters, ttl_deletions(1)[0], reason=reason, cause="ValidationException")
    function = Function(dead_letters)
    outcome = replayed(dead_letters, function)
    (why,) = outcome.left
    assert why.startswith(f"{reason}: ")
    assert LEFT[reason] in why
    assert function.published == []
    assert waiting(dead_letters) == 1


@pytest.mark.parametrize("cause", ["ThrottlingException", "InternalFailure"])
def test_a_refusal_that_passes_is_replayed(dead_letters: Queue, cause: str) -> None:
    keep(dead_letters, ttl_deletions(1)[0], reason="EVENT_REFUSED", cause=cause)
    assert replayed(dead_letters, Function(dead_letters)).replayed == 1


def test_only_the_reasons_that_are_named_are_replayed(dead_letters: Queue) -> None:
    first, second = ttl_deletions(1, 2)
    keep(dead_letters, first)
    keep(dead_letters, second, reason="INTERNAL_ERROR")
    function = Function(dead_letters)
    outcome = replayed(dead_letters, function, chosen=("INTERNAL_ERROR",))
    assert function.published == [2]
    assert sum(outcome.left.values()) == waiting(dead_letters) == 1


def test_a_record_that_was_cut_is_left(dead_letters: Queue) -> None:
    keep(dead_letters, {"eventID": "x" * MAX_BODY_BYTES})
    outcome = replayed(dead_letters, Function(dead_letters), chosen=("BUS_UNAVAILABLE",))
    assert outcome.left == {f"BUS_UNAVAILABLE: {CUT}": 1}


@pytest.mark.parametrize("body", ["", "[]", '{"Records": []}', '{"Records": "none"}', '{"a": 1}'])
def test_a_message_of_someone_else_is_left(dead_letters: Queue, body: str) -> None:
    dead_letters.client.send_message(QueueUrl=dead_letters.url, MessageBody=body or " ")
    outcome = replayed(dead_letters, Function(dead_letters))
    assert outcome.by_reason == {UNREADABLE: 1}
    assert waiting(dead_letters) == 1


def test_a_record_that_becomes_a_dead_letter_again_stays(dead_letters: Queue) -> None:
    keep(dead_letters, ttl_deletions(1)[0])
    function = Function(dead_letters, [refuse("InvalidArgument")])
    outcome = replayed(dead_letters, function)
    assert outcome.replayed == 1
    assert sum(outcome.left.values()) == 1
    assert waiting(dead_letters) == 1


def test_a_replay_ends_although_each_record_comes_back(dead_letters: Queue) -> None:
    keep(dead_letters, ttl_deletions(1)[0])
    function = Function(dead_letters, [refuse("InvalidArgument")])
    outcome = replayed(dead_letters, function, chosen=("BUS_UNAVAILABLE", "EVENT_REFUSED"))
    assert outcome.replayed == 1
    assert outcome.left == {f"EVENT_REFUSED: {CAME_BACK}": 1}


def test_while_eventbridge_is_unavailable_the_replay_stops_at_once(dead_letters: Queue) -> None:
    for record in ttl_deletions(1, 2, 3):
        keep(dead_letters, record)
    function = Function(dead_letters, [throttle_request])
    outcome = replayed(dead_letters, function)
    assert (outcome.replayed, outcome.failed) == (0, 1)
    assert outcome.stopped is not None
    assert waiting(dead_letters) == 3


def test_a_failing_function_ends_the_replay_after_three(dead_letters: Queue) -> None:
    for record in ttl_deletions(*range(1, 7)):
        keep(dead_letters, record)
    invocations = []

    def fail(event: object) -> NoReturn:
        invocations.append(event)
        raise InvocationFailed("the function failed")

    outcome = replayed(dead_letters, fail)
    assert len(invocations) == outcome.failed == 3
    assert waiting(dead_letters) == 6


@pytest.mark.parametrize("report", [None, {}, [], "", {"batchItemFailures": [{}]}])
def test_what_is_no_report_is_a_failure(dead_letters: Queue, report: object) -> None:
    keep(dead_letters, ttl_deletions(1)[0])
    outcome = replayed(dead_letters, lambda _: report)
    assert (outcome.replayed, outcome.failed) == (0, 1)
    assert waiting(dead_letters) == 1


def test_an_interruption_loses_nothing_and_the_next_run_goes_on(dead_letters: Queue) -> None:
    """It comes at the worst moment: the event is published, and its message not yet deleted."""
    for record in ttl_deletions(*range(1, 6)):
        keep(dead_letters, record)
    function = Function(dead_letters)
    calls = iter(range(2))

    def interrupted(event: object) -> object:
        report = function(event)
        if next(calls, None) is None:
            raise KeyboardInterrupt
        return report

    with pytest.raises(KeyboardInterrupt):
        replayed(dead_letters, interrupted)
    assert (len(function.published), waiting(dead_letters)) == (3, 3)

    assert replayed(dead_letters, function).all_done
    times = Counter(function.published)
    assert set(times) == {1, 2, 3, 4, 5}
    assert sorted(times.values()) == [1, 1, 1, 1, 2]
    details = {entry["Detail"] for entry in function.eventbridge.taken}
    assert len(details) == 5  # the one that came twice has one ``eventId``
    assert waiting(dead_letters) == 0


def test_a_queue_that_fails_to_delete_ends_the_run_and_loses_nothing(dead_letters: Queue) -> None:
    for record in ttl_deletions(1, 2):
        keep(dead_letters, record)
    function = Function(dead_letters)
    failing_once(dead_letters, "DeleteMessage", lambda: client_error("InternalError", 500))
    with pytest.raises(ClientError):
        replayed(dead_letters, function)
    assert (len(function.published), waiting(dead_letters)) == (1, 2)
    assert replayed(dead_letters, function).all_done
    assert set(function.published) == {1, 2}


def test_a_run_is_bounded(dead_letters: Queue) -> None:
    for record in ttl_deletions(*range(1, 8)):
        keep(dead_letters, record)
    function = Function(dead_letters)
    outcome = replayed(dead_letters, function, max_messages=4)
    assert (outcome.replayed, len(function.published)) == (4, 4)
    assert not outcome.all_done
    assert waiting(dead_letters) == 3


def test_a_record_that_waited_long_is_replayed_like_any_other(dead_letters: Queue) -> None:
    record = ttl_deletion(ttl_deletions(1)[0]["dynamodb"]["OldImage"])
    keep(dead_letters, record)
    function = Function(dead_letters, now_ms=10**14 + MAX_WAIT_MS)
    assert replayed(dead_letters, function).all_done
    assert function.published == [1]


def dropped_batch(**position: str) -> str:
    """What Lambda sends of a batch that it has dropped."""
    return json.dumps(
        {
            "requestContext": {"condition": "RecordAgeExceeded", "approximateInvokeCount": 1},
            "version": "1.0",
            "DDBStreamBatchInfo": {"batchSize": 2, **position},
        }
    )


@pytest.fixture
def stream_of_two_expiries(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The records that the stream still has of a dropped batch."""
    records = ttl_deletions(1, 2)
    monkeypatch.setattr(expiry_replay, "dropped_records", lambda *_: records)
    return records


POSITION = {
    "streamArn": "arn:aws:dynamodb:eu-west-1:123456789012:table/t/stream/2026-01-31T12:00:00.000",
    "shardId": "shardId-1",
    "startSequenceNumber": "1",
    "endSequenceNumber": "2",
}


def test_a_batch_that_lambda_dropped_is_replayed_as_a_whole(
    dead_letters: Queue,
    stream_of_two_expiries: list[Any],  # noqa: ARG001 - what the stream has
) -> None:
    body = dropped_batch(**POSITION)
    dead_letters.client.send_message(QueueUrl=dead_letters.url, MessageBody=body)
    function = Function(dead_letters)
    outcome = replayed(dead_letters, function)
    assert outcome.by_reason == {DROPPED_BATCH: 1}
    assert function.published == [1, 2]
    assert dead_letters.messages() == []


def test_a_batch_that_the_function_stops_in_is_continued_there(
    dead_letters: Queue,
    stream_of_two_expiries: list[Any],  # noqa: ARG001 - what the stream has
) -> None:
    body = dropped_batch(**POSITION)
    dead_letters.client.send_message(QueueUrl=dead_letters.url, MessageBody=body)
    events: list[Any] = []

    def out_of_time_after_one(event: Any) -> object:
        events.append(event)
        rest = event["Records"][1:]
        failures = [{"itemIdentifier": rest[0]["dynamodb"]["SequenceNumber"]}] if rest else []
        return {"batchItemFailures": failures}

    assert replayed(dead_letters, out_of_time_after_one).all_done
    numbers = [
        [each["dynamodb"]["SequenceNumber"] for each in event["Records"]] for event in events
    ]
    assert numbers == [["1", "2"], ["2"]]


def test_the_command_shows_what_it_would_do(
    dead_letters: Queue, capsys: pytest.CaptureFixture[str]
) -> None:
    keep(dead_letters, ttl_deletions(1)[0])
    keep(dead_letters, {}, reason="NOT_A_SESSION")
    command = ["replay-dead-letters", "--queue-url", dead_letters.url, "--function", "expiry"]
    assert main(command) == 1
    assert capsys.readouterr().out.splitlines() == [
        "1 messages: BUS_UNAVAILABLE",
        "1 messages: NOT_A_SESSION",
        "1 to be replayed",
        "1 left, NOT_A_SESSION: someone wrote to the table by hand: look at it, then delete it",
        "This was a dry run: nothing was replayed. Add --apply to replay.",
    ]
