"""What can go wrong with a record or an event. Each type carries the facts."""

from dataclasses import dataclass, field

from runtime.retries import Unavailable


@dataclass(eq=False)
class InvalidRecord(Exception):
    """A stream record is not that of an expiry. ``defect`` says why and contains no value of it."""

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
