"""What the local server relies on in moto, beyond DynamoDB's API."""

import gc
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace

import pytest
from moto.dynamodb.models.dynamo_type import Item
from moto.dynamodb.models.table import Table

from local.open_table import open_table
from local.server_settings import LocalSettings
from storage.item import item_of
from storage.table import SessionsTable
from tests.support.sessions import session
from tests.support.tables import item_with, put

CALLS = 20


Lock = AbstractContextManager[object]


@pytest.fixture
def embedded(
    table_on_moto: SessionsTable, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[SessionsTable, Lock]]:
    """The table that the local server opens, and the lock that it holds around each call."""
    monkeypatch.setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")  # it sets this for good
    table = replace(table_on_moto, name=f"embedded-{uuid.uuid4()}")
    with open_table(LocalSettings(SESSIONS_TABLE=table.name), table.retention_seconds) as opened:
        yield table, opened.lock


@pytest.fixture
def table(embedded: tuple[SessionsTable, Lock]) -> SessionsTable:
    """The table alone."""
    return embedded[0]


@pytest.fixture
def lock(embedded: tuple[SessionsTable, Lock]) -> Lock:
    """The lock alone."""
    return embedded[1]


def live_objects() -> int:
    """The items and tables of moto that anything refers to."""
    gc.collect()
    return sum(issubclass(type(each), (Item, Table)) for each in gc.get_objects())


def renew(table: SessionsTable) -> None:
    table.client.update_item(
        TableName=table.name,
        Key={"sessionId": {"S": "renewed"}},
        UpdateExpression="ADD renewalCount :one",
        ExpressionAttributeValues={":one": {"N": "1"}},
    )


def scan(table: SessionsTable) -> None:
    table.client.scan(TableName=table.name)


def put_in_a_transaction(table: SessionsTable, *session_ids: str) -> None:
    """Put new sessions, or none if one of them exists."""
    table.client.transact_write_items(
        TransactItems=[
            {
                "Put": {
                    "TableName": table.name,
                    "Item": item_of(session(session_id), table.retention_seconds),
                    "ConditionExpression": "attribute_not_exists(sessionId)",
                }
            }
            for session_id in session_ids
        ]
    )


def fail_a_transaction(table: SessionsTable) -> None:
    with pytest.raises(table.client.exceptions.TransactionCanceledException):
        put_in_a_transaction(table, "new", "renewed")


@pytest.mark.parametrize("call", [fail_a_transaction, renew, scan])
def test_what_a_call_copied_is_gone_when_the_lock_is_released(
    call: Callable[[SessionsTable], None],
    table: SessionsTable,
    lock: Lock,
) -> None:
    with lock:
        put(table, session("renewed"))
    before = live_objects()

    for _ in range(CALLS):
        with lock:
            call(table)

    assert live_objects() == before


def test_the_table_keeps_its_items_when_the_lock_is_released(
    table: SessionsTable, lock: Lock
) -> None:
    with lock:
        put(table, session("kept"))

    assert item_with(table, "kept") != {}


def test_a_transaction_does_not_copy_the_items(table: SessionsTable, lock: Lock) -> None:
    with lock:
        before = live_objects()
        put_in_a_transaction(table, "new")

        assert live_objects() - before == 2  # the new item, the copied table


def test_a_failed_transaction_leaves_the_table_as_it_was(table: SessionsTable) -> None:
    put(table, session("renewed"))
    before = table.client.scan(TableName=table.name)["Items"]

    fail_a_transaction(table)

    assert table.client.scan(TableName=table.name)["Items"] == before


def test_a_transaction_succeeds_after_a_failed_one(table: SessionsTable) -> None:
    put(table, session("renewed"))
    fail_a_transaction(table)

    put_in_a_transaction(table, "new")

    assert item_with(table, "new") != {}
    assert item_with(table, "renewed") != {}
