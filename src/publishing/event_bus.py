"""The event bus: sends events to EventBridge, and says of each what became of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from publishing.clients import ATTEMPT_SECONDS
from publishing.entry_retries import send_entries
from publishing.failures import EventRefused, EventTooLarge, ServiceUnavailable
from runtime.deadline import Deadline, call_within
from runtime.retries import retry, retry_after_seconds

if TYPE_CHECKING:
    from types_boto3_events import EventBridgeClient
    from types_boto3_events.type_defs import PutEventsRequestEntryTypeDef

SOURCE = "session-renewal"

MAX_ENTRIES = 10
"""The most entries that EventBridge takes in one request."""

MAX_BYTES = 256 * 1024
"""The most bytes that the entries of a request have together, and so that one event has.

EventBridge now takes more. Not every target that its rules pass events to does.
"""

TIME_BYTES = 14  # what EventBridge counts for the time of an entry
CONTENT_TOO_LARGE = 413

TEMPORARY_CODES = frozenset({"InternalException", "InternalFailure", "ThrottlingException"})
"""Refusals of an entry that may pass by themselves: ``InternalException``, which is one of
EventBridge's errors, and those that AWS calls retryable ("PutEventsResultEntry", seen 2026-11-30:
https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEventsResultEntry.html).
"""

DEPLOYMENT_CODES = frozenset(
    {
        "AccessDeniedException",
        "NotAuthorizedForDetailTypeException",
        "NotAuthorizedForSourceException",
    }
)
"""Refusals of an entry that are not about the entry: the function lacks a permission."""


@dataclass(frozen=True, slots=True)
class Event:
    """What happened at an instant (epoch milliseconds). The detail is the text of a JSON object.

    ``size_bytes`` is the size of its entry, as EventBridge counts it.

    Raises:
        EventTooLarge: EventBridge would not take it.
    """

    detail_type: str
    detail_json: str
    at_ms: int
    size_bytes: int = field(init=False)

    def __post_init__(self) -> None:
        texts = (SOURCE, self.detail_type, self.detail_json)
        size_bytes = TIME_BYTES + sum(len(text.encode()) for text in texts)
        if size_bytes > MAX_BYTES:
            raise EventTooLarge(size_bytes)
        object.__setattr__(self, "size_bytes", size_bytes)  # once: it is asked for often


Verdict = ServiceUnavailable | EventRefused | None
"""Why an event was not published; ``None`` if it was."""


@dataclass(frozen=True)
class EventBus:
    """An event bus of this account, by its name."""

    client: "EventBridgeClient"
    name: str

    def publish(self, request: Sequence[Event], deadline: Deadline) -> list[Verdict]:
        """Publish the events of one request (see ``fit_one_request``), and judge each of them.

        Only entries whose refusal may pass are sent again, while there is time: no attempt begins
        that would not end by the deadline. One that stays refused while others are taken is refused
        for good. If nothing is taken, the bus is unavailable to the entries whose refusal may pass
        or is the deployment's fault.
        """
        try:
            refusals = send_entries(
                lambda events: self._send(events, deadline),
                request,
                TEMPORARY_CODES.__contains__,
                deadline,
            )
        except ServiceUnavailable as unavailable:
            return [unavailable] * len(request)
        except EventRefused as refused:
            return [refused] if len(request) == 1 else self._one_by_one(request, deadline)
        nothing_taken = len(refusals) == len(request)
        return [
            _verdict(refusals[position], nothing_taken) if position in refusals else None
            for position in range(len(request))
        ]

    def _one_by_one(self, request: Sequence[Event], deadline: Deadline) -> list[Verdict]:
        """Find out which of the events the whole request was refused for."""
        verdicts: list[Verdict] = []
        for event in request:
            if verdicts and isinstance(verdicts[-1], ServiceUnavailable):
                verdicts.append(verdicts[-1])
                continue
            try:
                refusals = self._send({0: event}, deadline)
                verdicts.append(_verdict(refusals[0], nothing_taken=True) if refusals else None)
            except (EventRefused, ServiceUnavailable) as error:
                verdicts.append(error)
        return verdicts

    def _send(self, events: Mapping[int, Event], deadline: Deadline) -> dict[int, str]:
        """Send the events, each under its position; the codes of those that are refused.

        Raises:
            ServiceUnavailable: the request failed as a whole, even after retries.
            EventRefused: it was refused as a whole, for what it contains.
        """
        return retry(lambda seconds: self._attempt(events, seconds), deadline, ATTEMPT_SECONDS)

    def _attempt(self, events: Mapping[int, Event], seconds: float) -> dict[int, str]:
        try:
            entries = list(map(self._entry, events.values()))
            reply = call_within(seconds, self.client.put_events, Entries=entries)
            # botocore treats a body that it cannot parse as an empty one.
            results = list(zip(events, reply["Entries"], strict=True))
        except ClientError as error:
            if is_about_the_request(error):
                raise EventRefused(error.response["Error"]["Code"]) from error
            raise ServiceUnavailable(
                "EventBridge", str(error), retry_after_seconds=retry_after_seconds(error.response)
            ) from error
        except (BotoCoreError, KeyError, TimeoutError, ValueError) as error:
            raise ServiceUnavailable("EventBridge", f"{type(error).__name__}: {error}") from error
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


def fit_one_request(events: Sequence[Event]) -> bool:
    """Whether EventBridge takes these events as one request."""
    return len(events) <= MAX_ENTRIES and sum(each.size_bytes for each in events) <= MAX_BYTES


def is_about_the_request(error: ClientError) -> bool:
    """Whether the same request would be refused again, whoever sent it."""
    too_large = error.response["ResponseMetadata"]["HTTPStatusCode"] == CONTENT_TOO_LARGE
    return too_large or error.response["Error"]["Code"] == "ValidationException"


def _verdict(code: str, nothing_taken: bool) -> Verdict:
    """On an entry that stays refused. Only if nothing was taken can all of it be retried."""
    if nothing_taken and code in TEMPORARY_CODES | DEPLOYMENT_CODES:
        return ServiceUnavailable("EventBridge", f"it refuses with {code}")
    return EventRefused(code)
