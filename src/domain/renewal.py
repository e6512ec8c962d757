"""The rule of a renewal. ``storage.renewal_update`` states it as DynamoDB expressions."""

import hashlib
from dataclasses import replace

from domain.refusals import MaximumDurationReached
from domain.session import Outcome, Session

MAX_REMEMBERED = 32
"""How many renewals a session remembers. A retry is recognised if fewer have come since."""

DIGEST_BYTES = 6


def renew(session: Session, now_ms: int, renewal_id: str) -> Outcome:
    """Extend a live session by its timeout from now, but never past its maximum.

    ``renewal_id`` identifies the request. One of the session's latest 32 renewals, requested
    again, is a replay and changes nothing. The order of precedence is expiry, replay, maximum.

    Raises:
        SessionExpired: the session is no longer alive.
        MaximumDurationReached: the expiry already stands at the maximum.
    """
    at_ms = session.effective_ms(now_ms)
    session.require_alive(at_ms)
    digest = renewal_digest(renewal_id)
    if digest in session.recent_renewals:
        return Outcome(session, at_ms, changed=False)
    if session.expires_at_ms >= session.max_expires_at_ms:
        raise MaximumDurationReached(session.session_id, session.max_expires_at_ms)
    renewed = replace(
        session,
        last_activity_ms=at_ms,
        renewed_at_ms=at_ms,
        renewal_count=session.renewal_count + 1,
        recent_renewals=(digest, *session.recent_renewals)[:MAX_REMEMBERED],
    )
    return Outcome(renewed, at_ms, changed=True)


def renewal_digest(renewal_id: str) -> int:
    """What a session remembers of a renewal: 48 bits of the ID's SHA-256, as a positive number.

    The odds that a new renewal is mistaken for one of 32 others are 1 to 2**43, nine trillion.
    """
    digest = hashlib.sha256(renewal_id.encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:DIGEST_BYTES]) + 1
