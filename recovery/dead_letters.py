"""What a message of the dead-letter queue is, and whether to replay it. Pure.

docs/operations.md has the same table for people, under "Dead letters".
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from publishing.event_bus import TEMPORARY_CODES
from publishing.failures import (
    BUG,
    FAILURES,
    EventRefused,
    EventTooLarge,
    InvalidRecord,
    ServiceUnavailable,
)
from publishing.stream_records import sequence_number_of
from storage.faults import InvalidItem

DROPPED_BATCH = "DROPPED_BATCH"
"""The reason, here, of a message that Lambda itself has sent. It has no attribute for it."""

UNREADABLE = "UNREADABLE"
"""The reason, here, of a message that is neither."""

REFUSED = FAILURES[EventRefused].reason

ADVICE: Mapping[str, str] = {
    FAILURES[EventTooLarge].reason: "the event is too large: tell its consumers by other means",
    FAILURES[InvalidItem].reason: "someone wrote to the table by hand: look at it, then delete it",
    FAILURES[InvalidRecord].reason: "no expiry: look at it, then delete it",
    BUG.reason: f"a bug: when it is fixed, replay it with --reason {BUG.reason}",
    REFUSED: f"EventBridge refuses it for good: to try it all the same, --reason {REFUSED}",
    UNREADABLE: "no dead letter: look at it, then delete it",
}
"""What a person does with what is not replayed by itself."""

REASONS = [FAILURES[ServiceUnavailable].reason, DROPPED_BATCH, *ADVICE]
CUT = "it was too large for the queue and lacks its end: it cannot be replayed"


@dataclass(frozen=True, slots=True)
class BatchPosition:
    """Where in a stream the records are that Lambda has dropped: both numbers are of records."""

    stream_arn: str
    shard_id: str
    first: str
    last: str


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message: why it is in the queue, and its records or where they are. ``cut`` has neither."""

    reason: str
    cause: str
    records: tuple[Any, ...] = ()
    position: BatchPosition | None = None
    is_cut: bool = False

    def why_left(self, chosen: Collection[str]) -> str | None:
        """Why it is left for a person; ``None`` if it is replayed.

        ``chosen`` are the reasons that a person has named: those, and only those. Without any, what
        may succeed by itself is replayed.
        """
        if self.is_cut:
            return CUT
        if self.reason == UNREADABLE:
            return ADVICE[UNREADABLE]
        if chosen:
            return None if self.reason in chosen else "not among the reasons that were chosen"
        if self.reason == REFUSED and self.cause in TEMPORARY_CODES:
            return None
        return ADVICE.get(self.reason)


def dead_letter_of(message: Mapping[str, Any]) -> DeadLetter:
    """The dead letter that the message is."""
    attributes = {
        name: value.get("StringValue", "")
        for name, value in message.get("MessageAttributes", {}).items()
    }
    reason, cause = attributes.get("reason", UNREADABLE), attributes.get("cause", "")
    if "cut" in attributes:
        return DeadLetter(reason, cause, is_cut=True)
    try:
        body = json.loads(message["Body"])
        if "DDBStreamBatchInfo" in body:
            info = body["DDBStreamBatchInfo"]
            position = BatchPosition(
                info["streamArn"],
                info["shardId"],
                info["startSequenceNumber"],
                info["endSequenceNumber"],
            )
            condition = str(body.get("requestContext", {}).get("condition", ""))
            return DeadLetter(DROPPED_BATCH, condition, position=position)
        records = body["Records"]
    except (KeyError, TypeError, ValueError, AttributeError):
        return DeadLetter(UNREADABLE, cause)
    if not isinstance(records, list) or not records:
        return DeadLetter(UNREADABLE, cause)
    return DeadLetter(reason if reason in REASONS else UNREADABLE, cause, tuple(records))


def record_ids(records: Collection[Any]) -> set[tuple[Any, str]]:
    """What tells these records from others, and stays when the function keeps one again."""
    return {
        (each.get("eventID") if isinstance(each, dict) else None, sequence_number_of(each))
        for each in records
    }
