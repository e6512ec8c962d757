"""The time limits' change as one conditional write: ``domain.timeout.change_timeout``, stored.

Two forms: *by the activity*, where a whole timeout after the last activity is within the maximum,
and *to the maximum*, where it is not. The first write is by the activity, and made where that is
sure without knowing the session. Which attributes a form sets depends on which limits are given.
"""

from typing import Any

from domain import timeout as rule
from domain.session import MS_PER_MINUTE, MS_PER_SECOND, Outcome, Session
from domain.timeout import TimeoutChange
from storage.change import IS_A_SESSION, TYPES_AND_BOUNDS, Change, Write
from storage.item import LIMIT_ATTRIBUTES, limit_value, number, ttl_seconds
from storage.table import SessionsTable, write_form


def change_timeout(
    table: SessionsTable, session_id: str, now_ms: int, change: TimeoutChange
) -> Outcome:
    """Change the limits of the session with this ID, or say why not, as the pure rule says.

    One write for each refusal, and for a change after which a whole timeout from now would be
    within the maximum; otherwise two, or up to four where the session changes in between.

    Raises:
        SessionNotFound, SessionExpired, MaximumBelowTimeout: the rule refuses it.
        StorageUnavailable: DynamoDB failed, or the session changed under every write.
        InvalidItem: what is stored is not a session.
    """
    return Change(
        now_ms,
        lambda stored: rule.change_timeout(stored, change, now_ms),
        first_write(now_ms, change),
        lambda stored, granted: write_of(table, stored, granted, change),
    ).make(table, session_id)


def first_write(now_ms: int, change: TimeoutChange) -> Write:
    """The write that needs to know nothing of the session."""
    timeout_ms, maximum_ms = _given_ms(change)
    # Where now leaves room for a whole timeout, so does an activity that is not after now.
    room = ["lastActivity <= :now"]
    values = {":now": number(now_ms)}
    if timeout_ms is not None and maximum_ms is not None:
        room.append("createdAt >= :earliest")
        values[":earliest"] = number(now_ms + timeout_ms - maximum_ms)
    elif timeout_ms is not None:
        room.append("maxExpiresAt >= :earliest")
        values[":earliest"] = number(now_ms + timeout_ms)
    elif maximum_ms is not None:
        room.append("fullRenewalBase >= :earliest")
        values[":earliest"] = number(now_ms - maximum_ms)
    else:
        room = [
            "lastActivity <= fullRenewalUntil",
            "expiresAt > lastActivity",
            "attribute_type(maxExpiresAt, :N)",
        ]
    limits, given = _limits(change)
    update = f"SET {', '.join([*limits, *_expiry_by_the_activity(change)])}"
    form = write_form(
        update, "expiresAt > :now", *room, "activityTtl > :zero", *IS_A_SESSION, ttl="ttl"
    )
    return form, values | given | TYPES_AND_BOUNDS


def write_of(
    table: SessionsTable, stored: Session, granted: Outcome, change: TimeoutChange
) -> Write:
    """The write that makes the stored session what the rule granted."""
    changed = granted.session
    limits, values = _limits(change)
    values[":now"] = number(granted.at_ms)
    values[":lastFull"] = number(changed.full_renewal_until_ms)
    if changed.last_activity_ms <= changed.full_renewal_until_ms:
        clauses = ["lastActivity <= :lastFull"]
        expiry = _expiry_by_the_activity(change)
    else:
        clauses = ["lastActivity > :lastFull"]
        expiry = ["expiresAt = :maximum", "#ttl = :ttl"]
        values[":maximum"] = number(changed.max_expires_at_ms)
        values[":ttl"] = number(ttl_seconds(changed.max_expires_at_ms, table.retention_seconds))
    # What these values were computed from, and the change does not set.
    if change.timeout_minutes is None:
        clauses.append("timeoutMs = :storedTimeoutMs")
        values[":storedTimeoutMs"] = number(stored.timeout_ms)
    if change.max_duration_minutes is None:
        clauses.append("maxExpiresAt = :storedMaximum")
        values[":storedMaximum"] = number(stored.max_expires_at_ms)
    update = f"SET {', '.join([*limits, *expiry])}"
    form = write_form(update, "expiresAt > :now", "expiresAt > lastActivity", *clauses, ttl="ttl")
    return form, values


def _limits(change: TimeoutChange) -> tuple[list[str], dict[str, Any]]:
    """What a change of the limits sets beside the expiry, and the values."""
    timeout_ms, maximum_ms = _given_ms(change)
    sets, values = [], dict[str, Any]()
    for name, value in change.given.items():
        sets.append(f"timeoutConfig.{LIMIT_ATTRIBUTES[name]} = :{name}")
        values[f":{name}"] = limit_value(value)
    if timeout_ms is not None:
        sets += [
            "timeoutMs = :timeoutMs",
            "timeoutSeconds = :timeoutSeconds",
            "fullRenewalBase = createdAt - :timeoutMs",
        ]
        values[":timeoutMs"] = number(timeout_ms)
        values[":timeoutSeconds"] = number(timeout_ms // MS_PER_SECOND)
        if maximum_ms is None:
            sets.append("fullRenewalUntil = maxExpiresAt - :timeoutMs")
    if maximum_ms is not None:
        sets.append("maxExpiresAt = createdAt + :maximumMs")
        values[":maximumMs"] = number(maximum_ms)
        if timeout_ms is None:
            sets.append("fullRenewalUntil = fullRenewalBase + :maximumMs")
        else:
            sets.append("fullRenewalUntil = createdAt + :fullRenewalMs")
            values[":fullRenewalMs"] = number(maximum_ms - timeout_ms)
    return sets, values


def _expiry_by_the_activity(change: TimeoutChange) -> list[str]:
    if change.timeout_minutes is None:
        return ["expiresAt = lastActivity + timeoutMs", "#ttl = activityTtl + timeoutSeconds"]
    return ["expiresAt = lastActivity + :timeoutMs", "#ttl = activityTtl + :timeoutSeconds"]


def _given_ms(change: TimeoutChange) -> tuple[int | None, int | None]:
    """The timeout and the maximum duration, where they were given."""
    timeout, maximum = change.timeout_minutes, change.max_duration_minutes
    return (
        None if timeout is None else timeout * MS_PER_MINUTE,
        None if maximum is None else maximum * MS_PER_MINUTE,
    )
