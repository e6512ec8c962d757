"""What the local server relies on in moto, beyond DynamoDB's API."""

import gc
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest
from moto.dynamodb.models.dynamo_type import Item
from moto.dynamodb.models.table import Table

from local.open_table import open_table
from local.server_settings import LocalSettings
from storage.item import item_of
from storage.table import SessionsTable
from tests.support.sessions import session
from tests.support.tables import create_table, item_with, put

CALLS = 100


@pytest.fixture
def table(table_on_moto: SessionsTable) -> SessionsTable:
    """A new table, which is not the local server's."""
    return create_table(table_on_moto.client)


@pytest.fixture
def lock(
    table: SessionsTable, monkeypatch: pytest.MonkeyPatch
) -> Iterator[AbstractContextManager[object]]:
    """What the local server holds around each call."""
    monkeypatch.setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")  # it sets this for good
    settings = LocalSettings(SESSIONS_TABLE=f"embedded-{uuid.uuid4()}")
    with open_table(settings, table.retention_seconds) as opened:
        yield opened.lock


def live_objects() -> int:
    """The items and tables of moto that anything refers to."""
    gc.collect()
    return sum(type(each) in (Item, Table) for each in gc.get_objects())


def renew(table: SessionsTable) -> None:
    table.client.update_item(
        TableName=table.name,
        Key={"sessionId": {"S": "renewed"}},
        UpdateExpression="ADD renewalCount :one",
        ExpressionAttributeValues={":one": {"N": "1"}},
    )


def scan(table: SessionsTable) -> None:
    table.client.scan(TableName=table.name)


def put_in_a_transaction(table: SessionsTable) -> None:
    item = item_of(session("renewed"), table.retention_seconds)
    table.client.transact_write_items(
        TransactItems=[{"Put": {"TableName": table.name, "Item": item}}]
    )


@pytest.mark.parametrize("call", [put_in_a_transaction, renew, scan])
def test_what_a_call_copied_is_gone_when_the_lock_is_released(
    call: Callable[[SessionsTable], None],
    table: SessionsTable,
    lock: AbstractContextManager[object],
) -> None:
    with lock:
        put(table, session("renewed"))
    before = live_objects()

    for _ in range(CALLS):
        with lock:
            call(table)

    assert live_objects() == before


def test_the_table_keeps_its_items_when_the_lock_is_released(
    table: SessionsTable, lock: AbstractContextManager[object]
) -> None:
    with lock:
        put(table, session("kept"))

    assert item_with(table, "kept") != {}
