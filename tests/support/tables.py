"""Tables of the template's definition, what is stored in them, and what is requested of them."""

import os
import uuid
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from domain.session import Session
from local.dynamodb_local import DynamoDBLocalUnavailable, dynamodb_local
from local.template import Template
from storage.attribute_values import Item
from storage.item import item_of
from storage.table import SessionsTable

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

RETENTION_SECONDS = 24 * 3600
ITEMS_PER_BATCH = 25
"""As many as a BatchWriteItem may have."""


@contextmanager
def running_dynamodb_local() -> Iterator[str]:
    """DynamoDB Local, if this machine can run it. Yields its endpoint."""
    with ExitStack() as stack:
        try:
            endpoint = stack.enter_context(dynamodb_local())
        except DynamoDBLocalUnavailable as missing:
            skip_or_fail(str(missing))
        yield endpoint


def skip_or_fail(reason: str) -> NoReturn:
    """Skip what this machine cannot run. In CI, fail."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def create_table(client: "DynamoDBClient") -> SessionsTable:
    """A new table."""
    name = f"sessions-{uuid.uuid4()}"
    Template().create_table(client, name)
    return SessionsTable(client, name, RETENTION_SECONDS)


def put(table: SessionsTable, stored: Session | Item) -> None:
    """Store the session, or the item as it is, in place of whatever has its ID."""
    item = item_of(stored, table.retention_seconds) if isinstance(stored, Session) else stored
    table.client.put_item(TableName=table.name, Item=item)


def put_all(table: SessionsTable, stored: Sequence[Session]) -> None:
    """Store these sessions, in as few requests as DynamoDB takes."""
    for first in range(0, len(stored), ITEMS_PER_BATCH):
        batch = stored[first : first + ITEMS_PER_BATCH]
        items = (item_of(each, table.retention_seconds) for each in batch)
        reply = table.client.batch_write_item(
            RequestItems={table.name: [{"PutRequest": {"Item": item}} for item in items]}
        )
        assert not reply["UnprocessedItems"]


def put_many(table: SessionsTable, stored: Sequence[Session]) -> None:
    """Store thousands of sessions, in several threads."""
    parts = [stored[first : first + 500] for first in range(0, len(stored), 500)]
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda part: put_all(table, part), parts))


def item_with(table: SessionsTable, session_id: str) -> Item:
    """The item as it stands; empty if there is none."""
    key = {"sessionId": {"S": session_id}}
    reply = table.client.get_item(TableName=table.name, Key=key, ConsistentRead=True)
    return reply.get("Item", {})


@dataclass(frozen=True)
class Requested:
    """An operation that a client was asked for, and its parameters."""

    operation: str
    parameters: Mapping[str, Any]


@contextmanager
def recorded_requests(client: Any) -> Iterator[list[Requested]]:
    """What the client is asked for while the context lasts."""
    recorded: list[Requested] = []

    def record(params: Mapping[str, Any], model: Any, **_: object) -> None:
        recorded.append(Requested(model.name, params))

    events = client.meta.events
    events.register("provide-client-params", record)
    try:
        yield recorded
    finally:
        events.unregister("provide-client-params", record)


@contextmanager
def requests_to(table: SessionsTable) -> Iterator[list[str]]:
    """The operations that the table's client is asked for while the context lasts, by name."""
    operations: list[str] = []

    def record(model: Any, **_: object) -> None:
        operations.append(model.name)

    events = table.client.meta.events
    events.register("before-call.dynamodb", record)
    try:
        yield operations
    finally:
        events.unregister("before-call.dynamodb", record)
