"""What can go wrong with a record or an event. Each type carries the facts."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from domain.refusals import SessionNotFound
from runtime.observability import loggable
from runtime.retries import Unavailable
from storage.faults import InvalidItem


@dataclass(eq=False)
class InvalidRecord(Exception):
    """A record tells of nothing to do. ``defect`` says why and contains no value of it."""

    defect: str


@dataclass(eq=False)
class EventTooLarge(Exception):
    """The event has more bytes than EventBridge takes."""

    size_bytes: int


@dataclass(eq=False)
class EventRefused(Exception):
    """EventBridge refuses this event for good. ``code`` is EventBridge's own, or ``NoEventId``."""

    code: str


@dataclass(eq=False)
class ServiceUnavailable(Unavailable):
    """A service did nothing of what it was asked: it throttled, timed out, failed or denied access.

    A lost response looks the same, so it may have been done after all.
    """

    service: str
    reason: str
    retry_after_seconds: float = field(default=0, kw_only=True)


@dataclass(frozen=True, slots=True)
class Failure:
    """The dead letter's reason for an error, and the cause that the error states."""

    reason: str
    cause: Callable[[Any], str]


FAILURES: Mapping[type[Exception], Failure] = {
    InvalidRecord: Failure("INVALID_RECORD", lambda error: error.defect),
    InvalidItem: Failure("NOT_A_SESSION", lambda error: error.defect),
    SessionNotFound: Failure("INVALID_RECORD", lambda _: "no session can have its sessionId"),
    EventTooLarge: Failure("EVENT_TOO_LARGE", lambda error: f"{error.size_bytes} bytes"),
    EventRefused: Failure("EVENT_REFUSED", lambda error: error.code),
    ServiceUnavailable: Failure("BUS_UNAVAILABLE", lambda error: error.reason),
}
BUG = Failure("INTERNAL_ERROR", lambda error: type(error).__name__)
OUT_OF_TIME = ServiceUnavailable("Lambda", "the function's time is short")


def is_bug(error: Exception) -> bool:
    """Whether nobody has expected this error."""
    return type(error) not in FAILURES


def reason_and_cause(error: Exception) -> dict[str, str]:
    """What a dead letter and the log say of the error."""
    failure = FAILURES.get(type(error), BUG)
    return {"reason": failure.reason, "cause": loggable(failure.cause(error))}
