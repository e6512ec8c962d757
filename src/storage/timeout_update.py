"""A change of the time limits: read, apply ``domain.timeout.change_timeout``, write what it says.

Such a change is rare, so it is simple: the update requires that what the rule was applied to is
still stored. If it is not, everything starts again after a random pause.
"""

import random
import time
from itertools import count
from typing import cast

from domain import timeout as rule
from domain.refusals import SessionNotFound
from domain.session import MS_PER_SECOND, Outcome
from domain.timeout import TimeoutChange
from storage.faults import StorageUnavailable
from storage.item import TIMEOUT_ATTRIBUTES, Item, item_of, session_of
from storage.table import ConditionalUpdate, SessionsTable, update_expression

MAX_SECONDS = 10
"""How long after the first attempt another may begin."""

FIRST_PAUSE_SECONDS, MAX_PAUSE_SECONDS = 0.05, 1.0
"""The longest pause after the first attempt, which doubles with each, and its limit."""

NEW_LIMITS = update_expression(
    "SET timeoutConfig.timeoutMinutes = :timeoutMinutes, timeoutConfig.autoRenew = :autoRenew, "
    "timeoutConfig.maxDurationMinutes = :maxDurationMinutes, "
    "timeoutConfig.warningThresholdMinutes = :warningThresholdMinutes, "
    "timeoutMs = :timeoutMs, timeoutSeconds = :timeoutSeconds, maxExpiresAt = :maxExpiresAt, "
    "fullRenewalUntil = :fullRenewalUntil, expiresAt = :expiresAt, #ttl = :ttl",
    "timeoutConfig = :readTimeoutConfig",
    "lastActivity = :readLastActivity",
    "expiresAt = :readExpiresAt",
    ttl="ttl",
)
"""The limits and all that follows from them, if what they follow from is still as it was read."""

WRITTEN = ("timeoutMs", "timeoutSeconds", "maxExpiresAt", "fullRenewalUntil", "expiresAt", "ttl")

# SnapStart restores the state of `random`: every instance would pause for the same time.
_random = random.SystemRandom()


def change_timeout(
    table: SessionsTable, session_id: str, now_ms: int, change: TimeoutChange
) -> Outcome:
    """Change the limits of the session with this ID, or refuse to, as the rule says.

    One request for each refusal and where nothing changes, two for a change. Both again, until ten
    seconds have passed, where the session changed in between.

    Raises:
        SessionNotFound, SessionExpired, MaximumBelowTimeout: the rule refuses the change.
        StorageUnavailable: DynamoDB failed, or the session kept changing.
        InvalidItem: what is stored is not a session.
    """
    started = time.monotonic()
    at_ms = now_ms
    for attempt in count():
        item = table.get(session_id)
        if item is None:
            raise SessionNotFound(session_id)
        outcome = rule.change_timeout(session_of(item), change, at_ms)
        if not outcome.changed:
            return outcome
        result = table.update(session_id, update_for(table, item, outcome))
        if result.applied:
            stored = session_of(cast("Item", result.image))  # it may have been counted meanwhile
            return Outcome(stored, stored.effective_ms(at_ms), changed=True)
        longest_seconds = min(FIRST_PAUSE_SECONDS * 2**attempt, MAX_PAUSE_SECONDS)
        pause_seconds = _random.uniform(0, longest_seconds)
        if time.monotonic() + pause_seconds - started >= MAX_SECONDS:
            break
        time.sleep(pause_seconds)
        # The next attempt is judged by the clock as it is then: it must not revive a session.
        at_ms = now_ms + int((time.monotonic() - started) * MS_PER_SECOND)
    raise StorageUnavailable(f"the session kept changing for {MAX_SECONDS} s")


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
            ":readLastActivity": read["lastActivity"],
            ":readExpiresAt": read["expiresAt"],
        },
    )
