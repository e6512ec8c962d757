"""What becomes of an item of the old table in the restored one. Pure: it reads and writes nothing.

``domain.versions.join`` is the rule for a session that is in both.
"""

from dataclasses import dataclass
from typing import Any

from domain.versions import are_versions_of_one, join
from recovery.invariants import (
    findings_of,
    is_idempotency_record,
    is_start_marker,
    retention_seconds,
)
from storage.attribute_values import Item, int_attribute
from storage.conditional_update import NOT_ANNOUNCED
from storage.item import ANNOUNCED_AT, TIMER, item_of, session_of
from storage.session_creation import IS_NEW
from storage.table import ConditionalUpdate, update_expression
from storage.timer_update import PUBLISHED, is_published

MERGED = (
    "lastActivity",
    "renewedAt",
    "renewalCount",
    "rememberedCount",
    "recentRenewals",
    "timeoutConfig",
    "timeoutMs",
    "timeoutSeconds",
    "maxExpiresAt",
    "fullRenewalUntil",
    "expiresAt",
)
READ = ("lastActivity", "renewalCount", "expiresAt", "timeoutConfig")
"""Every call that changes a session changes one of these."""

SET_MERGED = "SET " + ", ".join(f"{name} = :{name}" for name in MERGED) + ", #ttl = :ttl"
AS_READ = tuple(f"{name} = :read_{name}" for name in READ)
MARKED_AS_READ = "(attribute_not_exists(announcedAt) OR announcedAt = :read_announcedAt)"

JOINED = update_expression(SET_MERGED, *AS_READ, NOT_ANNOUNCED, ttl="ttl")
"""All that calls change, if no call has changed the session in the restored table since."""

JOINED_AND_OVER = update_expression(
    f"{SET_MERGED}, announcedAt = :announcedAt", *AS_READ, MARKED_AS_READ, ttl="ttl"
)
"""The same for a session that was announced in either table."""

JOINED_AND_PUBLISHED = update_expression(
    f"{SET_MERGED}, announcedAt = :announcedAt, timer = :published",
    *AS_READ,
    MARKED_AS_READ,
    ttl="ttl",
)
"""The same for one whose expiry was published by the old table's timer."""

RECORD_AS_READ = "createdSessionId = :createdSessionId AND createdAt = :createdAt"


@dataclass(frozen=True, slots=True)
class Terms:
    """How to merge.

    ``since_ms`` (epoch milliseconds): a session that the restored table lacks was created there
    and deleted again, or was deleted before, if it was created before this instant. ``switched``:
    clients use the restored table already, so that its time limits are the later ones.
    ``new_only``: no session that the restored table has is changed.
    """

    now_seconds: int
    since_ms: int
    switched: bool = False
    new_only: bool = False


@dataclass(frozen=True, slots=True)
class Copy:
    """Store the item as it is in the old table, if this condition holds."""

    item: Item
    condition: str
    values: Item


@dataclass(frozen=True, slots=True)
class Left:
    """Nothing is done. ``needs_a_person`` if that may be wrong."""

    why: str
    needs_a_person: bool = False


Plan = Copy | ConditionalUpdate | Left

UNCHANGED = Left("nothing new")
PAST_TTL = Left("past its ttl")
DELETED = Left("created before --since, and not in the restored table")
EXISTS = Left("in both tables, and only new ones were asked for")
DEFECTIVE = Left("defective in the old table: see verify-table", needs_a_person=True)
DEFECTIVE_THERE = Left("defective in the restored table: see verify-table", needs_a_person=True)
START_MARKER = Left("start marker: only the stream of its own table tells of it")
OTHER_SESSION = Left("another session has this ID in the restored table", needs_a_person=True)


def plan_for(old: Item, restored: Item | None, terms: Terms) -> Plan:
    """What to do about an item of the old table, as both tables have it at the moment."""
    unfit = _unfit(old, restored)
    if unfit is not None:
        return unfit
    if restored is None:
        return _plan_for_missing(old, terms)
    if is_idempotency_record(old):
        return _plan_for_record(old, restored, terms)
    if terms.new_only:
        return EXISTS
    return _plan_for_session(old, restored, terms)


def _unfit(old: Item, restored: Item | None) -> Left | None:
    """Why there is nothing to merge, whatever is in the items; ``None`` if there may be."""
    if is_start_marker(old):
        return START_MARKER
    if findings_of(old).defects:
        return DEFECTIVE
    if restored is not None and findings_of(restored).defects:
        return DEFECTIVE_THERE
    return None


def _plan_for_missing(old: Item, terms: Terms) -> Plan:
    if int_attribute(old, "ttl") <= terms.now_seconds:
        return PAST_TTL
    if not is_idempotency_record(old) and int_attribute(old, "createdAt") < terms.since_ms:
        return DELETED
    return Copy(_without_running_timer(old), IS_NEW, {})


def _plan_for_record(old: Item, restored: Item, terms: Terms) -> Plan:
    """A key that was used again after its 24 hours: the later use counts."""
    if int_attribute(old, "ttl") <= terms.now_seconds:
        return PAST_TTL
    if int_attribute(old, "createdAt") <= int_attribute(restored, "createdAt"):
        return UNCHANGED
    read = {f":{name}": restored[name] for name in ("createdSessionId", "createdAt")}
    return Copy(old, RECORD_AS_READ, read)


def _plan_for_session(old: Item, restored: Item, terms: Terms) -> Plan:
    old_session, session = session_of(old), session_of(restored)
    if not are_versions_of_one(old_session, session):
        return OTHER_SESSION
    limits = session.timeout_config if terms.switched else old_session.timeout_config
    joined = join(old_session, session, limits)
    closes = is_published(old, old_session) and not is_published(restored, session)
    if joined == session and not closes:
        return UNCHANGED
    attributes = item_of(joined, retention_seconds(old))
    values: dict[str, Any] = {f":{name}": attributes[name] for name in (*MERGED, "ttl")}
    values |= {f":read_{name}": restored[name] for name in READ}
    if joined.announced_at_ms is None:
        return ConditionalUpdate(JOINED, values)
    mark = attributes[ANNOUNCED_AT]
    values |= {":announcedAt": mark, ":read_announcedAt": restored.get(ANNOUNCED_AT, mark)}
    if not closes:
        return ConditionalUpdate(JOINED_AND_OVER, values)
    return ConditionalUpdate(JOINED_AND_PUBLISHED, {**values, ":published": {"S": PUBLISHED}})


def _without_running_timer(item: Item) -> Item:
    """The item of a session that has no timer yet: its own looks into the old table.

    That it is new in the restored one starts another.
    """
    if item.get(TIMER) == {"S": PUBLISHED}:
        return item
    return {name: value for name, value in item.items() if name != TIMER}
