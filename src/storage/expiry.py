"""A session that DynamoDB removed by its TTL, as the table's stream tells of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from domain.session import MS_PER_SECOND, Session
from storage.errors import InvalidItem, InvalidRecord
from storage.item import LATEST_INSTANT_MS, Item, session_of, whole

TTL_IDENTITY = ("Service", "dynamodb.amazonaws.com")
"""Who removes by TTL: the type and the principal. No other removal has them in its record."""
MAX_RECORD_ID_CHARS = 128


@dataclass(frozen=True, slots=True)
class Expiry:
    """The end of a session by time: as it stood, and when it was removed (epoch milliseconds).

    ``record_id`` is the stream's own ID of the removal: the same whenever the record comes again.
    """

    record_id: str
    session: Session
    removed_at_ms: int


def expiry_of(record: Mapping[str, Any]) -> Expiry:
    """The expiry that a record of the table's stream tells of, as Lambda hands it over.

    Raises:
        InvalidRecord: it is malformed, or not the removal of an expired session by TTL.
        InvalidItem: what was removed is not a session.
    """
    try:
        if not _is_removal_by_ttl(record):
            raise InvalidRecord("it is not a removal by TTL")
        record_id, change = record["eventID"], record["dynamodb"]
        session = session_of(change["OldImage"])
        # The stream rounds its time down, and DynamoDB removes nothing before its time to live.
        told_at_seconds = int(change["ApproximateCreationDateTime"])
        removed_at_seconds = max(told_at_seconds, _ttl_of(session, change["OldImage"]))
    except KeyError as error:
        raise InvalidRecord(f"it has no {error}") from error
    except (AttributeError, OverflowError, TypeError, ValueError) as error:
        raise InvalidRecord(f"it is malformed: {type(error).__name__}") from error
    if not isinstance(session.session_id, str):
        raise InvalidRecord("its sessionId is not a text")
    if not (isinstance(record_id, str) and 0 < len(record_id) <= MAX_RECORD_ID_CHARS):
        raise InvalidRecord(f"its eventID is not a text of 1 to {MAX_RECORD_ID_CHARS} characters")
    removed_at_ms = removed_at_seconds * MS_PER_SECOND
    if removed_at_ms > LATEST_INSTANT_MS:
        raise InvalidRecord("its removal is after the year 9999")
    if not session.has_expired(removed_at_ms):
        raise InvalidRecord("the session was removed alive: its ttl is at odds with its expiry")
    return Expiry(record_id, session, removed_at_ms)


def _is_removal_by_ttl(record: Mapping[str, Any]) -> bool:
    remover = record.get("userIdentity") or {}
    identity = (remover.get("type"), remover.get("principalId"))
    return record["eventName"] == "REMOVE" and identity == TTL_IDENTITY


def _ttl_of(session: Session, image: Item) -> int:
    """The time to live, in seconds, which a session by itself does not have."""
    try:
        return whole(image, "ttl")
    except ValueError as error:
        raise InvalidItem(session.session_id, str(error)) from None
