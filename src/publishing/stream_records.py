"""Records of the table's stream, as Lambda delivers them, and the expiries that they tell of."""

import re
from collections.abc import Mapping
from typing import Any

from domain.session import MS_PER_SECOND, Expiry, Session
from publishing.failures import InvalidRecord
from storage.attribute_values import Item, int_attribute
from storage.faults import InvalidItem
from storage.item import LATEST_INSTANT_MS, session_of

TTL_IDENTITY = ("Service", "dynamodb.amazonaws.com")
"""Type and principal of whoever deletes by TTL. No other deletion has them in its record."""

MAX_RECORD_ID_CHARS = 128
UNKNOWN = "unknown"


def expiry_of(record: Mapping[str, Any]) -> Expiry:
    """The expiry that the record tells of. Its ``event_id`` is the record's own ID.

    Raises:
        InvalidRecord: it is malformed, or not the deletion of an expired session by TTL.
        InvalidItem: what was deleted is not a session.
    """
    try:
        if not _is_deletion_by_ttl(record):
            raise InvalidRecord("it is not a deletion by TTL")
        record_id, change = record["eventID"], record["dynamodb"]
        session = session_of(change["OldImage"])
        # The stream rounds its time down, and DynamoDB deletes nothing before its ttl.
        recorded_at_seconds = int(change["ApproximateCreationDateTime"])
        removed_at_seconds = max(recorded_at_seconds, _ttl_of(session, change["OldImage"]))
    except KeyError as error:
        raise InvalidRecord(f"it has no {error}") from error
    except (AttributeError, OverflowError, TypeError, ValueError) as error:
        raise InvalidRecord(f"it is malformed: {type(error).__name__}") from error
    if not isinstance(session.session_id, str):
        raise InvalidRecord("its sessionId is not a string")
    if not (isinstance(record_id, str) and 0 < len(record_id) <= MAX_RECORD_ID_CHARS):
        raise InvalidRecord(f"its eventID is not a string of 1 to {MAX_RECORD_ID_CHARS} characters")
    removed_at_ms = removed_at_seconds * MS_PER_SECOND
    if removed_at_ms > LATEST_INSTANT_MS:
        raise InvalidRecord("it is of a time after the year 9999")
    if session.is_alive(removed_at_ms):
        raise InvalidRecord("the session was alive when it was deleted: its ttl is wrong")
    return Expiry(record_id, session, removed_at_ms)


def sequence_number_of(record: Any) -> str:
    """The record's position in its shard; ``unknown`` if it has none."""
    try:
        number = record["dynamodb"]["SequenceNumber"]
        return number if re.fullmatch("[0-9]{1,40}", number) else UNKNOWN
    except (KeyError, TypeError):
        return UNKNOWN


def _is_deletion_by_ttl(record: Mapping[str, Any]) -> bool:
    deleted_by = record.get("userIdentity") or {}
    identity = (deleted_by.get("type"), deleted_by.get("principalId"))
    return record["eventName"] == "REMOVE" and identity == TTL_IDENTITY


def _ttl_of(session: Session, image: Item) -> int:
    """The item's ``ttl`` in epoch seconds, which is not part of a session."""
    try:
        return int_attribute(image, "ttl")
    except ValueError as error:
        raise InvalidItem(session.session_id, str(error)) from None
