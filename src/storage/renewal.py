"""The renewal as one conditional write: the stored form of ``domain.renewal.renew``.

DynamoDB can add a value to a stored attribute and compare two stored attributes, but has no
``min()``, no ``max()`` and no arithmetic in conditions. So the rule is written in three forms.
Most renewals need only the first. Each form is one ``UpdateItem`` whose condition holds only where
the rule grants the renewal and its outcome is the form's. Property tests hold them to the rule.
"""

from collections.abc import Mapping
from typing import Any

from domain import renewal as rule
from domain.errors import SessionNotFound
from domain.renewal import Renewal
from domain.session import Session
from storage.errors import StorageUnavailable
from storage.item import session_of, ttl_seconds
from storage.table import SessionsTable, WriteForm, write_form

MAX_WRITES = 4

# `<>` is true in DynamoDB when the attribute is absent: a first renewal replays nothing.
NOT_A_REPLAY = "lastRenewalId <> :renewalId"
COUNT_IT = "renewalCount = renewalCount + :one, lastRenewalId = :renewalId"

BY_TIMEOUT = write_form(
    "SET expiresAt = :now + timeoutMs, #ttl = :retainedNow + timeoutSeconds, "
    f"lastActivity = :now, {COUNT_IT}",
    "expiresAt > :now",
    "expiresAt < maxExpiresAt",
    "fullRenewalUntil >= :now",
    "lastActivity <= :now",
    NOT_A_REPLAY,
    # What the clauses above do not look at: an item that is not a session is left alone.
    "attribute_type(agentId, :S)",
    "attribute_type(userId, :S)",
    "begins_with(metadata, :brace)",
    "attribute_type(createdAt, :N)",
    "renewalCount >= :zero",
    "timeoutMs > :zero",
    "timeoutSeconds > :zero",
    "attribute_type(timeoutConfig.timeoutMinutes, :N)",
    "attribute_type(timeoutConfig.autoRenew, :BOOL)",
    "attribute_type(timeoutConfig.maxDurationMinutes, :N)",
    "attribute_type(timeoutConfig.warningThresholdMinutes, :N)",
    ttl="ttl",
)
"""A whole timeout from now: the common case, and always the first write."""

TO_THE_MAXIMUM = write_form(
    f"SET expiresAt = maxExpiresAt, #ttl = :ttl, lastActivity = :now, {COUNT_IT}",
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

TYPES_AND_BOUNDS = {
    ":S": {"S": "S"},
    ":N": {"S": "N"},
    ":BOOL": {"S": "BOOL"},
    ":brace": {"S": "{"},
    ":zero": {"N": "0"},
}

Write = tuple[WriteForm, Mapping[str, Any]]
"""A form and the values that go into it."""


def renew(table: SessionsTable, session_id: str, now_ms: int, renewal_id: str) -> Renewal:
    """Renew the session with this ID, or say why not, as the pure rule says.

    One write for a renewal and for each refusal; another, up to four in all, where the image
    shows that another form is due.

    Raises:
        SessionNotFound, SessionExpired, MaximumDurationReached: the rule refuses it.
        StorageUnavailable: DynamoDB failed, or the session changed under every write.
        InvalidItem: what is stored is not a session.
    """
    at_ms = now_ms
    form, values = write_by_timeout(table, at_ms, renewal_id)
    for _ in range(MAX_WRITES):
        written = table.update(session_id, form, values)
        if written.image is None:
            raise SessionNotFound(session_id)
        stored = session_of(written.image)
        if written.applied:
            # Another renewal may have come between: the answer is of the later instant.
            return Renewal(stored, max(at_ms, stored.last_activity_ms), counted=True)
        granted = rule.renew(stored, now_ms, renewal_id)
        if not granted.counted:
            return granted
        at_ms = granted.at_ms
        form, values = write_of(table, stored, granted, renewal_id)
    raise StorageUnavailable(f"the session changed under each of {MAX_WRITES} writes")


def write_of(table: SessionsTable, stored: Session, granted: Renewal, renewal_id: str) -> Write:
    """The write that makes the stored session what the rule granted."""
    at_ms, expires_at_ms = granted.at_ms, granted.session.expires_at_ms
    counted = _counted(renewal_id)
    if expires_at_ms == stored.expires_at_ms:
        return OVERTAKEN, {":expiresAt": {"N": str(expires_at_ms)}, **counted}
    if at_ms <= stored.full_renewal_until_ms:
        return write_by_timeout(table, at_ms, renewal_id)
    return TO_THE_MAXIMUM, {
        ":now": {"N": str(at_ms)},
        ":maxExpiresAt": {"N": str(expires_at_ms)},
        ":ttl": {"N": str(ttl_seconds(expires_at_ms, table.retention_seconds))},
        **counted,
    }


def write_by_timeout(table: SessionsTable, at_ms: int, renewal_id: str) -> Write:
    """The write that needs to know nothing of the session."""
    return BY_TIMEOUT, {
        ":now": {"N": str(at_ms)},
        ":retainedNow": {"N": str(ttl_seconds(at_ms, table.retention_seconds))},
        **_counted(renewal_id),
        **TYPES_AND_BOUNDS,
    }


def _counted(renewal_id: str) -> Mapping[str, Any]:
    return {":one": {"N": "1"}, ":renewalId": {"S": renewal_id}}
