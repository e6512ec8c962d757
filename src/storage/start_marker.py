"""A small item whose only purpose is to appear in the table's stream: it starts a timer.

The stream tells of each new item, but of a changed one it does not show what the change did. So a
change of the limits that makes something due sooner stores one of these, in the same transaction.
Neither can be lost without the other, and the session's own key is in that of the marker.
"""

import uuid
from typing import Any

from storage.attribute_values import Item, number
from storage.item import ttl_seconds
from storage.keys import MAX_KEY_BYTES, START_MARKER_PREFIX, session_key
from storage.table import ConditionalUpdate, SessionsTable

LIFETIME_MS = 86_400_000
"""As long as the stream keeps its record."""

ID_CHARS = 32


def can_be_marked(session_id: str) -> bool:
    """Whether a marker's key has room for the ID. It has for every one that the API makes."""
    room_bytes = MAX_KEY_BYTES - len(START_MARKER_PREFIX) - ID_CHARS - 1
    return len(session_id.encode()) <= room_bytes


def start_marker(session_id: str, now_ms: int) -> Item:
    """A new marker, which starts the timer of the session with this ID."""
    return {
        "sessionId": {"S": f"{START_MARKER_PREFIX}{uuid.uuid4().hex} {session_id}"},
        "createdSessionId": {"S": session_id},  # a removal with this is not that of a session
        "ttl": number(ttl_seconds(now_ms + LIFETIME_MS, retention_seconds=0)),
    }


def update_and_start_timer(
    table: SessionsTable, session_id: str, update: ConditionalUpdate, now_ms: int
) -> None:
    """Update the session, which is to forget its timer, and store a marker: both or neither.

    Raises:
        TransactionCancelled: neither; the first reason has the item as it is stored.
        StorageUnavailable: DynamoDB failed; both may be written all the same.
    """
    of_session: Any = {
        "TableName": table.name,
        "Key": session_key(session_id),
        "ExpressionAttributeValues": update.values,
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        **update.expression,
    }
    marker: Any = {"TableName": table.name, "Item": start_marker(session_id, now_ms)}
    table.call(
        table.client.transact_write_items,
        TransactItems=[{"Update": of_session}, {"Put": marker}],
    )


def started_session_id(key: str) -> str:
    """Whose timer starts because an item with this key is new: a session's own, or a marker's."""
    if not key.startswith(START_MARKER_PREFIX):
        return key
    return key[len(START_MARKER_PREFIX) + ID_CHARS + 1 :]
