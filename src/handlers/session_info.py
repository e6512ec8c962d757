"""A session as the API shows it: the contract's SessionInfo."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from domain.session import Session
from storage.expiry import Expiry

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def rfc3339(instant_ms: int) -> str:
    """The instant in RFC 3339, UTC, to the millisecond: ``2026-01-31T12:00:00.000Z``."""
    instant = _EPOCH + timedelta(milliseconds=instant_ms)
    return instant.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def session_info_json(session: Session, now_ms: int) -> str:
    """The eleven fields of SessionInfo, as JSON; what is left of its time is left from now."""
    fields = {
        **_beginning(session),
        "lastActivity": rfc3339(session.last_activity_ms),
        "renewalCount": session.renewal_count,
        "timeRemaining": session.time_remaining_ms(now_ms),
        "isNearExpiration": session.is_near_expiration(now_ms),
    }
    return _with_metadata(fields, session)


def created_session_json(session: Session) -> str:
    """What a creation is answered with, as JSON: the seven fields that tell of the beginning."""
    return _with_metadata(_beginning(session), session)


def session_expired_json(expiry: Expiry) -> str:
    """The detail of a ``SessionExpired`` event, as JSON; the session as it stood at its expiry."""
    session = expiry.session
    fields = {
        "eventId": expiry.record_id,
        "expiredAt": rfc3339(session.expires_at_ms),
        "removedAt": rfc3339(expiry.removed_at_ms),
    }
    info = session_info_json(session, session.expires_at_ms)
    return f'{json.dumps(fields)[:-1]}, "session": {info}}}'


def _beginning(session: Session) -> dict[str, Any]:
    config = session.timeout_config
    return {
        "sessionId": session.session_id,
        "agentId": session.agent_id,
        "userId": session.user_id,
        "createdAt": rfc3339(session.created_at_ms),
        "expiresAt": rfc3339(session.expires_at_ms),
        "timeoutConfig": {
            "timeoutMinutes": config.timeout_minutes,
            "autoRenew": config.auto_renew,
            "maxDurationMinutes": config.max_duration_minutes,
            "warningThresholdMinutes": config.warning_threshold_minutes,
        },
    }


def _with_metadata(fields: dict[str, Any], session: Session) -> str:
    # The metadata is JSON already: reading it to write it again could change a number.
    return f'{json.dumps(fields)[:-1]}, "metadata": {session.metadata_json}}}'
