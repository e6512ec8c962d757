"""Pages of live sessions: a user's, an agent's, or everyone's."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from domain.refusals import SessionExpired
from domain.session import MS_PER_MINUTE, Owner, Snapshot, snapshot
from domain.timeout import MAX_DURATION_MINUTES
from storage.attribute_values import Item, number
from storage.faults import InvalidItem, StorageUnavailable
from storage.item import session_of
from storage.table import SessionsTable

MAX_READS = 20
MAX_READ_ENTRIES = 500
"""A list makes at most 20 reads, each of at most 500 entries of an index or items of the table.

DynamoDB ends a read after 1 MB, so a list of everyone's sessions costs 5,120 read units at most,
and 2,500 if its items have 1 KB. Behind the entries of an index, as many items are read besides.
"""

SECONDS_FOR_A_READ = 5
"""No further read begins with less time than this before the deadline: the page is short then."""

LISTED_ATTRIBUTES = (
    "sessionId, agentId, userId, metadata, createdAt, lastActivity, expiresAt, timeoutConfig, "
    "timeoutMs, timeoutSeconds, maxExpiresAt, fullRenewalUntil, renewalCount, renewedAt, "
    "rememberedCount, lastRenewalId, announcedAt"
)
"""All of an item but ``ttl``, its timer and its recent renewals, which are half of it."""

MAX_BATCH_KEYS = 100  # DynamoDB's limit
MAX_BATCH_READS = 3


@dataclass(frozen=True, slots=True)
class Position:
    """Where a page ended: at an index entry or, without ``created_at_ms``, at an item."""

    session_id: str
    created_at_ms: int | None = None


@dataclass(slots=True)
class Page:
    """The live sessions of a page, and where the next page begins; ``None`` after the last page.

    ``invalid`` names the items that are not sessions. They are left out.
    """

    sessions: list[Snapshot]
    invalid: list[InvalidItem]
    next_position: Position | None


def list_sessions(
    table: SessionsTable, owner: Owner, limit: int, after: Position | None, now_ms: int
) -> Page:
    """Up to ``limit`` of the owner's live sessions.

    Expired sessions that are still stored hide none: reading goes on until the page is full, the
    list ends, ``MAX_READS`` are made, or time is short. Each read is larger than the one before.

    Raises:
        StorageUnavailable: DynamoDB failed.
    """
    read = _scan if owner == Owner() else _query
    page = Page([], [], after)
    entries = min(limit, MAX_READ_ENTRIES)
    for made in range(MAX_READS):
        if made > 0 and table.deadline.remaining_seconds < SECONDS_FOR_A_READ:
            return page
        items, page.next_position = read(table, owner, entries, page.next_position, now_ms)
        for item in items:
            if len(page.sessions) == limit:
                page.next_position = position_of(page.sessions[-1], owner)
                return page
            _add(page, item, now_ms)
        if page.next_position is None or len(page.sessions) == limit:
            return page
        entries = min(4 * entries, MAX_READ_ENTRIES)
    return page


def position_of(listed: Snapshot, owner: Owner) -> Position:
    """Where a page of the owner's list ends whose last session this is."""
    session = listed.session
    return Position(session.session_id, None if owner == Owner() else session.created_at_ms)


def _add(page: Page, item: Item, now_ms: int) -> None:
    try:
        page.sessions.append(snapshot(session_of(item), now_ms))
    except SessionExpired:
        pass  # since the index or the filter was read
    except InvalidItem as defect:
        page.invalid.append(defect)


def _scan(
    table: SessionsTable, _: Owner, entries: int, after: Position | None, now_ms: int
) -> tuple[Iterable[Item], Position | None]:
    """The items that have not expired among the next ones of the table, in no order."""
    more: dict[str, Any] = {}
    if after is not None:
        more["ExclusiveStartKey"] = {"sessionId": {"S": after.session_id}}
    reply = table.call(
        table.client.scan,
        TableName=table.name,
        Limit=entries,
        FilterExpression="expiresAt > :now",
        ExpressionAttributeValues={":now": number(now_ms)},
        ConsistentRead=True,
        ProjectionExpression=LISTED_ATTRIBUTES,
        **more,
    )
    last = cast("Item | None", reply.get("LastEvaluatedKey"))
    return reply["Items"], None if last is None else Position(last["sessionId"]["S"])


def _query(
    table: SessionsTable, owner: Owner, entries: int, after: Position | None, now_ms: int
) -> tuple[Iterable[Item], Position | None]:
    """The items behind the next entries of an index, newest first, read as they are needed."""
    by_user = owner.user_id is not None
    index, attribute = ("byUser", "userId") if by_user else ("byAgent", "agentId")
    owner_id = {"S": owner.user_id if by_user else owner.agent_id}
    # A session created earlier has expired by now, although it may still be stored.
    oldest_ms = now_ms - MAX_DURATION_MINUTES * MS_PER_MINUTE
    if after is not None and after.created_at_ms is not None and after.created_at_ms <= oldest_ms:
        return [], None  # DynamoDB refuses to go on from an entry that the query would not return
    values: dict[str, Any] = {":owner": owner_id, ":oldest": number(oldest_ms)}
    more: dict[str, Any] = {}
    if by_user and owner.agent_id is not None:
        more["FilterExpression"] = "agentId = :agent"
        values[":agent"] = {"S": owner.agent_id}
    if after is not None and after.created_at_ms is not None:
        more["ExclusiveStartKey"] = {
            "sessionId": {"S": after.session_id},
            attribute: owner_id,
            "createdAt": number(after.created_at_ms),
        }
    reply = table.call(
        table.client.query,
        TableName=table.name,
        IndexName=index,
        Limit=entries,
        ScanIndexForward=False,
        KeyConditionExpression=f"{attribute} = :owner AND createdAt > :oldest",
        ExpressionAttributeValues=values,
        **more,
    )
    session_ids = [entry["sessionId"]["S"] for entry in reply["Items"]]
    last = cast("Item | None", reply.get("LastEvaluatedKey"))
    items = _items_with(table, session_ids)
    if last is None:
        return items, None
    return items, Position(last["sessionId"]["S"], int(last["createdAt"]["N"]))


def _items_with(table: SessionsTable, session_ids: list[str]) -> Iterator[Item]:
    """The stored items with these IDs, in this order."""
    for start in range(0, len(session_ids), MAX_BATCH_KEYS):
        batch = session_ids[start : start + MAX_BATCH_KEYS]
        stored = _read_batch(table, batch)
        yield from (stored[each] for each in batch if each in stored)


def _read_batch(table: SessionsTable, session_ids: list[str]) -> Mapping[str, Item]:
    """The stored items with these IDs: one read, or up to three while DynamoDB throttles."""
    found: dict[str, Item] = {}
    unread: Any = [{"sessionId": {"S": each}} for each in session_ids]
    for _ in range(MAX_BATCH_READS):
        if not unread:
            break
        request: Any = {
            "Keys": unread,
            "ConsistentRead": True,
            "ProjectionExpression": LISTED_ATTRIBUTES,
        }
        reply = table.call(table.client.batch_get_item, RequestItems={table.name: request})
        found |= {item["sessionId"]["S"]: item for item in reply["Responses"].get(table.name, [])}
        unprocessed = reply["UnprocessedKeys"].get(table.name)
        unread = [] if unprocessed is None else unprocessed["Keys"]
    if unread:
        raise StorageUnavailable(f"sessions left unread by {MAX_BATCH_READS} reads")
    return found
