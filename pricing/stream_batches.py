"""Batches of stream records for ExpiryFunction, beside those of expiries by TTL."""

import uuid

from benchmarks.api_events import Event
from benchmarks.expiry_batches import SAMPLE, deletion_by_ttl
from benchmarks.measured_sessions import METADATA_JSON
from runtime.clock import epoch_ms
from storage.timer_update import PUBLISHED


def insertions(size: int, first: int) -> Event:
    """A batch of new sessions, of which the stream has no more than the keys."""
    records = []
    for number in range(first, first + size):
        keys = {"sessionId": {"S": str(uuid.uuid4())}}
        change = {
            name: value for name, value in SAMPLE["dynamodb"].items() if name != "OldImage"
        } | {"Keys": keys, "SequenceNumber": str(number)}
        records.append(
            {name: value for name, value in SAMPLE.items() if name != "userIdentity"}
            | {"eventID": f"{number:032x}", "eventName": "INSERT", "dynamodb": change}
        )
    return {"Records": records}


def removals_of_the_published(size: int, first: int) -> Event:
    """A batch of deletions by TTL, of sessions whose expiry was published on time."""
    records = [deletion_by_ttl(number, METADATA_JSON) for number in range(first, first + size)]
    for record in records:
        image = record["dynamodb"]["OldImage"]
        image |= {"timer": {"S": PUBLISHED}, "announcedAt": {"N": str(epoch_ms())}}
    return {"Records": records}
