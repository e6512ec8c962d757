"""Stream records of deletions by TTL, as Lambda delivers them: made up, and DynamoDB Local's."""

import json
import time
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import Any

import boto3

from domain.session import Session
from local.stream import Record, Stream
from local.template import Template
from storage.attribute_values import Item, int_attribute
from storage.item import item_of
from storage.table import SessionsTable
from tests.support.scripted_eventbridge import Entry
from tests.support.sessions import session
from tests.support.tables import RETENTION_SECONDS, create_table

DELAY_SECONDS = 600
"""How long after its ``ttl`` a made-up record says that its item was deleted."""

MAX_WAIT_SECONDS = 60


def ttl_deletion(stored: Session | Item, number: int = 1, **fields: Any) -> Record:
    """The record of the item's deletion, with this sequence number. Any field can be replaced."""
    item = item_of(stored, RETENTION_SECONDS) if isinstance(stored, Session) else stored
    return {
        "eventID": f"{number:032x}",
        "eventName": "REMOVE",
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "eu-west-1",
        "userIdentity": {"type": "Service", "principalId": "dynamodb.amazonaws.com"},
        "dynamodb": {
            "ApproximateCreationDateTime": float(int_attribute(item, "ttl") + DELAY_SECONDS),
            "Keys": {"sessionId": item["sessionId"]},
            "OldImage": json.loads(json.dumps(item)),
            "SequenceNumber": str(number),
            "SizeBytes": 1000,
            "StreamViewType": "OLD_IMAGE",
        },
        **fields,
    }


def new_item(key: str, number: int = 1, **fields: Any) -> Record:
    """The record of a new item with this key, and this sequence number."""
    return {
        "eventID": f"{number:032x}",
        "eventName": "INSERT",
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "eu-west-1",
        "dynamodb": {
            "ApproximateCreationDateTime": 4_102_488_000.0,
            "Keys": {"sessionId": {"S": key}},
            "SequenceNumber": str(number),
            "SizeBytes": 100,
            "StreamViewType": "OLD_IMAGE",
        },
        **fields,
    }


def expired_session(number: int, **fields: Any) -> Session:
    """The session of this number. It expired as many minutes before noon."""
    return session(f"session-{number}", expires=-number, **fields)


def ttl_deletions(*numbers: int) -> list[Record]:
    """The deletions of these sessions. A record's sequence number is its session's number."""
    return [ttl_deletion(expired_session(number), number) for number in numbers]


def session_numbers(entries: Collection[Entry]) -> list[int]:
    """The numbers of the sessions whose expiry these entries publish."""
    details = [json.loads(entry["Detail"]) for entry in entries]
    return [int(detail["session"]["sessionId"].removeprefix("session-")) for detail in details]


@dataclass
class Invocation:
    """As much of Lambda's context as the function reads: the time left, at one look after another.

    The last one is repeated.
    """

    remaining_ms: tuple[int, ...] = (300_000,)

    def get_remaining_time_in_millis(self) -> int:
        """The next of them."""
        first, *rest = self.remaining_ms
        self.remaining_ms = tuple(rest) or (first,)
        return first


@dataclass
class TtlDeletions:
    """A new table's stream, and what the event source mapping delivers of it to the function."""

    table: SessionsTable
    stream: Stream
    template: Template = field(default_factory=Template)
    records: list[Record] = field(default_factory=list)
    delivered: list[Record] = field(default_factory=list)

    def wait_for(self, session_ids: Collection[str]) -> None:
        """Read the stream until the deletions of these sessions were delivered."""
        deadline = time.monotonic() + MAX_WAIT_SECONDS
        while not self.session_ids.issuperset(session_ids):
            assert time.monotonic() < deadline, f"not deleted within {MAX_WAIT_SECONDS} s"
            time.sleep(0.05)
            records = self.stream.new_records()
            self.records += records
            delivered = filter(self.template.matches_stream_filter, records)
            self.delivered += [each for each in delivered if each["eventName"] == "REMOVE"]

    @property
    def session_ids(self) -> set[str]:
        """The sessions whose deletions were delivered."""
        return {record["dynamodb"]["Keys"]["sessionId"]["S"] for record in self.delivered}


def ttl_deletions_from_a_new_table(dynamodb_local_endpoint: str) -> TtlDeletions:
    """What DynamoDB Local deletes from a new table, in which a session's ``ttl`` is its expiry."""
    client = boto3.client("dynamodb", endpoint_url=dynamodb_local_endpoint)
    table = replace(create_table(client), retention_seconds=0)
    description = client.describe_table(TableName=table.name)["Table"]
    streams = boto3.client("dynamodbstreams", endpoint_url=dynamodb_local_endpoint)
    return TtlDeletions(table, Stream(streams, description["LatestStreamArn"]))
