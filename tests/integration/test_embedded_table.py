"""What the local server relies on in moto, beyond DynamoDB's API."""

import gc
from collections.abc import Callable

import pytest
from moto.dynamodb.models.dynamo_type import Item
from moto.dynamodb.models.table import Table

from local.embedded_table import EmbeddedTableLock
from storage.item import item_of
from storage.table import SessionsTable
from tests.support.sessions import session
from tests.support.tables import create_table, item_with, put

CALLS = 100


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
    call: Callable[[SessionsTable], None], table_on_moto: SessionsTable
) -> None:
    table = create_table(table_on_moto.client)
    lock = EmbeddedTableLock()
    with lock:
        put(table, session("renewed"))
    before = live_objects()

    for _ in range(CALLS):
        with lock:
            call(table)

    assert live_objects() == before


def test_the_table_keeps_its_items_when_the_lock_is_released(table_on_moto: SessionsTable) -> None:
    with EmbeddedTableLock():
        put(table_on_moto, session("kept"))

    assert item_with(table_on_moto, "kept") != {}
