"""A renewal as a conditional update: ``domain.renewal.renew``, in DynamoDB's expressions.

There are three. Most renewals need only the first.
"""

from typing import Any

from domain import renewal as rule
from domain.session import Outcome, Session
from storage.conditional_update import IS_A_SESSION, TYPES_AND_BOUNDS, apply_rule
from storage.item import number, ttl_seconds
from storage.table import ConditionalUpdate, SessionsTable, update_expression

# `<>` is true in DynamoDB if the attribute is missing: a first renewal is no replay.
NOT_A_REPLAY = "lastRenewalId <> :renewalId"

FULL_TIMEOUT = update_expression(
    "SET expiresAt = :now + timeoutMs, #ttl = :retainedUntil + timeoutSeconds, "
    "lastActivity = :now, renewalCount = renewalCount + :one, lastRenewalId = :renewalId",
    "expiresAt > :now",
    "expiresAt < maxExpiresAt",
    "fullRenewalUntil >= :now",
    "lastActivity <= :now",
    NOT_A_REPLAY,
    *IS_A_SESSION,
    ttl="ttl",
)
"""A whole timeout from now: the common case, and always the first update."""

TO_MAXIMUM = update_expression(
    "SET expiresAt = maxExpiresAt, #ttl = :ttl, "
    "lastActivity = :now, renewalCount = renewalCount + :one, lastRenewalId = :renewalId",
    "expiresAt > :now",
    "expiresAt < maxExpiresAt",
    "fullRenewalUntil < :now",
    "lastActivity <= :now",
    "maxExpiresAt = :maxExpiresAt",  # :ttl was computed from it
    NOT_A_REPLAY,
    ttl="ttl",
)
"""The last renewal of a session: less than a timeout is left to gain."""

COUNT_ONLY = update_expression(
    "SET renewalCount = renewalCount + :one, lastRenewalId = :renewalId",
    "expiresAt >= :expiresAt",
    "expiresAt < maxExpiresAt",
    NOT_A_REPLAY,
)
"""A renewal with a later clock came first: the expiry already is where this one would put it."""


def renew_session(table: SessionsTable, session_id: str, now_ms: int, renewal_id: str) -> Outcome:
    """Renew the session with this ID, or refuse to, as the rule says.

    One request for a renewal and for each refusal. Another, up to four in all, where the stored
    session shows that another expression is due.

    Raises:
        SessionNotFound, SessionExpired, MaximumDurationReached: the rule refuses the renewal.
        StorageUnavailable: DynamoDB failed, or the session changed before every update.
        InvalidItem: what is stored is not a session.
    """
    return apply_rule(
        table,
        session_id,
        now_ms,
        lambda stored: rule.renew(stored, now_ms, renewal_id),
        full_timeout_update(table, now_ms, renewal_id),
        lambda stored, outcome: update_for(table, stored, outcome, renewal_id),
    )


def full_timeout_update(table: SessionsTable, at_ms: int, renewal_id: str) -> ConditionalUpdate:
    """The update that needs to know nothing of the session."""
    retained_until = ttl_seconds(at_ms, table.retention_seconds)
    return ConditionalUpdate(
        FULL_TIMEOUT,
        {
            ":now": number(at_ms),
            ":retainedUntil": number(retained_until),
            **_count_values(renewal_id),
            **TYPES_AND_BOUNDS,
        },
    )


def update_for(
    table: SessionsTable, stored: Session, outcome: Outcome, renewal_id: str
) -> ConditionalUpdate:
    """The update that turns the stored session into the outcome."""
    expires_at_ms = outcome.session.expires_at_ms
    if expires_at_ms == stored.expires_at_ms:
        values = {":expiresAt": number(expires_at_ms), **_count_values(renewal_id)}
        return ConditionalUpdate(COUNT_ONLY, values)
    if outcome.at_ms <= stored.full_renewal_until_ms:
        return full_timeout_update(table, outcome.at_ms, renewal_id)
    return ConditionalUpdate(
        TO_MAXIMUM,
        {
            ":now": number(outcome.at_ms),
            ":maxExpiresAt": number(expires_at_ms),
            ":ttl": number(ttl_seconds(expires_at_ms, table.retention_seconds)),
            **_count_values(renewal_id),
        },
    )


def _count_values(renewal_id: str) -> dict[str, Any]:
    return {":one": number(1), ":renewalId": {"S": renewal_id}}
