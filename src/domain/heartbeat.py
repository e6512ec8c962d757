"""The rule of a heartbeat. ``storage.heartbeat_update`` states it as DynamoDB expressions."""

from contextlib import suppress
from dataclasses import replace

from domain.refusals import MaximumDurationReached
from domain.renewal import renew
from domain.session import Outcome, Session


def record_heartbeat(session: Session, now_ms: int, heartbeat_id: str) -> Outcome:
    """Record activity in a live session. With ``auto_renew``, that is a renewal with this ID.

    At the maximum, or without ``auto_renew``, only the last activity moves.

    Raises:
        SessionExpired: the session is no longer alive.
    """
    at_ms = session.effective_ms(now_ms)
    session.require_alive(at_ms)
    if session.timeout_config.auto_renew:
        with suppress(MaximumDurationReached):
            return renew(session, now_ms, heartbeat_id)
    active = replace(session, last_activity_ms=at_ms)
    return Outcome(active, at_ms, changed=active != session)
