"""The rule of a renewal. ``storage.renewal_update`` states it as DynamoDB expressions."""

from dataclasses import replace

from domain.refusals import MaximumDurationReached
from domain.session import Outcome, Session


def renew(session: Session, now_ms: int, renewal_id: str) -> Outcome:
    """Extend a live session by its timeout from now, but never past its maximum.

    ``renewal_id`` identifies the request. The session's latest renewal, requested again, is a
    replay and changes nothing. The order of precedence is expiry, replay, maximum.

    Raises:
        SessionExpired: the session is no longer alive.
        MaximumDurationReached: the expiry already stands at the maximum.
    """
    at_ms = session.effective_ms(now_ms)
    session.require_alive(at_ms)
    if session.last_renewal_id == renewal_id:
        return Outcome(session, at_ms, changed=False)
    if session.expires_at_ms >= session.max_expires_at_ms:
        raise MaximumDurationReached(session.session_id, session.max_expires_at_ms)
    active = replace(session, last_activity_ms=at_ms)
    renewed = replace(
        active,
        expires_at_ms=active.latest_expiry_ms,
        renewal_count=session.renewal_count + 1,
        last_renewal_id=renewal_id,
    )
    return Outcome(renewed, at_ms, changed=True)
