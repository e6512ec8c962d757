"""The renewal as one conditional write: the stored form of ``domain.renewal.renew``.

It has three forms. Most renewals need only the first.
"""

from typing import Any

from domain import renewal as rule
from domain.session import Outcome, Session
from storage.change import IS_A_SESSION, TYPES_AND_BOUNDS, Change, Write
from storage.item import number, ttl_seconds
from storage.table import SessionsTable, write_form

# `<>` is true in DynamoDB when the attribute is absent: a first renewal replays nothing.
NOT_A_REPLAY = "lastRenewalId <> :renewalId"
ACTIVE_NOW = "lastActivity = :now, activityTtl = :activityTtl"
COUNT_IT = "renewalCount = renewalCount + :one, lastRenewalId = :renewalId"

BY_TIMEOUT = write_form(
    "SET expiresAt = :now + timeoutMs, #ttl = :activityTtl + timeoutSeconds, "
    f"{ACTIVE_NOW}, {COUNT_IT}",
    "expiresAt > :now",
    "expiresAt < maxExpiresAt",
    "fullRenewalUntil >= :now",
    "lastActivity <= :now",
    NOT_A_REPLAY,
    *IS_A_SESSION,
    ttl="ttl",
)
"""A whole timeout from now: the common case, and always the first write."""

TO_THE_MAXIMUM = write_form(
    f"SET expiresAt = maxExpiresAt, #ttl = :ttl, {ACTIVE_NOW}, {COUNT_IT}",
    "expiresAt > :now",
    "expiresAt < maxExpiresAt",
    "fullRenewalUntil < :now",
    "lastActivity <= :now",
    "maxExpiresAt = :maxExpiresAt",  # :ttl was computed from it
    NOT_A_REPLAY,
    ttl="ttl",
)
"""The last renewal of a session's life: less than a timeout is left to gain."""

OVERTAKEN = write_form(
    f"SET {COUNT_IT}",
    "expiresAt >= :expiresAt",
    "expiresAt < maxExpiresAt",
    NOT_A_REPLAY,
)
"""A renewal with a later clock came first: the expiry is already where this one puts it."""


def renew(table: SessionsTable, session_id: str, now_ms: int, renewal_id: str) -> Outcome:
    """Renew the session with this ID, or say why not, as the pure rule says.

    One write for a renewal and for each refusal; another, up to four in all, where the image
    shows that another form is due.

    Raises:
        SessionNotFound, SessionExpired, MaximumDurationReached: the rule refuses it.
        StorageUnavailable: DynamoDB failed, or the session changed under every write.
        InvalidItem: what is stored is not a session.
    """
    return Change(
        now_ms,
        lambda stored: rule.renew(stored, now_ms, renewal_id),
        write_by_timeout(table, now_ms, renewal_id),
        lambda stored, granted: write_of(table, stored, granted, renewal_id),
    ).make(table, session_id)


def write_of(table: SessionsTable, stored: Session, granted: Outcome, renewal_id: str) -> Write:
    """The write that makes the stored session what the rule granted."""
    at_ms, expires_at_ms = granted.at_ms, granted.session.expires_at_ms
    counted = _counted(renewal_id)
    if expires_at_ms == stored.expires_at_ms:
        return OVERTAKEN, {":expiresAt": number(expires_at_ms), **counted}
    if at_ms <= stored.full_renewal_until_ms:
        return write_by_timeout(table, at_ms, renewal_id)
    return TO_THE_MAXIMUM, {
        ":maxExpiresAt": number(expires_at_ms),
        ":ttl": number(ttl_seconds(expires_at_ms, table.retention_seconds)),
        **active_at(table, at_ms),
        **counted,
    }


def write_by_timeout(table: SessionsTable, at_ms: int, renewal_id: str) -> Write:
    """The write that needs to know nothing of the session."""
    values = active_at(table, at_ms) | _counted(renewal_id) | TYPES_AND_BOUNDS
    return BY_TIMEOUT, values


def active_at(table: SessionsTable, at_ms: int) -> dict[str, Any]:
    """The values of ``ACTIVE_NOW``."""
    return {
        ":now": number(at_ms),
        ":activityTtl": number(ttl_seconds(at_ms, table.retention_seconds)),
    }


def _counted(renewal_id: str) -> dict[str, Any]:
    return {":one": number(1), ":renewalId": {"S": renewal_id}}
