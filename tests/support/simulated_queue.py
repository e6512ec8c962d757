"""SQS by a simulated clock: delays, visibility, receive counts, dead letters and retention."""

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from domain.session import MS_PER_SECOND
from publishing.message_queue import MAX_MESSAGES
from publishing.timer_messages import MAX_DELAY_SECONDS

Record = dict[str, Any]
"""A message as Lambda delivers it."""


@dataclass(frozen=True)
class QueueLimits:
    """The properties of a queue in the template."""

    visibility_ms: int = 180 * MS_PER_SECOND
    retention_ms: int = 345_600 * MS_PER_SECOND
    max_receives: int = 120


class TimerQueueDouble(Protocol):
    """What a simulation needs of the timer queue."""

    def send_message_batch(self, *, Entries: Sequence[Mapping[str, Any]], **_: Any) -> Any:  # noqa: N803 - boto3's name
        """``SendMessageBatch``."""

    def receive(self) -> list[Record]:
        """Up to ten messages that are visible."""

    def delete(self, records: Iterable[Record]) -> None:
        """Delete messages that were handled."""

    def dead_letters(self) -> list[str]:
        """The bodies of the messages that were received too often."""


@dataclass
class QueuedMessage:
    """A message, and when it is next to be received (epoch milliseconds)."""

    message_id: str
    body: str
    sent_at_ms: int
    visible_at_ms: int
    receive_count: int = 0
    first_received_at_ms: int = 0


class SimulatedQueue:
    """A queue by this clock; ``stamp_ms`` is the one that SQS writes into its messages."""

    def __init__(
        self,
        clock_ms: Callable[[], int],
        limits: QueueLimits | None = None,
        stamp_ms: Callable[[], int] | None = None,
    ) -> None:
        self.messages: list[QueuedMessage] = []
        self.limits = limits or QueueLimits()
        self._clock_ms, self._stamp_ms = clock_ms, stamp_ms or clock_ms
        self._numbers = itertools.count(1)
        self._dead: list[str] = []

    def send_message_batch(
        self,
        *,
        Entries: Sequence[Mapping[str, Any]],  # noqa: N803 - boto3's name
        **_: Any,
    ) -> dict[str, Any]:
        """``SendMessageBatch``."""
        assert 1 <= len(Entries) <= MAX_MESSAGES
        for entry in Entries:
            delay_seconds = entry.get("DelaySeconds", 0)
            assert 0 <= delay_seconds <= MAX_DELAY_SECONDS
            self.enqueue(entry["MessageBody"], delay_seconds * MS_PER_SECOND)
        return {"Successful": [{"Id": entry["Id"], "MessageId": "1"} for entry in Entries]}

    def enqueue(self, body: str, delay_ms: int, receive_count: int = 0) -> QueuedMessage:
        """A message that is visible after so long."""
        now_ms = self._clock_ms()
        message_id = f"message-{next(self._numbers)}"
        first_ms = self._stamp_ms() if receive_count else 0
        message = QueuedMessage(
            message_id, body, now_ms, now_ms + delay_ms, receive_count, first_ms
        )
        self.messages.append(message)
        return message

    def receive(self) -> list[Record]:
        """Up to ten messages that are visible, the one that waits for longest first."""
        now_ms = self._clock_ms()
        oldest_ms = now_ms - self.limits.retention_ms
        self.messages = [each for each in self.messages if each.sent_at_ms > oldest_ms]
        visible = [each for each in self.messages if each.visible_at_ms <= now_ms]
        for each in visible:
            if each.receive_count >= self.limits.max_receives:
                self.messages.remove(each)
                self._dead.append(each.body)
        received = [each for each in visible if each.receive_count < self.limits.max_receives]
        received = sorted(received, key=lambda each: each.visible_at_ms)[:MAX_MESSAGES]
        for each in received:
            each.receive_count += 1
            each.first_received_at_ms = each.first_received_at_ms or self._stamp_ms()
            each.visible_at_ms = now_ms + self.limits.visibility_ms
        return [_record(each) for each in received]

    def delete(self, records: Iterable[Record]) -> None:
        """Delete messages that were handled."""
        deleted = {each["messageId"] for each in records}
        self.messages = [each for each in self.messages if each.message_id not in deleted]

    def dead_letters(self) -> list[str]:
        """The bodies of the messages that were received too often."""
        return self._dead


def _record(message: QueuedMessage) -> Record:
    return {
        "messageId": message.message_id,
        "receiptHandle": f"receipt of {message.message_id}",
        "body": message.body,
        "attributes": {
            "ApproximateReceiveCount": str(message.receive_count),
            "ApproximateFirstReceiveTimestamp": str(message.first_received_at_ms),
            "SentTimestamp": str(message.sent_at_ms),
        },
        "messageAttributes": {},
        "eventSource": "aws:sqs",
    }
