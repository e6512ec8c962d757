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
from domain.timers import is_due_sooner
from storage.attribute_values import Item
from storage.conditional_update import NOT_ANNOUNCED, UPDATES_WITHOUT_PAUSE
from storage.faults import TransactionCancelled
from storage.item import TIMEOUT_ATTRIBUTES, item_of, session_of
from storage.start_marker import can_be_marked, update_and_start_timer
from storage.table import ConditionalUpdate, SessionsTable, update_expression

SET_LIMITS = (
    "SET timeoutConfig.timeoutMinutes = :timeoutMinutes, timeoutConfig.autoRenew = :autoRenew, "
    "timeoutConfig.maxDurationMinutes = :maxDurationMinutes, "
    "timeoutConfig.warningThresholdMinutes = :warningThresholdMinutes, "
    "timeoutMs = :timeoutMs, timeoutSeconds = :timeoutSeconds, maxExpiresAt = :maxExpiresAt, "
    "fullRenewalUntil = :fullRenewalUntil, renewedAt = :renewedAt, expiresAt = :expiresAt, "
    "#ttl = :ttl"
)
AS_READ = (
    "timeoutConfig = :readTimeoutConfig",
    "expiresAt = :readExpiresAt",
    "(attribute_not_exists(renewedAt) OR renewedAt = :readRenewedAt)",
    NOT_ANNOUNCED,
)
"""What the limits follow from is as it was read.

The expiry tells of the last renewal, except at the maximum.
"""

NEW_LIMITS = update_expression(SET_LIMITS, *AS_READ, ttl="ttl")
"""The limits and all that follows from them."""

NEW_LIMITS_AND_TIMER = update_expression(
    f"{SET_LIMITS} REMOVE timer",
    *AS_READ,
    "lastActivity = :readLastActivity",
    "renewalCount = :readRenewalCount",
    ttl="ttl",
)
"""The same where a new timer must start: the present one ends when it finds its token gone.

A transaction does not return what it wrote, so what it does not write must be as it was read, too.
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
    come first, until the table's deadline. A change that makes something due sooner starts a new
    timer, in the same write: see ``storage.start_marker``.

    Raises:
        SessionNotFound, SessionExpired, MaximumBelowTimeout: the rule refuses the change.
        StorageUnavailable: DynamoDB failed, or others came first until the deadline.
        InvalidItem: what is stored is not a session.
    """
    started = time.monotonic()

    def clock_ms() -> int:
        """What the clock says meanwhile: a later update must not revive a session."""
        return now_ms + int((time.monotonic() - started) * MS_PER_SECOND)

    at_ms = now_ms
    attempt = 0
    while True:
        item = table.get(session_id)
        for _ in range(UPDATES_WITHOUT_PAUSE):
            if item is None:
                raise SessionNotFound(session_id)
            before = session_of(item)
            outcome = rule.change_timeout(before, change, at_ms)
            if not outcome.changed:
                return outcome
            if can_be_marked(session_id) and is_due_sooner(before, outcome.session, outcome.at_ms):
                try:
                    _change_and_start_timer(table, item, outcome)
                except TransactionCancelled as cancelled:
                    if cancelled.may_pass:
                        break
                    if cancelled.reasons[0]["Code"] != "ConditionalCheckFailed":
                        raise
                    item = cancelled.reasons[0].get("Item")
                else:
                    return outcome
            else:
                item = table.update(session_id, update_for(table, item, outcome)).image
            if item is not None and _has_limits_of(stored := session_of(item), outcome.session):
                return Outcome(stored, stored.effective_ms(at_ms), changed=True)
            at_ms = clock_ms()
        table.pause(attempt)
        at_ms = clock_ms()
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


def _change_and_start_timer(table: SessionsTable, read: Item, outcome: Outcome) -> None:
    values = {
        **update_for(table, read, outcome).values,
        ":readLastActivity": read["lastActivity"],
        ":readRenewalCount": read["renewalCount"],
    }
    update = ConditionalUpdate(NEW_LIMITS_AND_TIMER, values)
    update_and_start_timer(table, outcome.session.session_id, update, outcome.at_ms)


def _has_limits_of(stored: Session, changed: Session) -> bool:
    """Whether the change is stored: by this update, or by an earlier one whose reply was lost.

    Activity and renewals by slower clocks may have come meanwhile.
    """
    return (stored.timeout_config, stored.renewed_at_ms) == (
        changed.timeout_config,
        changed.renewed_at_ms,
    )
