"""Why a call on a session is refused. Each error carries the facts, none the wording."""

from dataclasses import dataclass


@dataclass(eq=False)
class SessionRefusal(Exception):
    """The rules do not allow the call; the session, if there is one, is unchanged."""

    session_id: str


@dataclass(eq=False)
class SessionNotFound(SessionRefusal):
    """No session has this ID."""


@dataclass(eq=False)
class SessionExpired(SessionRefusal):
    """The session's expiry has passed, though it is still stored."""

    expired_at_ms: int


@dataclass(eq=False)
class MaximumDurationReached(SessionRefusal):
    """The expiry already stands at the maximum: a renewal could not extend it."""

    max_expires_at_ms: int


@dataclass(eq=False)
class OutOfRange(Exception):
    """A time limit is not within what the deployment allows, in minutes."""

    field: str
    least: int
    most: int


@dataclass(eq=False)
class MaximumBelowTimeout(Exception):
    """The maximum duration would be shorter than the timeout."""

    timeout_minutes: int
    max_duration_minutes: int


@dataclass(eq=False)
class KeyUsedForAnother(Exception):
    """The idempotency key already named the creation of a session with another content."""
