"""Records of the table's stream, as Lambda delivers them, and what they tell of."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from domain.refusals import SessionNotFound
from domain.session import MS_PER_SECOND, Session
from publishing.failures import InvalidRecord
from storage.attribute_values import Item, int_attribute
from storage.faults import InvalidItem
from storage.item import LATEST_INSTANT_MS, session_of
from storage.keys import session_key
from storage.start_marker import started_session_id
from storage.timer_update import is_published

TTL_IDENTITY = ("Service", "dynamodb.amazonaws.com")
"""Type and principal of whoever deletes by TTL. No other deletion has them in its record."""

UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Removal:
    """A session that DynamoDB deleted by its TTL, and when (epoch milliseconds).

    ``is_published`` says whether its expiry was published before: by its timer.
    """

    session: Session
    removed_at_ms: int
    is_published: bool


def removal_of(record: Mapping[str, Any]) -> Removal:
    """The removal that the record tells of.

    Raises:
        InvalidRecord: it is malformed, or not the deletion of an expired session by TTL.
        InvalidItem: what was deleted is not a session.
    """
    try:
        if not _is_deletion_by_ttl(record):
            raise InvalidRecord("it is not a deletion by TTL")
        change = record["dynamodb"]
        image = change["OldImage"]
        session = session_of(image)
        # The stream rounds its time down, and DynamoDB deletes nothing before its ttl.
        recorded_at_seconds = int(change["ApproximateCreationDateTime"])
        removed_at_seconds = max(recorded_at_seconds, _ttl_of(session, image))
    except KeyError as error:
        raise InvalidRecord(f"it has no {error}") from error
    except (AttributeError, OverflowError, TypeError, ValueError) as error:
        raise InvalidRecord(f"it is malformed: {type(error).__name__}") from error
    if not isinstance(session.session_id, str):
        raise InvalidRecord("its sessionId is not a string")
    removed_at_ms = removed_at_seconds * MS_PER_SECOND
    if removed_at_ms > LATEST_INSTANT_MS:
        raise InvalidRecord("it is of a time after the year 9999")
    if session.is_alive(removed_at_ms):
        raise InvalidRecord("the session was alive when it was deleted: its ttl is wrong")
    return Removal(session, removed_at_ms, is_published(image, session))


def is_of_new_item(record: Any) -> bool:
    """Whether the record tells of a new item."""
    return isinstance(record, Mapping) and record.get("eventName") == "INSERT"


def started_session(record: Mapping[str, Any]) -> str:
    """The ID of the session whose timer starts, because the record's item is new.

    Raises:
        InvalidRecord: it is malformed.
    """
    try:
        key = record["dynamodb"]["Keys"]["sessionId"]["S"]
        session_id = started_session_id(key)
        session_key(session_id)
    except (AttributeError, KeyError, TypeError, SessionNotFound) as error:
        raise InvalidRecord("it names no session") from error
    return session_id


def session_id_of(record: Mapping[str, Any]) -> str:
    """The ID of the session that a removal's record has."""
    return str(record["dynamodb"]["OldImage"]["sessionId"]["S"])


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
