"""Brings what happened in the old table into the restored one, a page of the old one at a time.

It only ever adds: each write has a condition that fails where the restored table has changed since
it was read, and then the plan is made anew. So it can stop anywhere and start anywhere, and a
second run finds nothing to do.
"""

from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from recovery.merging import Copy, Left, Plan, Terms, plan_for
from recovery.output import resume_option, say, say_aside, shown
from recovery.pace import Pace
from recovery.table_scan import TableScan
from storage.attribute_values import Item
from storage.faults import ConditionFailed, StorageUnavailable
from storage.table import ConditionalUpdate, SessionsTable

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

ITEMS_PER_PAGE = 100
"""As many as a ``BatchGetItem`` may ask for."""

WRITES_AT_ONCE = 8
MAX_ATTEMPTS = 8
BUSY = Left("it changed with each attempt: merge again", needs_a_person=True)
COPIED, JOINED = "copied", "brought up to date"


@dataclass(slots=True)
class Merged:
    """What was done, or would be. ``last_id`` is where to go on."""

    outcomes: Counter[str] = field(default_factory=Counter)
    for_a_person: int = 0
    last_id: str | None = None

    @property
    def changes(self) -> int:
        """How many items of the restored table were written, or would be."""
        return self.outcomes[COPIED] + self.outcomes[JOINED]


@dataclass(frozen=True)
class Merge:
    """A merge of the scanned table into the restored one. Without ``apply``, a dry run.

    ``reads`` is the pace of reading the restored table, in its read units; ``writes`` that of
    writing it, in items. It ends after the page with which it has made ``max_changes``.
    """

    scan: TableScan
    restored: SessionsTable
    terms: Terms
    reads: Pace
    writes: Pace
    max_changes: int
    apply: bool

    def run(self, merged: Merged) -> bool:
        """Merge; whether all of the old table was read. ``merged`` is right however this ends."""
        with ThreadPoolExecutor(WRITES_AT_ONCE) as threads:
            for page in self.scan.pages():
                before = merged.changes
                stored = self._restored_items([item["sessionId"]["S"] for item in page.items])
                done = threads.map(
                    lambda old, stored=stored: self._merge(old, stored.get(old["sessionId"]["S"])),
                    page.items,
                )
                for old, plan in zip(page.items, done, strict=True):
                    _count(merged, old, plan)
                merged.last_id = page.last_id
                if page.last_id is None:
                    return True
                if merged.changes >= self.max_changes:
                    return False
                if self.apply:
                    self.writes.spend(merged.changes - before)
                if merged.changes // 1000 > before // 1000:
                    say_aside(f"{merged.changes} changes; {resume_option(page.last_id)}")
        return True

    def _merge(self, old: Item, restored: Item | None) -> Plan:
        """Carry the plan out. Returns the one that came of it."""
        for _ in range(MAX_ATTEMPTS):
            plan = plan_for(old, restored, self.terms)
            if isinstance(plan, Left) or not self.apply:
                return plan
            if isinstance(plan, ConditionalUpdate):
                result = self.restored.update(old["sessionId"]["S"], plan)
                restored = result.image
                if result.applied:
                    return plan
            else:
                try:
                    _put(self.restored, plan)
                except ConditionFailed as refused:
                    restored = refused.item
                else:
                    return plan
        return BUSY

    def _restored_items(self, session_ids: list[str]) -> Mapping[str, Item]:
        """The items of the restored table with these IDs, as the last writes left them."""
        unread: Any = [{"sessionId": {"S": each}} for each in session_ids]
        found: dict[str, Item] = {}
        for _ in range(MAX_ATTEMPTS):
            if not unread:
                return found
            reply = self.restored.call(
                self.restored.client.batch_get_item,
                RequestItems={self.restored.name: {"Keys": unread, "ConsistentRead": True}},
                ReturnConsumedCapacity="TOTAL",
            )
            items: Any = reply["Responses"].get(self.restored.name, [])
            found |= {item["sessionId"]["S"]: item for item in items}
            unprocessed = reply["UnprocessedKeys"].get(self.restored.name)
            unread = [] if unprocessed is None else unprocessed["Keys"]
            consumed = reply.get("ConsumedCapacity", [])
            self.reads.spend(sum(each.get("CapacityUnits", 0) for each in consumed))
        raise StorageUnavailable(f"items left unread by {MAX_ATTEMPTS} reads")


def say_merged(merged: Merged, *, apply: bool) -> None:
    """Print how many items had which outcome."""
    for outcome, items in sorted(merged.outcomes.items()):
        say(f"{items} items: {outcome}")
    if not apply:
        say("This was a dry run: nothing was written. Add --apply to write.")


def merge_client(client: "DynamoDBClient", table: str) -> SessionsTable:
    """The restored table. Nothing here writes a ``ttl`` by the table's own retention."""
    return SessionsTable(client, table, retention_seconds=0)


def _put(table: SessionsTable, copy: Copy) -> None:
    """Store the item if the condition holds; :class:`ConditionFailed` brings what is stored."""
    values: dict[str, Any] = {"ExpressionAttributeValues": copy.values} if copy.values else {}
    table.call(
        table.client.put_item,
        TableName=table.name,
        Item=copy.item,
        ConditionExpression=copy.condition,
        ReturnValuesOnConditionCheckFailure="ALL_OLD",
        **values,
    )


def _count(merged: Merged, old: Item, plan: Plan) -> None:
    if isinstance(plan, Left):
        merged.outcomes[plan.why] += 1
        if plan.needs_a_person:
            merged.for_a_person += 1
            say(f"{shown(old['sessionId']['S'])}: {plan.why}")
    else:
        merged.outcomes[COPIED if isinstance(plan, Copy) else JOINED] += 1
