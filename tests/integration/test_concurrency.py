"""Any number of calls at once, on DynamoDB Local."""

import threading
import uuid
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import boto3
import pytest
from botocore.config import Config

from domain.creation import CreationRequest
from domain.refusals import MaximumDurationReached, SessionNotFound, SessionRefusal
from domain.session import Outcome
from domain.timeout import TimeoutChange
from runtime.deadline import Deadline
from storage.faults import StorageUnavailable
from storage.heartbeat_update import record_heartbeat
from storage.idempotency import idempotency_record_id
from storage.item import session_of
from storage.renewal_update import renew_session
from storage.session_creation import create_session_once
from storage.session_deletion import delete_session
from storage.table import SessionsTable
from storage.timeout_update import change_timeout
from tests.support.sessions import NOON_MS, SIGNING_KEY, minutes, session
from tests.support.tables import item_with, put, requests_to

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
        except (SessionRefusal, StorageUnavailable) as refusal:
            return type(refusal)

    with ThreadPoolExecutor(AT_ONCE) as threads:
        return list(threads.map(start, range(AT_ONCE)))


@pytest.fixture
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """No attempt is given up because the machine is busy.

    It would be one more request and, after 32 others of the 64, be counted again.
    """
    monkeypatch.setattr("storage.table.ATTEMPT_SECONDS", 60)


@pytest.mark.usefixtures("patience")
def test_64_renewals_at_one_instant_are_64_writes_and_count_64(table: SessionsTable) -> None:
    put(table, session())
    with requests_to(table) as writes:
        at_once(lambda number: renew_session(table, "a-session", NOON_MS, f"r{number}"))
    assert len(writes) == AT_ONCE
    assert item_with(table, "a-session")["renewalCount"] == {"N": str(AT_ONCE)}


@pytest.mark.usefixtures("patience")
def test_64_renewals_by_64_clocks_all_count_and_the_latest_clock_stands(
    table: SessionsTable,
) -> None:
    """A renewal that came after a later clock needs one more request, however many did."""
    put(table, session())
    with requests_to(table) as writes:
        at_once(
            lambda number: renew_session(
                table, "a-session", NOON_MS + number * 37 % 64, f"r{number}"
            )
        )
    assert AT_ONCE <= len(writes) <= 2 * AT_ONCE
    item = item_with(table, "a-session")
    latest_ms = NOON_MS + AT_ONCE - 1
    assert item["renewalCount"] == {"N": str(AT_ONCE)}
    assert item["lastActivity"] == {"N": str(latest_ms)}
    assert item["expiresAt"] == {"N": str(latest_ms + minutes(30))}


@pytest.mark.usefixtures("patience")
def test_of_64_last_renewals_at_once_one_reaches_the_maximum(table: SessionsTable) -> None:
    put(table, session(created=-710, active=-20, expires=5))
    outcomes = at_once(lambda number: renew_session(table, "a-session", NOON_MS, f"r{number}"))
    assert Counter(outcomes)[MaximumDurationReached] == AT_ONCE - 1
    item = item_with(table, "a-session")
    assert item["renewalCount"] == {"N": "1"}
    assert item["expiresAt"] == item["maxExpiresAt"]


@pytest.mark.usefixtures("patience")
def test_64_deliveries_of_one_renewal_count_once(table: SessionsTable) -> None:
    put(table, session())
    at_once(lambda _: renew_session(table, "a-session", NOON_MS, "r1"))
    assert item_with(table, "a-session")["renewalCount"] == {"N": "1"}


@pytest.mark.usefixtures("patience")
def test_64_heartbeats_by_64_clocks_all_renew_and_count_64(table: SessionsTable) -> None:
    put(table, session())
    at_once(
        lambda number: record_heartbeat(
            table, "a-session", NOON_MS + number * 37 % 64, f"h{number}"
        )
    )
    item = item_with(table, "a-session")
    assert item["renewalCount"] == {"N": str(AT_ONCE)}
    assert item["expiresAt"] == {"N": str(NOON_MS + AT_ONCE - 1 + minutes(30))}


@pytest.mark.usefixtures("patience")
def test_64_heartbeats_that_do_not_renew_leave_the_latest_clock(
    table: SessionsTable,
) -> None:
    put(table, session(auto_renew=False))
    outcomes = at_once(
        lambda number: record_heartbeat(table, "a-session", NOON_MS + number, f"h{number}")
    )
    assert all(isinstance(outcome, Outcome) for outcome in outcomes)
    item = item_with(table, "a-session")
    assert item["renewalCount"] == {"N": "0"}
    assert item["lastActivity"] == {"N": str(NOON_MS + AT_ONCE - 1)}
    assert item["expiresAt"] == {"N": str(session().expires_at_ms)}


def test_timeout_changes_among_renewals_all_succeed_in_some_order(
    table: SessionsTable,
) -> None:
    """Whatever comes last, the expiry is the latest timeout after the last renewal."""
    put(table, session())
    in_time = table.until(Deadline.after(10))

    def call(number: int) -> object:
        now_ms = NOON_MS + number
        if number % 4:
            return renew_session(in_time, "a-session", now_ms, f"r{number}")
        return change_timeout(
            in_time, "a-session", now_ms, TimeoutChange(timeout_minutes=20 + number)
        )

    outcomes = at_once(call)
    stored = session_of(item_with(table, "a-session"))
    assert all(isinstance(outcome, Outcome) for outcome in outcomes)
    renewed = [number for number in range(AT_ONCE) if number % 4]
    assert stored.renewal_count == len(renewed)
    assert stored.last_activity_ms == NOON_MS + max(renewed)
    assert stored.timeout_config.timeout_minutes in range(20, 20 + AT_ONCE, 4)
    assert stored.expires_at_ms == stored.last_activity_ms + stored.timeout_ms


@pytest.mark.usefixtures("patience")
def test_maximum_changes_among_renewals_keep_the_expiry_within(
    table: SessionsTable,
) -> None:
    put(table, session(created=-60))

    def call(number: int) -> object:
        if number % 2:
            return renew_session(table, "a-session", NOON_MS, f"r{number}")
        limits = TimeoutChange(max_duration_minutes=70 + number)
        return change_timeout(table, "a-session", NOON_MS, limits)

    outcomes = at_once(call)
    stored = session_of(item_with(table, "a-session"))
    answered = [outcome for outcome in outcomes[1::2] if isinstance(outcome, Outcome)]
    assert stored.renewal_count == len(answered)
    assert stored.expires_at_ms <= stored.max_expires_at_ms


@pytest.mark.usefixtures("patience")
def test_a_deletion_among_other_calls_leaves_nothing_that_comes_back(table: SessionsTable) -> None:
    put(table, session())
    calls: list[Callable[[int], object]] = [
        lambda number: renew_session(table, "a-session", NOON_MS, f"r{number}"),
        lambda number: record_heartbeat(table, "a-session", NOON_MS, f"h{number}"),
        lambda _: change_timeout(table, "a-session", NOON_MS, TimeoutChange(timeout_minutes=20)),
    ]

    def call(number: int) -> object:
        if number == AT_ONCE // 2:
            delete_session(table, "a-session")
            return None
        return calls[number % 3](number)

    outcomes = at_once(call)
    assert outcomes.count(None) == 1
    others = [outcome for outcome in outcomes if outcome is not None]
    assert all(isinstance(each, Outcome) or each is SessionNotFound for each in others)
    assert item_with(table, "a-session") == {}


@pytest.mark.usefixtures("patience")
def test_of_64_deletions_at_once_one_deletes(table: SessionsTable) -> None:
    put(table, session())
    outcomes = at_once(lambda _: delete_session(table, "a-session"))
    assert Counter(outcomes) == {None: 1, SessionNotFound: AT_ONCE - 1}


@pytest.mark.usefixtures("patience")
def test_64_deliveries_of_one_creation_make_one_session(table: SessionsTable) -> None:
    user_id = str(uuid.uuid4())
    creation = CreationRequest(session().agent_id, user_id, "{}", TimeoutChange())
    record_id = idempotency_record_id(creation, "one", SIGNING_KEY)

    def call(number: int) -> Outcome:
        mine = replace(session(f"made-by-{number}-{user_id}"), user_id=user_id, metadata_json="{}")
        return create_session_once(table, mine, creation, record_id)

    outcomes = at_once(call)
    assert len([each for each in outcomes if isinstance(each, Outcome)]) == AT_ONCE
    made = {each.session.session_id for each in outcomes if isinstance(each, Outcome)}
    assert len(made) == 1
    stored = [f"made-by-{number}-{user_id}" for number in range(AT_ONCE)]
    assert [each for each in stored if item_with(table, each)] == list(made)
