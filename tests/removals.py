"""What the TTL removed: records as Lambda hands them to a function, made up and real."""

import json
import time
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import Any

import boto3

from domain.session import Session
from local.removals import Record, Stream
from local.template import Template
from storage.item import Item, item_of, whole
from storage.table import SessionsTable
from tests.conftest import create_table

RETENTION_SECONDS = 24 * 3600
DELAY_SECONDS = 600
"""How long after its time to live an item is removed here."""

PATIENCE_SECONDS = 60
TTL_IDENTITY = {"type": "Service", "principalId": "dynamodb.amazonaws.com"}


def removal(stored: Session, number: int = 1, **fields: Any) -> dict[str, Any]:
    """The removal of the session by TTL, as the record of this number; any field replaced."""
    return removal_of(item_of(stored, RETENTION_SECONDS), number, **fields)


def removal_of(image: Item, number: int = 1, **fields: Any) -> dict[str, Any]:
    """The removal of an item by TTL."""
    return {
        "eventID": f"{number:032x}",
        "eventName": "REMOVE",
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "eu-west-1",
        "userIdentity": TTL_IDENTITY,
        "dynamodb": {
            "ApproximateCreationDateTime": float(whole(image, "ttl") + DELAY_SECONDS),
            "Keys": {"sessionId": image["sessionId"]},
            "OldImage": json.loads(json.dumps(image)),
            "SequenceNumber": str(100 + number),
            "SizeBytes": 1000,
            "StreamViewType": "OLD_IMAGE",
        },
        **fields,
    }


@dataclass
class Invocation:
    """The part of Lambda's context that the function reads; the times left, one after another."""

    remaining_ms: tuple[int, ...] = (300_000,)

    def get_remaining_time_in_millis(self) -> int:
        """The next of them; the last for good."""
        first, *rest = self.remaining_ms
        self.remaining_ms = tuple(rest) or (first,)
        return first


@dataclass
class Removals:
    """What Lambda would hand to the function of a new table's stream, through the filter."""

    table: SessionsTable
    stream: Stream
    template: Template = field(default_factory=Template)
    seen: list[Record] = field(default_factory=list)
    through: list[Record] = field(default_factory=list)

    def wait_for(self, session_ids: Collection[str]) -> None:
        """Read the stream until it told of these: the engine deletes when it comes to it."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not self.announced.issuperset(session_ids):
            assert time.monotonic() < deadline, f"not within {PATIENCE_SECONDS} s"
            time.sleep(0.05)
            records = self.stream.records()
            self.seen += records
            self.through += filter(self.template.lets_through, records)

    @property
    def announced(self) -> set[str]:
        """The IDs of the sessions that the function is told of."""
        return {record["dynamodb"]["Keys"]["sessionId"]["S"] for record in self.through}


def removals_from_a_new_table(dynamodb_local_endpoint: str) -> Removals:
    """What DynamoDB Local removes from a new table, which keeps no session after its expiry."""
    client = boto3.client("dynamodb", endpoint_url=dynamodb_local_endpoint)
    table = replace(create_table(client), retention_seconds=0)
    made = client.describe_table(TableName=table.name)["Table"]
    streams = boto3.client("dynamodbstreams", endpoint_url=dynamodb_local_endpoint)
    return Removals(table, Stream(streams, made["LatestStreamArn"]))
