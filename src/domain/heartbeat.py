"""The rule of a heartbeat: activity, and with automatic renewal a renewal, too."""

from contextlib import suppress
from dataclasses import replace

from domain.errors import MaximumDurationReached
from domain.renewal import renew
from domain.session import Outcome, Session


def beat(session: Session, now_ms: int, heartbeat_id: str) -> Outcome:
    """Note activity in a live session. With ``auto_renew``, it is a renewal with this ID.

    At the maximum duration, or without ``auto_renew``, only the last activity moves.

    Raises:
        SessionExpired: the session is no longer alive.
    """
    at_ms = session.judged_at_ms(now_ms)
    if session.timeout_config.auto_renew:
        with suppress(MaximumDurationReached):
            return renew(session, now_ms, heartbeat_id)
    active = replace(session, last_activity_ms=at_ms)
    return Outcome(active, at_ms, changed=active != session)
