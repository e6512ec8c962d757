"""The event bus: events to EventBridge, and a verdict on each of them."""

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

MAX_ENTRIES = 10
"""What EventBridge takes in one request."""

MAX_BYTES = 256 * 1024
"""The most that the entries of a request have together, and so the most that an event has.

EventBridge has come to take more. Not all that its rules hand events to does.
"""

TIME_BYTES = 14  # what it counts for the time of an entry
CONTENT_TOO_LARGE = 413

MAX_PAUSES_SECONDS = (0.2, 0.4, 0.8, 1.6, 3.2)
"""Before each further try of the entries that were refused."""

TEMPORARY_CODES = frozenset({"InternalException", "InternalFailure", "ThrottlingException"})
"""Refusals of an entry that may pass by themselves."""

DEPLOYMENT_CODES = frozenset(
    {
        "AccessDeniedException",
        "NotAuthorizedForDetailTypeException",
        "NotAuthorizedForSourceException",
    }
)
"""Refusals of an entry that are not about the entry: the function may not do what it does."""


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


Verdict = Unavailable | EventRefused | None
"""Why an event is not out; none where it is."""


@dataclass(frozen=True)
class EventBus:
    """An event bus of this account, by its name."""

    client: "EventBridgeClient"
    name: str

    def publish(self, request: Sequence[Event]) -> list[Verdict]:
        """Publish up to a request of events, in their order. A verdict on each of them.

        What is refused is tried again, alone. What stays refused although others are taken is
        refused for good. Where nothing is taken, the bus is unavailable to those whose refusals
        may pass, or are the deployment's fault.
        """
        try:
            refusals = self._put(request)
        except Unavailable as unavailable:
            return [unavailable] * len(request)
        except EventRefused as refused:
            return [refused] if len(request) == 1 else self._one_by_one(request)
        nothing_is_out = len(refusals) == len(request)
        return [
            _verdict(refusals[position], nothing_is_out) if position in refusals else None
            for position in range(len(request))
        ]

    def _one_by_one(self, request: Sequence[Event]) -> list[Verdict]:
        """Find out which of the events it was that the whole request was refused for."""
        verdicts: list[Verdict] = []
        for event in request:
            if verdicts and isinstance(verdicts[-1], Unavailable):
                verdicts.append(verdicts[-1])
                continue
            try:
                refusals = self._send({0: event})
                verdicts.append(_verdict(refusals[0], nothing_is_out=True) if refusals else None)
            except (EventRefused, Unavailable) as error:
                verdicts.append(error)
        return verdicts

    def _put(self, request: Sequence[Event]) -> dict[int, str]:
        """Make the request, and try what is refused of it again; the codes of what stays refused.

        Raises:
            Unavailable: the request failed as a whole, after the SDK's retries.
            EventRefused: it was refused as a whole, for what is in it.
        """
        refusals = self._send(dict(enumerate(request)))
        for attempt, pause_seconds in enumerate(MAX_PAUSES_SECONDS):
            if not refusals or (attempt and TEMPORARY_CODES.isdisjoint(refusals.values())):
                break
            # Functions that were throttled together should not come back together.
            time.sleep(random.uniform(0, pause_seconds))  # noqa: S311 - no secret
            with suppress(Unavailable, EventRefused):  # then the refusals stay what they are
                refusals = self._send({position: request[position] for position in refusals})
        return refusals

    def _send(self, events: Mapping[int, Event]) -> dict[int, str]:
        """Send them, each under its position; the codes of those that are refused.

        Raises:
            Unavailable: the request failed as a whole, after the SDK's retries.
            EventRefused: it was refused as a whole, for what is in it.
        """
        try:
            reply = self.client.put_events(Entries=list(map(self._entry, events.values())))
            # botocore takes a body that it cannot read for an empty one.
            results = list(zip(events, reply["Entries"], strict=True))
        except ClientError as error:
            if is_about_the_request(error):
                raise EventRefused(error.response["Error"]["Code"]) from error
            raise Unavailable("EventBridge", str(error)) from error
        except (BotoCoreError, KeyError, ValueError) as error:
            raise Unavailable("EventBridge", f"{type(error).__name__}: {error}") from error
        return {
            position: result.get("ErrorCode", "NoEventId")
            for position, result in results
            if "EventId" not in result
        }

    def _entry(self, event: Event) -> "PutEventsRequestEntryTypeDef":
        return {
            "EventBusName": self.name,
            "Source": SOURCE,
            "DetailType": event.detail_type,
            "Detail": event.detail_json,
            "Time": datetime.fromtimestamp(event.at_ms / 1000, UTC),
        }


def _verdict(code: str, nothing_is_out: bool) -> Verdict:
    """On an entry that stays refused. Only where nothing is out can all of it come again."""
    if nothing_is_out and code in TEMPORARY_CODES | DEPLOYMENT_CODES:
        return Unavailable("EventBridge", f"it refuses with {code}")
    return EventRefused(code)


def is_about_the_request(error: ClientError) -> bool:
    """Whether it would be refused again, by whomever it were sent."""
    too_large = error.response["ResponseMetadata"]["HTTPStatusCode"] == CONTENT_TOO_LARGE
    return too_large or error.response["Error"]["Code"] == "ValidationException"


def requests(events: Sequence[Event]) -> Iterator[slice]:
    """The events in runs that EventBridge takes as one request each."""
    start = size_bytes = 0
    for end, event in enumerate(events):
        size_bytes += event.size_bytes
        if end - start == MAX_ENTRIES or size_bytes > MAX_BYTES:
            yield slice(start, end)
            start, size_bytes = end, event.size_bytes
    if start < len(events):
        yield slice(start, len(events))
