"""What can go wrong on the way out, as errors that carry facts."""

from dataclasses import dataclass


@dataclass(eq=False)
class Unavailable(Exception):
    """A service did nothing of what it was asked: it throttled, timed out, failed or denied.

    A lost answer looks the same, so it may be done all the same.
    """

    service: str
    reason: str


@dataclass(eq=False)
class EventTooLarge(Exception):
    """The event has more bytes than EventBridge takes."""

    size_bytes: int


@dataclass(eq=False)
class EventRefused(Exception):
    """EventBridge refuses this event for good. ``code`` is its word for why, if it had one."""

    code: str
