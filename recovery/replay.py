"""Replays dead letters: ExpiryFunction gets each again, and it is deleted if that reports success.

One at a time: received, replayed, deleted. Whatever ends this in between, the message is still in
the queue, so none is lost. It is then replayed once more, with the same ``eventId``, by which
consumers recognise it.
"""

import json
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from publishing.stream_records import sequence_number_of
from recovery.dead_letters import DeadLetter, dead_letter_of, record_ids
from recovery.dropped_batches import RecordsGone, dropped_records
from recovery.output import say, shown
from recovery.pace import Pace

if TYPE_CHECKING:
    from types_boto3_dynamodbstreams import DynamoDBStreamsClient
    from types_boto3_sqs import SQSClient

HIDDEN_SECONDS = 900
"""How long a message that was received is hidden from others: longer than an invocation lasts."""

MESSAGES_PER_LOOK = 10
MAX_FAILURES_IN_A_ROW = 3
CAME_BACK = "it became a dead letter again: the log of the function has the cause"

Invoke = Callable[[object], object]
"""Invokes ExpiryFunction with an event, and returns its report."""


class InvocationFailed(Exception):
    """The function failed or reported nothing useful; the text says how."""


class StillUnavailable(Exception):
    """The function reports that a service is unavailable, so the others would fare the same."""


@dataclass(slots=True)
class Replayed:
    """What became of the messages so far, or would."""

    by_reason: Counter[str] = field(default_factory=Counter)
    replayed: int = 0
    left: Counter[str] = field(default_factory=Counter)
    failed: int = 0
    stopped: str | None = None

    @property
    def seen(self) -> int:
        """How many messages were looked at."""
        return sum(self.by_reason.values())

    @property
    def all_done(self) -> bool:
        """Whether none is left for a person or for another run."""
        return not (self.left or self.failed or self.stopped)


@dataclass
class DeadLetterReplay:
    """A replay of at most so many messages of a queue. Without ``apply``, a dry run.

    ``chosen`` are the reasons to replay; empty for those that may succeed by themselves.
    """

    queue: "SQSClient"
    queue_url: str
    streams: "DynamoDBStreamsClient"
    invoke: Invoke
    pace: Pace
    chosen: Collection[str] = ()
    max_messages: int = 1000
    apply: bool = False
    _received: dict[str, str] = field(default_factory=dict)
    _replayed_ids: set[tuple[Any, str]] = field(default_factory=set)

    def run(self, replayed: Replayed) -> None:
        """Replay, or count. ``replayed`` is right however this ends."""
        failures_in_a_row = 0
        with self._hidden_until_the_end():
            for message in self._messages():
                letter = dead_letter_of(message)
                replayed.by_reason[letter.reason] += 1
                try:
                    why_left = self._handle(message, letter)
                except StillUnavailable as unavailable:
                    replayed.failed += 1
                    replayed.stopped = str(unavailable)
                    return
                except InvocationFailed as failure:
                    replayed.failed += 1
                    failures_in_a_row += 1
                    say(f"message {message['MessageId']}: {failure}")
                    if failures_in_a_row == MAX_FAILURES_IN_A_ROW:
                        replayed.stopped = f"{failures_in_a_row} invocations in a row have failed"
                        return
                    continue
                failures_in_a_row = 0
                if why_left is None:
                    replayed.replayed += 1
                else:
                    replayed.left[f"{letter.reason}: {why_left}"] += 1
                if replayed.seen >= self.max_messages:
                    replayed.stopped = f"--max {self.max_messages} is reached"
                    return

    def _handle(self, message: Any, letter: DeadLetter) -> str | None:
        """Replay the message if it is to be. Returns why it is left; ``None`` if it is done."""
        why_left = letter.why_left(self.chosen)
        if why_left is not None:
            return why_left
        records = list(letter.records)
        if letter.position is not None:
            try:
                records = dropped_records(self.streams, letter.position)
            except RecordsGone as gone:
                return str(gone)
        if record_ids(records) & self._replayed_ids:
            return CAME_BACK
        if not self.apply:
            return None
        self._replayed_ids |= record_ids(records)
        self._publish(records)
        message_id = message["MessageId"]
        self.queue.delete_message(QueueUrl=self.queue_url, ReceiptHandle=self._received[message_id])
        del self._received[message_id]
        return None

    def _publish(self, records: list[Any]) -> None:
        """Invoke the function until it has dealt with all records.

        Raises:
            InvocationFailed, StillUnavailable: it has not.
        """
        while records:
            failed_number = _failed_number(self.invoke({"Records": records}))
            self.pace.spend(1)
            if failed_number is None:
                return
            numbers = [sequence_number_of(record) for record in records]
            if failed_number not in numbers[1:]:  # no record of these was dealt with
                raise StillUnavailable("EventBridge or SQS is unavailable: try again later")
            records = records[numbers.index(failed_number) :]

    def _messages(self) -> Iterator[Any]:
        """The messages, each of them once, until a look at the queue finds none."""
        per_look = 1 if self.apply else MESSAGES_PER_LOOK
        handed_out: set[str] = set()
        while True:
            reply = self.queue.receive_message(
                QueueUrl=self.queue_url,
                MaxNumberOfMessages=per_look,
                MessageAttributeNames=["All"],
                VisibilityTimeout=HIDDEN_SECONDS,
                WaitTimeSeconds=1,  # otherwise SQS may overlook some
            )
            messages = reply.get("Messages", [])
            if not messages:
                return
            for message in messages:
                self._received[message["MessageId"]] = message["ReceiptHandle"]
            for message in messages:
                if message["MessageId"] not in handed_out:
                    handed_out.add(message["MessageId"])
                    yield message

    @contextmanager
    def _hidden_until_the_end(self) -> Iterator[None]:
        """Show the messages that are left to others again, when this ends."""
        try:
            yield
        finally:
            for receipt in self._received.values():
                try:
                    self.queue.change_message_visibility(
                        QueueUrl=self.queue_url, ReceiptHandle=receipt, VisibilityTimeout=0
                    )
                except (BotoCoreError, ClientError):
                    say(f"What is left is visible again in {HIDDEN_SECONDS // 60} minutes")
                    break


def say_replayed(replayed: Replayed, *, apply: bool) -> None:
    """Print what became of the messages."""
    for reason, messages in sorted(replayed.by_reason.items()):
        say(f"{messages} messages: {reason}")
    say(f"{replayed.replayed} {'replayed and deleted' if apply else 'to be replayed'}")
    for why, messages in sorted(replayed.left.items()):
        say(f"{messages} left, {why}")
    if replayed.failed:
        say(f"{replayed.failed} failed, and stay in the queue")
    if replayed.stopped:
        say(f"Stopped: {replayed.stopped}")
    if not apply:
        say("This was a dry run: nothing was replayed. Add --apply to replay.")


def _failed_number(report: Any) -> str | None:
    """The sequence number from which on the function reports records as failed."""
    try:
        failures = report["batchItemFailures"]
        return failures[0]["itemIdentifier"] if failures else None
    except (KeyError, TypeError, IndexError):
        raise InvocationFailed(f"not a report: {shown(str(report)[:200])}") from None


def lambda_invoke(client: Any, function: str, alias: str) -> Invoke:
    """Invokes the version behind the function's alias, by this client of Lambda."""

    def invoke(event: object) -> object:
        try:
            reply: Mapping[str, Any] = client.invoke(
                FunctionName=function, Qualifier=alias, Payload=json.dumps(event).encode()
            )
            payload = reply["Payload"].read()
        except client.exceptions.ResourceNotFoundException:
            raise  # the same for every message
        except (BotoCoreError, ClientError) as error:
            raise InvocationFailed(str(error)) from error
        if "FunctionError" in reply:
            raise InvocationFailed(f"the function failed: {shown(payload[:200].decode())}")
        return json.loads(payload)

    return invoke
