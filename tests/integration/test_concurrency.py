"""Any number of renewals at once, against the engine that is atomic."""

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import boto3
import pytest
from botocore.config import Config

from domain.errors import MaximumDurationReached
from storage.renewal import renew
from storage.table import SessionsTable
from tests.integration.renewals import item_with, put, writes_to
from tests.sessions import NOON_MS, minutes, session

AT_ONCE = 64


@pytest.fixture
def table(table_on_dynamodb_local: SessionsTable, dynamodb_local_endpoint: str) -> SessionsTable:
    """The table through a client with a connection for each thread."""
    client = boto3.client(
        "dynamodb",
        endpoint_url=dynamodb_local_endpoint,
        config=Config(max_pool_connections=AT_ONCE),
    )
    return SessionsTable(
        client, table_on_dynamodb_local.name, table_on_dynamodb_local.retention_seconds
    )


def at_once(call: Callable[[int], object]) -> list[object]:
    """What 64 calls come to that all start together, each with its own number."""
    together = threading.Barrier(AT_ONCE)

    def start(number: int) -> object:
        together.wait()
        try:
            return call(number)
        except MaximumDurationReached as refusal:
            return type(refusal)

    with ThreadPoolExecutor(AT_ONCE) as threads:
        return list(threads.map(start, range(AT_ONCE)))


def test_64_renewals_at_one_instant_are_64_writes_and_count_64(table: SessionsTable) -> None:
    put(table, session())
    with writes_to(table) as writes:
        at_once(lambda number: renew(table, "a-session", NOON_MS, f"r{number}"))
    assert len(writes) == AT_ONCE
    assert item_with(table, "a-session")["renewalCount"] == {"N": str(AT_ONCE)}


def test_64_renewals_by_64_clocks_all_count_and_the_latest_clock_stands(
    table: SessionsTable,
) -> None:
    """A renewal that a later clock overtook needs one more write, however many did."""
    put(table, session())
    with writes_to(table) as writes:
        at_once(lambda number: renew(table, "a-session", NOON_MS + number * 37 % 64, f"r{number}"))
    assert AT_ONCE <= len(writes) <= 2 * AT_ONCE
    item = item_with(table, "a-session")
    latest_ms = NOON_MS + AT_ONCE - 1
    assert item["renewalCount"] == {"N": str(AT_ONCE)}
    assert item["lastActivity"] == {"N": str(latest_ms)}
    assert item["expiresAt"] == {"N": str(latest_ms + minutes(30))}


def test_of_64_last_renewals_at_once_one_reaches_the_maximum(table: SessionsTable) -> None:
    put(table, session(created=-710, active=-20, expires=5))
    outcomes = at_once(lambda number: renew(table, "a-session", NOON_MS, f"r{number}"))
    assert Counter(outcomes)[MaximumDurationReached] == AT_ONCE - 1
    item = item_with(table, "a-session")
    assert item["renewalCount"] == {"N": "1"}
    assert item["expiresAt"] == item["maxExpiresAt"]


def test_64_deliveries_of_one_renewal_count_once(table: SessionsTable) -> None:
    put(table, session())
    at_once(lambda _: renew(table, "a-session", NOON_MS, "r1"))
    assert item_with(table, "a-session")["renewalCount"] == {"N": "1"}
