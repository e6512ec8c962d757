"""Sessions as the JSON that clients and event consumers get.

The shapes are those of ``openapi.yaml`` and ``session-expired.schema.json``. A session's metadata
is JSON text already and goes in as it is: parsing it to write it again could change a number. So
objects are composed here, in one place, out of fields and of members that are JSON text.
"""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from domain.session import Expiry, Session, Snapshot

# In UTC, like all instants here. Without a time zone, it is written faster.
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC).replace(tzinfo=None)


def rfc3339(instant_ms: int) -> str:
    """The instant in RFC 3339, UTC, to the millisecond: ``2026-01-31T12:00:00.000Z``."""
    instant = _EPOCH + timedelta(milliseconds=instant_ms)
    return f"{instant.isoformat(timespec='milliseconds')}Z"


def session_info_json(snapshot: Snapshot) -> str:
    """The eleven fields of SessionInfo. ``timeRemaining`` counts from the snapshot's instant."""
    session = snapshot.session
    fields = {
        **_creation_fields(session),
        "lastActivity": rfc3339(session.last_activity_ms),
        "renewalCount": session.renewal_count,
        "timeRemaining": session.time_remaining_ms(snapshot.at_ms),
        "isNearExpiration": session.is_near_expiration(snapshot.at_ms),
    }
    return _object(fields, metadata=session.metadata_json)


def created_session_json(session: Session) -> str:
    """The seven fields that a creation is answered with."""
    return _object(_creation_fields(session), metadata=session.metadata_json)


def session_page_json(infos: list[str], cursor: str | None) -> str:
    """A page of a list: these SessionInfos, how many they are, and where the next page begins."""
    fields = {"total": len(infos)} | ({} if cursor is None else {"cursor": cursor})
    return _object(fields, sessions=f"[{', '.join(infos)}]")


def session_expired_json(expiry: Expiry) -> str:
    """The detail of a ``SessionExpired`` event, with the session as it stood when it expired."""
    session = expiry.session
    fields = {
        "eventId": expiry.event_id,
        "expiredAt": rfc3339(session.expires_at_ms),
        "removedAt": rfc3339(expiry.removed_at_ms),
    }
    return _object(fields, session=session_info_json(Snapshot(session, session.expires_at_ms)))


def _creation_fields(session: Session) -> dict[str, Any]:
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


def _object(fields: dict[str, Any], **members: str) -> str:
    """A JSON object of these fields (never none), and of members that are JSON text already."""
    texts = [f'"{name}": {text}' for name, text in members.items()]
    return f"{{{', '.join([json.dumps(fields)[1:-1], *texts])}}}"
