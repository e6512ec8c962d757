"""What each seeded fault does to a renewal, and that a seed is a sequence of faults."""

import time

import pytest

from api.responses import Handler
from runtime.retries import MAX_DEMANDED_PAUSE_SECONDS
from storage.table import SessionsTable, dynamodb_client
from tests.support import seeded_faults
from tests.support.api_events import LAMBDA_CONTEXT, Answered, renewal_event
from tests.support.fault_proxy_process import fault_proxy_process
from tests.support.faulty_dynamodb import Fault, FaultyDynamoDB, fail, pass_on
from tests.support.functions import renew_function
from tests.support.seeded_faults import (
    RETRY_AFTER_MS,
    SOAK_SHARES,
    SeededFaults,
    apply_then_stall,
    fail_after_applying,
    stall_and_drop,
    stall_then_apply,
    throttle_with_a_pause,
)
from tests.support.sessions import NOON_MS, session
from tests.support.tables import item_with, put


@pytest.fixture
def function(table_behind_faults: SessionsTable) -> Handler:
    """RenewFunction behind the proxy, with a live session."""
    return renew_function(table_behind_faults, lambda: NOON_MS)


def renew(function: Handler, key: str) -> Answered:
    return Answered(function(renewal_event(headers={"idempotency-key": key}), LAMBDA_CONTEXT))


def count_of(table: SessionsTable) -> str:
    return str(item_with(table, "a-session")["renewalCount"]["N"])


@pytest.mark.parametrize(
    ("fault", "applied"),
    [(apply_then_stall, "1"), (fail_after_applying, "1"), (stall_and_drop, "0")],
)
def test_a_fault_applies_the_write_or_does_not(
    table_on_dynamodb_local: SessionsTable,
    dynamodb: FaultyDynamoDB,
    function: Handler,
    fault: Fault,
    applied: str,
) -> None:
    dynamodb.faults = [fault, fail]
    assert renew(function, "k1").status == 503
    assert count_of(table_on_dynamodb_local) == applied


def test_a_late_write_is_applied_after_its_client_was_answered(
    table_on_dynamodb_local: SessionsTable,
    dynamodb: FaultyDynamoDB,
    function: Handler,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: None)  # the answer comes before the write
    monkeypatch.setattr(seeded_faults, "SLOW_SECONDS", 5)  # on a busy machine, too
    dynamodb.faults = [stall_then_apply, fail]
    assert renew(function, "k1").status == 503
    assert count_of(table_on_dynamodb_local) == "0"
    dynamodb.wait_until_idle()
    assert count_of(table_on_dynamodb_local) == "1"


def test_a_throttled_function_keeps_part_of_the_pause_it_is_told(
    dynamodb: FaultyDynamoDB, function: Handler, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    dynamodb.faults = [throttle_with_a_pause, pass_on]
    assert renew(function, "k1").status == 200
    assert RETRY_AFTER_MS > MAX_DEMANDED_PAUSE_SECONDS * 1000
    assert MAX_DEMANDED_PAUSE_SECONDS <= pauses[0] <= MAX_DEMANDED_PAUSE_SECONDS + 0.05


def test_a_seed_is_a_sequence_of_faults() -> None:
    first, again, other = SeededFaults(1), SeededFaults(1), SeededFaults(2)
    sequence = [first() for _ in range(1000)]
    assert sequence == [again() for _ in range(1000)]
    assert sequence != [other() for _ in range(1000)]


def test_every_fault_has_its_share() -> None:
    faults = SeededFaults(1)
    for _ in range(100_000):
        faults()
    for fault, share in SOAK_SHARES.items():
        assert faults.chosen[fault.__name__] == pytest.approx(100_000 * share, rel=0.2)


def test_the_proxy_of_another_process_tells_what_it_did(
    table_on_dynamodb_local: SessionsTable,
    dynamodb_local_endpoint: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    put(table_on_dynamodb_local, session())
    with fault_proxy_process(dynamodb_local_endpoint, seed=1) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", proxy.endpoint)
        table = SessionsTable(dynamodb_client(), table_on_dynamodb_local.name, 0)
        renew(renew_function(table, lambda: NOON_MS), "k1")
        assert sum(proxy.chosen().values()) > 0
