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
