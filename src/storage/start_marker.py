"""A small item whose only purpose is to appear in the table's stream: it starts a timer.

The stream tells of each new item, but of a changed one it does not show what the change did. So a
change of the limits that makes something due sooner stores one of these, in the same transaction.
Neither can be lost without the other, and the session's own key is in that of the marker.
"""

import uuid

from storage.attribute_values import Item, number
from storage.item import ttl_seconds
from storage.keys import MAX_KEY_BYTES, START_MARKER_PREFIX

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


def started_session_id(key: str) -> str:
    """Whose timer starts because an item with this key is new: a session's own, or a marker's."""
    if not key.startswith(START_MARKER_PREFIX):
        return key
    return key[len(START_MARKER_PREFIX) + ID_CHARS + 1 :]
