"""A change of the time limits: read, apply ``domain.timeout.change_timeout``, write what it says.

Such a change is rare, so it is simple: the update requires that what the rule was applied to is
still stored. If it is not, the reply brings what is, and the rule is applied to that at once: the
shorter the time between, the less can come in between.
"""

import time

from domain import timeout as rule
from domain.refusals import SessionNotFound
from domain.session import MS_PER_SECOND, Outcome, Session
from domain.timeout import TimeoutChange
from storage.attribute_values import Item
from storage.conditional_update import UPDATES_WITHOUT_PAUSE
from storage.item import TIMEOUT_ATTRIBUTES, item_of, session_of
from storage.table import ConditionalUpdate, SessionsTable, update_expression

NEW_LIMITS = update_expression(
    "SET timeoutConfig.timeoutMinutes = :timeoutMinutes, timeoutConfig.autoRenew = :autoRenew, "
    "timeoutConfig.maxDurationMinutes = :maxDurationMinutes, "
    "timeoutConfig.warningThresholdMinutes = :warningThresholdMinutes, "
    "timeoutMs = :timeoutMs, timeoutSeconds = :timeoutSeconds, maxExpiresAt = :maxExpiresAt, "
    "fullRenewalUntil = :fullRenewalUntil, renewedAt = :renewedAt, expiresAt = :expiresAt, "
    "#ttl = :ttl",
    "timeoutConfig = :readTimeoutConfig",
    "expiresAt = :readExpiresAt",
    "(attribute_not_exists(renewedAt) OR renewedAt = :readRenewedAt)",
    ttl="ttl",
)
"""The limits and all that follows from them, if what they follow from is still as it was read.

The expiry tells of the last renewal, except at the maximum.
"""

WRITTEN = (
    "timeoutMs",
    "timeoutSeconds",
    "maxExpiresAt",
    "fullRenewalUntil",
    "renewedAt",
    "expiresAt",
    "ttl",
)


def change_timeout(
    table: SessionsTable, session_id: str, now_ms: int, change: TimeoutChange
) -> Outcome:
    """Change the limits of the session with this ID, or refuse to, as the rule says.

    One request for each refusal and where nothing changes, two for a change. More where others
    come first, until the table's deadline.

    Raises:
        SessionNotFound, SessionExpired, MaximumBelowTimeout: the rule refuses the change.
        StorageUnavailable: DynamoDB failed, or others came first until the deadline.
        InvalidItem: what is stored is not a session.
    """
    started = time.monotonic()
    at_ms = now_ms
    attempt = 0
    while True:
        item = table.get(session_id)
        for _ in range(UPDATES_WITHOUT_PAUSE):
            if item is None:
                raise SessionNotFound(session_id)
            outcome = rule.change_timeout(session_of(item), change, at_ms)
            if not outcome.changed:
                return outcome
            item = table.update(session_id, update_for(table, item, outcome)).image
            if item is not None and _has_limits_of(stored := session_of(item), outcome.session):
                return Outcome(stored, stored.effective_ms(at_ms), changed=True)
            # The next update is judged by the clock as it is then: it must not revive a session.
            at_ms = now_ms + int((time.monotonic() - started) * MS_PER_SECOND)
        table.pause(attempt)
        attempt += 1


def update_for(table: SessionsTable, read: Item, outcome: Outcome) -> ConditionalUpdate:
    """The update that turns the item, as it was read, into the outcome."""
    changed = item_of(outcome.session, table.retention_seconds)
    limits = changed["timeoutConfig"]["M"]
    return ConditionalUpdate(
        NEW_LIMITS,
        {
            **{f":{name}": limits[name] for name in TIMEOUT_ATTRIBUTES.values()},
            **{f":{name}": changed[name] for name in WRITTEN},
            ":readTimeoutConfig": read["timeoutConfig"],
            ":readExpiresAt": read["expiresAt"],
            ":readRenewedAt": read.get("renewedAt", changed["renewedAt"]),
        },
    )


def _has_limits_of(stored: Session, changed: Session) -> bool:
    """Whether the change is stored: by this update, or by an earlier one whose reply was lost.

    Activity and renewals by slower clocks may have come meanwhile.
    """
    return (stored.timeout_config, stored.renewed_at_ms) == (
        changed.timeout_config,
        changed.renewed_at_ms,
    )
