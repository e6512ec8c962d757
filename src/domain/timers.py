"""The rule of a session's timers: what is due, what comes next, and when.

Whoever receives a session's timer message reads the session and asks ``due``. It is judged anew
each time: no renewal has to move a timer.
"""

import hashlib
import json
from dataclasses import dataclass, replace

from domain.session import Session

EVENT_ID_DIGITS = 32


@dataclass(frozen=True, slots=True)
class Warn:
    """The session is within its warning threshold since this instant, and not warned of."""

    since_ms: int


@dataclass(frozen=True, slots=True)
class Expire:
    """The session is over since this instant."""

    since_ms: int


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing is due before this instant."""

    until_ms: int


def due(session: Session, at_ms: int, warned_expiry_ms: int | None) -> Warn | Expire | Wait:
    """What the session's timer is to do at this instant.

    ``warned_expiry_ms`` is the expiry that the last warning was about, if there was one: of each
    expiry one is enough. A session that is announced already is announced again: the one who did
    may have failed before the event was sent.
    """
    if not session.is_alive(at_ms):
        return Expire(session.expires_at_ms)
    warns_at_ms = session.warns_at_ms
    if warns_at_ms is None or warned_expiry_ms == session.expires_at_ms:
        return Wait(after_warning_ms(session, at_ms))
    return Warn(warns_at_ms) if at_ms >= warns_at_ms else Wait(warns_at_ms)


def after_warning_ms(session: Session, at_ms: int) -> int:
    """The first instant after this one at which something may be due of a session warned of.

    That is its expiry. But where the threshold is more than half the timeout, a session that is
    renewed at once may come within it before that again.
    """
    if_renewed = replace(session, renewed_at_ms=at_ms).warns_at_ms
    return session.expires_at_ms if if_renewed is None else min(session.expires_at_ms, if_renewed)


def is_due_sooner(before: Session, after: Session, at_ms: int) -> bool:
    """Whether a change of the limits at this instant makes something due before a timer rings."""
    if _first_due_ms(before) > at_ms:
        return _first_due_ms(after) < _first_due_ms(before)
    same_expiry = after.expires_at_ms == before.expires_at_ms  # of which one warning is enough
    next_due_ms = after_warning_ms(after, at_ms) if same_expiry else _first_due_ms(after)
    return next_due_ms < after_warning_ms(before, at_ms)


def event_id(detail_type: str, session: Session) -> str:
    """The ID of the event about the session's present expiry: the same whoever publishes it."""
    named = json.dumps([detail_type, session.session_id, session.expires_at_ms]).encode()
    return hashlib.sha256(named).hexdigest()[:EVENT_ID_DIGITS]


def _first_due_ms(session: Session) -> int:
    return session.expires_at_ms if session.warns_at_ms is None else session.warns_at_ms
