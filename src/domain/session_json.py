"""Sessions as the JSON that clients and event consumers get.

The shapes are those of ``openapi.yaml`` and the two ``session-*.schema.json``. A session's metadata
is JSON text already and goes in as it is: parsing it to write it again could change a number. So
objects are composed here, in one place, of texts that are JSON each. A list of a thousand sessions
has most of its time from here.
"""

import json
from datetime import UTC, datetime, timedelta

from domain.session import Session, Snapshot
from domain.timers import event_id

SESSION_EXPIRING, SESSION_EXPIRED = "SessionExpiring", "SessionExpired"
"""The detail types of the events."""

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


def session_expiring_json(snapshot: Snapshot) -> str:
    """The detail of a ``SessionExpiring`` event, with the session as it stood at the warning."""
    session = snapshot.session
    return (
        f'{{"eventId": "{event_id(SESSION_EXPIRING, session)}", '
        f'"expiresAt": "{rfc3339(session.expires_at_ms)}", '
        f'"session": {session_info_json(snapshot)}}}'
    )


def session_expired_json(session: Session, removed_at_ms: int | None = None) -> str:
    """The detail of a ``SessionExpired`` event, with the session as it stood when it expired.

    ``removed_at_ms`` (epoch milliseconds) is when DynamoDB deleted it, if that is what told of it.
    """
    removed = "" if removed_at_ms is None else f'"removedAt": "{rfc3339(removed_at_ms)}", '
    return (
        f'{{"eventId": "{event_id(SESSION_EXPIRED, session)}", '
        f'"expiredAt": "{rfc3339(session.expires_at_ms)}", {removed}'
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
