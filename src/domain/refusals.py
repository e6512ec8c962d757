"""Why the rules refuse a call. Each type carries the facts; ``api`` has the wording."""

from dataclasses import dataclass


@dataclass(eq=False)
class SessionRefusal(Exception):
    """A call on a session that the rules do not allow. It has changed nothing."""

    session_id: str


@dataclass(eq=False)
class SessionNotFound(SessionRefusal):
    """No session has this ID."""


@dataclass(eq=False)
class SessionExpired(SessionRefusal):
    """The session's expiry has passed, although it is still stored."""

    expired_at_ms: int


@dataclass(eq=False)
class MaximumDurationReached(SessionRefusal):
    """The expiry already stands at the maximum, so a renewal cannot extend it."""

    max_expires_at_ms: int


@dataclass(eq=False)
class MaximumBelowTimeout(Exception):
    """The maximum duration would be shorter than the timeout."""

    timeout_minutes: int
    max_duration_minutes: int


@dataclass(eq=False)
class IdempotencyKeyReused(Exception):
    """The idempotency key was already used for the creation of a different session."""
