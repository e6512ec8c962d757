"""Pages of live sessions: a user's, an agent's, or everyone's."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from domain.refusals import SessionExpired
from domain.session import MS_PER_MINUTE, Owner, Snapshot, snapshot
from domain.timeout import MAX_DURATION_MINUTES
from storage.attribute_values import Item, number
from storage.faults import InvalidItem, StorageUnavailable
from storage.item import session_of
from storage.table import SessionsTable

MAX_BATCH_READS = 3


@dataclass(frozen=True, slots=True)
class Position:
    """Where a page ended: at an index entry or, without ``created_at_ms``, at an item."""

    session_id: str
    created_at_ms: int | None = None


@dataclass(frozen=True, slots=True)
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
    """Up to ``limit`` of the owner's live sessions: one scan, or one query and one batch read.

    At most ``limit`` entries are read, so expired sessions make a page shorter.

    Raises:
        StorageUnavailable: DynamoDB failed.
    """
    if owner == Owner():
        items, last = _scan(table, limit, after, now_ms)
    else:
        items, last = _query(table, owner, limit, after, now_ms)
    return _page_of(items, last, now_ms)


def _page_of(items: Iterable[Item], last: Position | None, now_ms: int) -> Page:
    page = Page([], [], last)
    for item in items:
        try:
            page.sessions.append(snapshot(session_of(item), now_ms))
        except SessionExpired:
            continue  # since the index or the filter was read
        except InvalidItem as defect:
            page.invalid.append(defect)
    return page


def _scan(
    table: SessionsTable, limit: int, after: Position | None, now_ms: int
) -> tuple[list[Item], Position | None]:
    more: dict[str, Any] = {}
    if after is not None:
        more["ExclusiveStartKey"] = {"sessionId": {"S": after.session_id}}
    reply = table.call(
        table.client.scan,
        TableName=table.name,
        Limit=limit,
        FilterExpression="expiresAt > :now",
        ExpressionAttributeValues={":now": number(now_ms)},
        ConsistentRead=True,
        **more,
    )
    last = cast("Item | None", reply.get("LastEvaluatedKey"))
    return list(reply["Items"]), None if last is None else Position(last["sessionId"]["S"])


def _query(
    table: SessionsTable, owner: Owner, limit: int, after: Position | None, now_ms: int
) -> tuple[list[Item], Position | None]:
    """The sessions behind a page of index entries, newest first."""
    by_user = owner.user_id is not None
    index, attribute = ("byUser", "userId") if by_user else ("byAgent", "agentId")
    owner_id = {"S": owner.user_id if by_user else owner.agent_id}
    # A session created earlier has expired by now, although it may still be stored.
    oldest_ms = now_ms - MAX_DURATION_MINUTES * MS_PER_MINUTE
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
        Limit=limit,
        ScanIndexForward=False,
        KeyConditionExpression=f"{attribute} = :owner AND createdAt > :oldest",
        ExpressionAttributeValues=values,
        **more,
    )
    session_ids = [entry["sessionId"]["S"] for entry in reply["Items"]]
    stored = _items_with(table, session_ids)
    items = [stored[each] for each in session_ids if each in stored]
    last = cast("Item | None", reply.get("LastEvaluatedKey"))
    if last is None:
        return items, None
    return items, Position(last["sessionId"]["S"], int(last["createdAt"]["N"]))


def _items_with(table: SessionsTable, session_ids: list[str]) -> Mapping[str, Item]:
    """The stored items with these IDs: one read, or up to three while DynamoDB throttles."""
    found: dict[str, Item] = {}
    unread: Any = [{"sessionId": {"S": each}} for each in session_ids]
    for _ in range(MAX_BATCH_READS):
        if not unread:
            break
        reply = table.call(
            table.client.batch_get_item,
            RequestItems={table.name: {"Keys": unread, "ConsistentRead": True}},
        )
        found |= {item["sessionId"]["S"]: item for item in reply["Responses"].get(table.name, [])}
        unprocessed = reply["UnprocessedKeys"].get(table.name)
        unread = [] if unprocessed is None else unprocessed["Keys"]
    if unread:
        raise StorageUnavailable(f"sessions left unread by {MAX_BATCH_READS} reads")
    return found
