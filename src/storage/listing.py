"""Pages of live sessions: a user's, an agent's, or everyone's."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from domain.errors import SessionExpired
from domain.session import MS_PER_MINUTE, Outcome
from domain.timeout import MAX_DURATION_MINUTES
from storage.errors import InvalidItem, StorageUnavailable
from storage.item import Item, number, session_of
from storage.table import SessionsTable, ask

MAX_READS_OF_A_PAGE = 3


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose sessions are listed: a user's, an agent's, those between both, or everyone's."""

    user_id: str | None = None
    agent_id: str | None = None


@dataclass(frozen=True, slots=True)
class Position:
    """Where a page ended: an index's entry, or an item of the table where there is no instant."""

    session_id: str
    created_at_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """The live sessions of a page, and where the next one begins; none where there is none.

    ``invalid`` are items that are not sessions: they are left out.
    """

    sessions: list[Outcome]
    invalid: list[InvalidItem]
    next_position: Position | None


def read_page(
    table: SessionsTable, owner: Owner, limit: int, after: Position | None, now_ms: int
) -> Page:
    """Up to so many of the owner's live sessions: a query and a read of its sessions, or a scan.

    It reads no more than ``limit`` entries: what has expired makes a page shorter.

    Raises:
        StorageUnavailable: DynamoDB failed.
    """
    if owner == Owner():
        items, last = _scan(table, limit, after, now_ms)
    else:
        items, last = _query(table, owner, limit, after, now_ms)
    sessions, invalid = [], []
    for item in items:
        try:
            session = session_of(item)
            sessions.append(Outcome(session, session.judged_at_ms(now_ms), changed=False))
        except SessionExpired:
            continue  # since the index or the filter was looked at
        except InvalidItem as defect:
            invalid.append(defect)
    return Page(sessions, invalid, last)


def _scan(
    table: SessionsTable, limit: int, after: Position | None, now_ms: int
) -> tuple[list[Item], Position | None]:
    more: dict[str, Any] = {}
    if after is not None:
        more["ExclusiveStartKey"] = {"sessionId": {"S": after.session_id}}
    reply = ask(
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
    name = {"S": owner.user_id if by_user else owner.agent_id}
    # What is older than any session may become has expired, though it may still be stored.
    oldest_ms = now_ms - MAX_DURATION_MINUTES * MS_PER_MINUTE
    values: dict[str, Any] = {":owner": name, ":oldest": number(oldest_ms)}
    more: dict[str, Any] = {}
    if by_user and owner.agent_id is not None:
        more["FilterExpression"] = "agentId = :agent"
        values[":agent"] = {"S": owner.agent_id}
    if after is not None and after.created_at_ms is not None:
        more["ExclusiveStartKey"] = {
            "sessionId": {"S": after.session_id},
            attribute: name,
            "createdAt": number(after.created_at_ms),
        }
    reply = ask(
        table.client.query,
        TableName=table.name,
        IndexName=index,
        Limit=limit,
        ScanIndexForward=False,
        KeyConditionExpression=f"{attribute} = :owner AND createdAt > :oldest",
        ExpressionAttributeValues=values,
        **more,
    )
    ids = [entry["sessionId"]["S"] for entry in reply["Items"]]
    stored = _items_with(table, ids)
    items = [stored[each] for each in ids if each in stored]
    last = cast("Item | None", reply.get("LastEvaluatedKey"))
    if last is None:
        return items, None
    return items, Position(last["sessionId"]["S"], int(last["createdAt"]["N"]))


def _items_with(table: SessionsTable, session_ids: list[str]) -> Mapping[str, Item]:
    """The items with these IDs, as far as they are stored: one read, unless DynamoDB is short."""
    found: dict[str, Item] = {}
    wanted: Any = [{"sessionId": {"S": each}} for each in session_ids]
    for _ in range(MAX_READS_OF_A_PAGE):
        if not wanted:
            return found
        reply = ask(
            table.client.batch_get_item,
            RequestItems={table.name: {"Keys": wanted, "ConsistentRead": True}},
        )
        for item in reply["Responses"].get(table.name, []):
            found[item["sessionId"]["S"]] = item
        unread = reply["UnprocessedKeys"].get(table.name)
        wanted = [] if unread is None else unread["Keys"]
    if wanted:
        raise StorageUnavailable(f"sessions left unread by {MAX_READS_OF_A_PAGE} reads")
    return found
