"""The table's partition key: which session IDs it can hold, and which it reserves."""

from collections.abc import Mapping

from domain.refusals import SessionNotFound

MAX_KEY_BYTES = 2048
"""DynamoDB's limit for a partition key, in bytes of UTF-8."""

IDEMPOTENCY_PREFIX = "idempotency-key "
"""The key of an idempotency record, which shares the table, begins with this; no session's does."""

START_MARKER_PREFIX = f"{IDEMPOTENCY_PREFIX}starts-timer "
"""The key of a start marker begins with this. To the release before, it is an idempotency record,
which no list shows and whose removal is not announced.
"""

Key = Mapping[str, Mapping[str, str]]


def session_key(session_id: str) -> Key:
    """The key of the session's item.

    Raises:
        SessionNotFound: no session can have this ID. It is empty, has more than 2,048 bytes, is
            reserved, or contains a lone surrogate, which JSON can express and UTF-8 cannot.
    """
    if not _is_possible(session_id):
        raise SessionNotFound(session_id)
    return {"sessionId": {"S": session_id}}


def _is_possible(session_id: str) -> bool:
    # A character is at least a byte: the first comparison bounds what is encoded.
    if not 0 < len(session_id) <= MAX_KEY_BYTES or session_id.startswith(IDEMPOTENCY_PREFIX):
        return False
    try:
        return len(session_id.encode()) <= MAX_KEY_BYTES
    except UnicodeEncodeError:
        return False
