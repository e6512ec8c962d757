"""Sessions as the JSON that clients and event consumers get.

The shapes are those of ``openapi.yaml`` and ``session-expired.schema.json``. A session's metadata
is JSON text already and goes in as it is: parsing it to write it again could change a number. So
objects are composed here, in one place, of texts that are JSON each. A list of a thousand sessions
has most of its time from here.
"""

import json
from datetime import UTC, datetime, timedelta

from domain.session import Expiry, Session, Snapshot

# In UTC, like all instants here. Without a time zone, it is written faster.
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC).replace(tzinfo=None)


def rfc3339(instant_ms: int) -> str:
    """The instant in RFC 3339, UTC, to the millisecond: ``2026-01-31T12:00:00.000Z``."""
    instant = _EPOCH + timedelta(milliseconds=instant_ms)
    return f"{instant.isoformat(timespec='milliseconds')}Z"


def session_info_json(snapshot: Snapshot) -> str:
    """The eleven fields of SessionInfo. ``timeRemaining`` counts from the snapshot's instant."""
    session, at_ms = snapshot.session, snapshot.at_ms
    return (
        f"{{{_creation_members(session)}, "
        f'"lastActivity": "{rfc3339(session.last_activity_ms)}", '
        f'"renewalCount": {session.renewal_count}, '
        f'"timeRemaining": {session.time_remaining_ms(at_ms)}, '
        f'"isNearExpiration": {_boolean(session.is_near_expiration(at_ms))}, '
        f'"metadata": {session.metadata_json}}}'
    )


def created_session_json(session: Session) -> str:
    """The seven fields that a creation is answered with."""
    return f'{{{_creation_members(session)}, "metadata": {session.metadata_json}}}'


def session_page_json(infos: list[str], cursor: str | None) -> str:
    """A page of a list: these SessionInfos, how many they are, and where the next page begins."""
    next_page = "" if cursor is None else f'"cursor": {_string(cursor)}, '
    return f'{{"total": {len(infos)}, {next_page}"sessions": [{", ".join(infos)}]}}'


def session_expired_json(expiry: Expiry) -> str:
    """The detail of a ``SessionExpired`` event, with the session as it stood when it expired."""
    session = expiry.session
    return (
        f'{{"eventId": {_string(expiry.event_id)}, '
        f'"expiredAt": "{rfc3339(session.expires_at_ms)}", '
        f'"removedAt": "{rfc3339(expiry.removed_at_ms)}", '
        f'"session": {session_info_json(Snapshot(session, session.expires_at_ms))}}}'
    )


def _creation_members(session: Session) -> str:
    config = session.timeout_config
    return (
        f'"sessionId": {_string(session.session_id)}, '
        f'"agentId": {_string(session.agent_id)}, '
        f'"userId": {_string(session.user_id)}, '
        f'"createdAt": "{rfc3339(session.created_at_ms)}", '
        f'"expiresAt": "{rfc3339(session.expires_at_ms)}", '
        '"timeoutConfig": {'
        f'"timeoutMinutes": {config.timeout_minutes}, '
        f'"autoRenew": {_boolean(config.auto_renew)}, '
        f'"maxDurationMinutes": {config.max_duration_minutes}, '
        f'"warningThresholdMinutes": {config.warning_threshold_minutes}'
        "}"
    )


_string = json.JSONEncoder().encode


def _boolean(value: bool) -> str:
    return "true" if value else "false"
