"""The timer queue in the process: as much of SQS as the functions use."""

import heapq
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from domain.session import MS_PER_SECOND

BATCH_SIZE = 10
VISIBILITY_SECONDS = 5
"""How long after its delivery a message that failed comes again. It is longer in the template."""


@dataclass(order=True)
class _Waiting:
    """A message, and when it is next to be received (epoch milliseconds)."""

    visible_at_ms: int
    message_id: str
    body: str = field(compare=False)
    receive_count: int = field(default=0, compare=False)
    first_received_at_ms: int = field(default=0, compare=False)


class LocalTimerQueue:
    """Messages in the order in which they are due, by this clock (epoch milliseconds)."""

    def __init__(self, clock_ms: Callable[[], int]) -> None:
        self._clock_ms = clock_ms
        self._waiting: list[_Waiting] = []
        self._received: dict[str, _Waiting] = {}

    def send_message_batch(
        self,
        *,
        Entries: Sequence[Mapping[str, Any]],  # noqa: N803 - boto3's name
        **_: Any,
    ) -> dict[str, Any]:
        """Keep each message until its delay is over."""
        for entry in Entries:
            visible_at_ms = self._clock_ms() + entry["DelaySeconds"] * MS_PER_SECOND
            message = _Waiting(visible_at_ms, str(uuid.uuid4()), entry["MessageBody"])
            heapq.heappush(self._waiting, message)
        return {"Successful": [{"Id": entry["Id"]} for entry in Entries]}

    def receive(self) -> list[dict[str, Any]]:
        """Up to ten messages that are due, as Lambda delivers them to a function."""
        now_ms = self._clock_ms()
        records: list[dict[str, Any]] = []
        while (
            self._waiting and self._waiting[0].visible_at_ms <= now_ms and len(records) < BATCH_SIZE
        ):
            message = heapq.heappop(self._waiting)
            message.receive_count += 1
            message.first_received_at_ms = message.first_received_at_ms or now_ms
            self._received[message.message_id] = message
            records.append(_record(message))
        return records

    def settle(self, failed_ids: Iterable[str]) -> None:
        """Forget what was received, except these messages: they come again."""
        visible_at_ms = self._clock_ms() + VISIBILITY_SECONDS * MS_PER_SECOND
        for message_id in failed_ids:
            message = self._received[message_id]
            message.visible_at_ms = visible_at_ms
            heapq.heappush(self._waiting, message)
        self._received.clear()


def _record(message: _Waiting) -> dict[str, Any]:
    return {
        "messageId": message.message_id,
        "body": message.body,
        "attributes": {
            "ApproximateReceiveCount": str(message.receive_count),
            "ApproximateFirstReceiveTimestamp": str(message.first_received_at_ms),
        },
        "messageAttributes": {},
        "eventSource": "aws:sqs",
    }
