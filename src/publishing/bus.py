"""The event bus: events to EventBridge, with a verdict on each of them."""

import random
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from publishing.errors import EventRefused, EventTooLarge, Unavailable

if TYPE_CHECKING:
    from types_boto3_events import EventBridgeClient
    from types_boto3_events.type_defs import PutEventsRequestEntryTypeDef

SOURCE = "session-renewal"

# EventBridge's limits of one request. The bytes are those of all its entries together.
MAX_ENTRIES = 10
MAX_BYTES = 256 * 1024
TIME_BYTES = 14  # what it counts for the time of an entry

MAX_PAUSES_SECONDS = (0.2, 0.4, 0.8)
"""Before each further try of the entries that were refused."""

TEMPORARY_CODES = frozenset({"InternalException", "InternalFailure", "ThrottlingException"})
"""Refusals that are not about the entry."""


@dataclass(frozen=True, slots=True)
class Event:
    """What happened at an instant (epoch milliseconds). The detail is a JSON object's text.

    Raises:
        EventTooLarge: EventBridge would not take it.
    """

    detail_type: str
    detail_json: str
    at_ms: int

    def __post_init__(self) -> None:
        if self.size_bytes > MAX_BYTES:
            raise EventTooLarge(self.size_bytes)

    @property
    def size_bytes(self) -> int:
        """The size of its entry, as EventBridge counts it."""
        texts = (SOURCE, self.detail_type, self.detail_json)
        return TIME_BYTES + sum(len(text.encode()) for text in texts)


@dataclass(frozen=True)
class EventBus:
    """An event bus of this account, by its name."""

    client: "EventBridgeClient"
    name: str

    def publish(self, events: Sequence[Event]) -> list[Unavailable | EventRefused | None]:
        """Publish the events in their order. Of each: why it is not out, or none where it is.

        Once the bus is unavailable to a request, nothing more is sent: neither the events of
        that request are out nor those after it.
        """
        verdicts: list[Unavailable | EventRefused | None] = []
        for request in _requests(events):
            try:
                verdicts += self._put(request)
            except Unavailable as unavailable:
                return verdicts + [unavailable] * (len(events) - len(verdicts))
        return verdicts

    def _put(self, request: Sequence[Event]) -> list[EventRefused | None]:
        """Make one request, and try again, alone, what was refused of it.

        Raises:
            Unavailable: nothing of it was taken, for a cause that may pass.
        """
        refusals = self._send(dict(enumerate(request)))
        for pause_seconds in MAX_PAUSES_SECONDS:
            if not refusals:
                break
            # Functions that were throttled together should not come back together.
            time.sleep(random.uniform(0, pause_seconds))  # noqa: S311 - no secret
            with suppress(Unavailable):  # others of the request may be out: still refused
                refusals = self._send({position: request[position] for position in refusals})
        if len(refusals) == len(request) and TEMPORARY_CODES.issuperset(refusals.values()):
            codes = ", ".join(sorted(set(refusals.values())))
            raise Unavailable("EventBridge", f"it refused every entry: {codes}")
        return [
            EventRefused(refusals[position]) if position in refusals else None
            for position in range(len(request))
        ]

    def _send(self, events: Mapping[int, Event]) -> dict[int, str]:
        """Send them, each under its position; the codes of those that are refused.

        Raises:
            Unavailable: the request failed as a whole, after the SDK's retries.
        """
        try:
            reply = self.client.put_events(Entries=list(map(self._entry, events.values())))
            results = zip(events, reply["Entries"], strict=True)
        # botocore takes a body that it cannot read for an empty one.
        except (BotoCoreError, ClientError, KeyError) as error:
            raise Unavailable("EventBridge", f"{type(error).__name__}: {error}") from error
        return {
            position: result["ErrorCode"] for position, result in results if "ErrorCode" in result
        }

    def _entry(self, event: Event) -> "PutEventsRequestEntryTypeDef":
        return {
            "EventBusName": self.name,
            "Source": SOURCE,
            "DetailType": event.detail_type,
            "Detail": event.detail_json,
            "Time": datetime.fromtimestamp(event.at_ms / 1000, UTC),
        }


def _requests(events: Sequence[Event]) -> Iterator[Sequence[Event]]:
    """The events in runs that EventBridge takes as one request each."""
    start = size_bytes = 0
    for end, event in enumerate(events):
        size_bytes += event.size_bytes
        if end - start == MAX_ENTRIES or size_bytes > MAX_BYTES:
            yield events[start:end]
            start, size_bytes = end, event.size_bytes
    if start < len(events):
        yield events[start:]
