"""Replays dead letters of a queue: each is given to whoever handles it, and then deleted.

One at a time: received, replayed, deleted. Whatever ends this in between, the message is still in
the queue, so none is lost. It is then replayed once more: what ``expiry_replay`` and
``timer_replay`` do with it has the same outcome twice.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from recovery.output import say

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient

HIDDEN_SECONDS = 900
"""How long a message that was received is hidden from others: longer than an invocation lasts."""

MESSAGES_PER_LOOK = 10
LOOK_SECONDS = 1
"""How long a look at the queue waits for messages. One that does not wait may overlook some."""

MAX_FAILURES_IN_A_ROW = 3
CAME_BACK = "it became a dead letter again: the log of the function has the cause"


class InvocationFailed(Exception):
    """The function failed or reported nothing useful; the text says how."""


class StillUnavailable(Exception):
    """The function reports that a service is unavailable, so the others would fare the same."""


class Handler(Protocol):
    """Replays the dead letters of one queue."""

    def reason_of(self, message: Mapping[str, Any]) -> str:
        """Why the message is in the queue."""

    def replay(
        self, message: Mapping[str, Any], chosen: Collection[str], *, apply: bool
    ) -> str | None:
        """Replay the message if it is to be. Returns why it is left; ``None`` if it is done.

        Without ``apply``, it only says so. ``chosen`` are the reasons that a person has named.

        Raises:
            InvocationFailed, StillUnavailable: it was not.
        """


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
    handler: Handler
    chosen: Collection[str] = ()
    max_messages: int = 1000
    apply: bool = False
    _received: dict[str, str] = field(default_factory=dict)

    def run(self, replayed: Replayed) -> None:
        """Replay, or count. ``replayed`` is right however this ends."""
        failures_in_a_row = 0
        with self._hidden_until_the_end():
            for message in self._messages():
                reason = self.handler.reason_of(message)
                replayed.by_reason[reason] += 1
                try:
                    why_left = self._handle(message)
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
                    replayed.left[f"{reason}: {why_left}"] += 1
                if replayed.seen >= self.max_messages:
                    replayed.stopped = f"--max {self.max_messages} is reached"
                    return

    def _handle(self, message: Any) -> str | None:
        """Replay the message if it is to be. Returns why it is left; ``None`` if it is done."""
        why_left = self.handler.replay(message, self.chosen, apply=self.apply)
        if why_left is None and self.apply:
            receipt = self._received[message["MessageId"]]
            self.queue.delete_message(QueueUrl=self.queue_url, ReceiptHandle=receipt)
            del self._received[message["MessageId"]]
        return why_left

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
                WaitTimeSeconds=LOOK_SECONDS,
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
