"""The sweeper, which stands in for DynamoDB's TTL on the embedded table."""

import threading
from collections.abc import Mapping
from dataclasses import replace

import pytest

from domain.session import MS_PER_SECOND, Session
from local.stream import MAX_DELETIONS, Record, Sweeper
from local.template import Template
from publishing.stream_records import removal_of
from runtime.clock import epoch_ms
from storage.attribute_values import Item, number
from storage.keys import IDEMPOTENCY_PREFIX
from storage.table import SessionsTable
from tests.support.sessions import as_of_now, session
from tests.support.tables import create_table, item_with, put, requests_to


def expired_session() -> Session:
    return as_of_now(session("expired", expires=-1))


def live_session() -> Session:
    return as_of_now(session("live", expires=1))


@pytest.fixture
def table(table_on_moto: SessionsTable) -> SessionsTable:
    """A new table, in which a session's ``ttl`` is its expiry."""
    return replace(create_table(table_on_moto.client), retention_seconds=0)


def sweeper_of(table: SessionsTable) -> Sweeper:
    return Sweeper(table.client, table.name, threading.Lock())


def delivered(records: list[Record]) -> list[Record]:
    """What the event source mapping delivers to the function."""
    return list(filter(Template().matches_stream_filter, records))


def removals(records: list[Record]) -> list[Record]:
    """Those of deletions."""
    return [record for record in records if record["eventName"] == "REMOVE"]


def new_keys(records: list[Record]) -> list[str]:
    """The keys of the new items that the records tell of."""
    keys = [record["dynamodb"]["Keys"]["sessionId"]["S"] for record in records]
    inserted = [record["eventName"] == "INSERT" for record in records]
    return sorted(key for key, is_new in zip(keys, inserted, strict=True) if is_new)


def item_without_a_session(session_id: str, **attributes: Mapping[str, str]) -> Item:
    return {"sessionId": {"S": session_id}, **attributes}


def test_the_function_gets_the_sessions_that_are_swept(table: SessionsTable) -> None:
    expired = expired_session()
    put(table, expired)
    put(table, live_session())

    records = removals(delivered(sweeper_of(table).new_records()))

    assert [removal_of(record).session for record in records] == [expired]


def test_a_swept_item_is_reported_once(table: SessionsTable) -> None:
    put(table, expired_session())
    sweeper = sweeper_of(table)

    assert len(removals(sweeper.new_records())) == 1
    assert sweeper.new_records() == []


def test_a_new_item_is_reported_once(table: SessionsTable) -> None:
    put(table, live_session())
    sweeper = sweeper_of(table)

    assert new_keys(sweeper.new_records()) == ["live"]
    assert sweeper.new_records() == []


def test_an_item_that_is_stored_again_is_new_again(table: SessionsTable) -> None:
    sweeper = sweeper_of(table)
    for _ in range(2):
        put(table, live_session())
        assert new_keys(sweeper.new_records()) == ["live"]
        table.client.delete_item(TableName=table.name, Key={"sessionId": {"S": "live"}})
        assert sweeper.new_records() == []


def test_the_sweeper_deletes_only_items_past_their_ttl(table: SessionsTable) -> None:
    put(table, expired_session())
    put(table, live_session())
    put(table, item_without_a_session("no-ttl"))

    sweeper_of(table).new_records()

    assert item_with(table, "expired") == {}
    assert item_with(table, "live") != {}
    assert item_with(table, "no-ttl") != {}


def test_a_swept_idempotency_record_does_not_reach_the_function(table: SessionsTable) -> None:
    now = number(epoch_ms() // MS_PER_SECOND)
    key = f"{IDEMPOTENCY_PREFIX}0123"
    put(table, item_without_a_session(key, createdSessionId={"S": "expired"}, ttl=now))

    records = sweeper_of(table).new_records()

    assert len(removals(records)) == 1
    assert delivered(records) == []


def test_a_sweep_reads_no_copies(table: SessionsTable) -> None:
    put(table, live_session())

    with requests_to(table) as operations:
        sweeper_of(table).new_records()

    assert operations == []


def test_many_expired_items_are_swept_a_few_at_a_time(table: SessionsTable) -> None:
    for number_of_item in range(MAX_DELETIONS + 1):
        put(table, replace(expired_session(), session_id=f"expired-{number_of_item}"))
    sweeper = sweeper_of(table)

    with requests_to(table) as operations:
        sweeper.new_records()

    assert operations == ["DeleteItem"] * MAX_DELETIONS
    assert len(sweeper.new_records()) == 1
