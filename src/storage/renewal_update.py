"""A renewal as a conditional update: ``domain.renewal.renew``, in DynamoDB's expressions.

There are three. Most renewals need only the first.
"""

from typing import Any

from domain import renewal as rule
from domain.renewal import MAX_REMEMBERED, renewal_digest
from domain.session import Outcome, Session
from storage.attribute_values import number
from storage.conditional_update import (
    IS_A_SESSION,
    NOT_ANNOUNCED,
    TYPES_AND_BOUNDS,
    apply_rule,
)
from storage.item import ttl_seconds
from storage.table import ConditionalUpdate, SessionsTable, update_expression

COUNT = (
    "renewalCount = renewalCount + :one, rememberedCount = renewalCount + :one, "
    "lastRenewalId = :renewalId, recentRenewals[0] = :digest"
) + "".join(f", recentRenewals[{n}] = recentRenewals[{n - 1}]" for n in range(1, MAX_REMEMBERED))
"""Assignments: the renewal is counted and remembered, and the oldest one of 32 is forgotten."""

NOT_A_REPLAY = (
    "NOT contains(recentRenewals, :digest)",
    "rememberedCount = renewalCount",  # otherwise, the release before made the latest renewal
    "size(recentRenewals) >= :maxRemembered",
)
"""The renewal is not among those that are remembered, and they are all there."""

FULL_TIMEOUT = update_expression(
    "SET expiresAt = :now + timeoutMs, #ttl = :retainedUntil + timeoutSeconds, "
    f"lastActivity = :now, renewedAt = :now, {COUNT}",
    "expiresAt > :now",
    "expiresAt < maxExpiresAt",
    "fullRenewalUntil >= :now",
    "lastActivity <= :now",
    NOT_ANNOUNCED,
    *NOT_A_REPLAY,
    *IS_A_SESSION,
    ttl="ttl",
)
"""A whole timeout from now: the common case, and always the first update."""

TO_MAXIMUM = update_expression(
    f"SET expiresAt = maxExpiresAt, #ttl = :ttl, lastActivity = :now, renewedAt = :now, {COUNT}",
    "expiresAt > :now",
    "expiresAt < maxExpiresAt",
    "fullRenewalUntil < :now",
    "lastActivity <= :now",
    "maxExpiresAt = :maxExpiresAt",  # :ttl was computed from it
    NOT_ANNOUNCED,
    *NOT_A_REPLAY,
    ttl="ttl",
)
"""The last renewal of a session: less than a timeout is left to gain."""

COUNT_ONLY = update_expression(
    f"SET {COUNT}",
    "renewedAt = lastActivity",
    "expiresAt < maxExpiresAt",
    NOT_ANNOUNCED,
    *NOT_A_REPLAY,
)
"""A renewal with a later clock came first: the expiry already is where this one would put it."""


def renew_session(table: SessionsTable, session_id: str, now_ms: int, renewal_id: str) -> Outcome:
    """Renew the session with this ID, or refuse to, as the rule says.

    One request for a renewal and for each refusal. Another where the stored session shows that
    another expression is due: see ``apply_rule``.

    Raises:
        SessionNotFound, SessionExpired, MaximumDurationReached: the rule refuses the renewal.
        StorageUnavailable: DynamoDB failed, or others came first until the deadline.
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
            **count_values(renewal_id),
            **TYPES_AND_BOUNDS,
        },
    )


def update_for(
    table: SessionsTable, stored: Session, outcome: Outcome, renewal_id: str
) -> ConditionalUpdate:
    """The update that turns the stored session into the outcome."""
    if outcome.at_ms == stored.renewed_at_ms:
        return ConditionalUpdate(COUNT_ONLY, count_values(renewal_id))
    if outcome.at_ms <= stored.full_renewal_until_ms:
        return full_timeout_update(table, outcome.at_ms, renewal_id)
    expires_at_ms = outcome.session.expires_at_ms
    return ConditionalUpdate(
        TO_MAXIMUM,
        {
            ":now": number(outcome.at_ms),
            ":maxExpiresAt": number(expires_at_ms),
            ":ttl": number(ttl_seconds(expires_at_ms, table.retention_seconds)),
            **count_values(renewal_id),
        },
    )


def count_values(renewal_id: str) -> dict[str, Any]:
    """The values of ``COUNT`` and ``NOT_A_REPLAY``."""
    return {":one": number(1), ":renewalId": {"S": renewal_id}, **replay_values(renewal_id)}


def replay_values(renewal_id: str) -> dict[str, Any]:
    """The values of ``NOT_A_REPLAY``."""
    return {
        ":digest": number(renewal_digest(renewal_id)),
        ":maxRemembered": number(MAX_REMEMBERED),
    }
