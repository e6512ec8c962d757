"""The rule of a renewal: the specification that the stored form of it is held to."""

from dataclasses import dataclass, replace

from domain.errors import MaximumDurationReached, SessionExpired
from domain.session import Session


@dataclass(frozen=True, slots=True)
class Renewal:
    """A renewal that was granted.

    ``at_ms`` is the instant it was judged at; ``counted`` is false for a replay, which
    finds its work already done.
    """

    session: Session
    at_ms: int
    counted: bool


def renew(session: Session, now_ms: int, renewal_id: str) -> Renewal:
    """Extend a live session by its timeout from now, and never past its maximum.

    The clocks of two servers differ: a session that was active later than ``now_ms`` is
    judged at that later instant, so that no instant in it ever moves back. ``renewal_id``
    names the request: the session's latest renewal, asked for again, is a replay.

    Expiry beats replay, replay beats the maximum.

    Raises:
        SessionExpired: the expiry is not after the instant.
        MaximumDurationReached: the expiry already stands at the maximum.
    """
    at_ms = max(now_ms, session.last_activity_ms)
    if session.has_expired(at_ms):
        raise SessionExpired(session.session_id, session.expires_at_ms)
    if session.last_renewal_id == renewal_id:
        return Renewal(session, at_ms, counted=False)
    if session.expires_at_ms >= session.max_expires_at_ms:
        raise MaximumDurationReached(session.session_id, session.max_expires_at_ms)
    active = replace(session, last_activity_ms=at_ms)
    renewed = replace(
        active,
        expires_at_ms=active.latest_expiry_ms,
        renewal_count=session.renewal_count + 1,
        last_renewal_id=renewal_id,
    )
    return Renewal(renewed, at_ms, counted=True)
