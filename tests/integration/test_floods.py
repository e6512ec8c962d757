"""Renewals go on while the other calls are flooded."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from local.template import Template
from pricing.template_defaults import default_deployment
from pricing.units import Units
from pricing.worst_case_tables import NEW_TABLE_READS, NEW_TABLE_WRITES
from pricing.worst_cases import worst_cases
from storage.table import SessionsTable
from tests.support.api_events import (
    LAMBDA_CONTEXT,
    SESSIONS,
    Answered,
    api_event,
    renewal_event,
)
from tests.support.faulty_dynamodb import FaultyDynamoDB, ProxiedRequest, pass_on, refuse_with
from tests.support.functions import renew_function, sessions_function
from tests.support.sessions import AGENT_ID, NOON_MS, USER_ID
from tests.support.tables import item_with

OF_EACH = 3
RENEWALS = 50
DEPLOYED = default_deployment(Template())
WORST = {case.route.measured: case for case in worst_cases(Units.load(), DEPLOYED)}
throttle = refuse_with("ThrottlingException")


def throttle_all_but_updates(request: ProxiedRequest) -> None:
    """A table whose reads and creations are beyond a limit of theirs."""
    is_update = request.headers["X-Amz-Target"].endswith(".UpdateItem")
    (pass_on if is_update else throttle)(request)


@pytest.fixture
def table(table_behind_faults: SessionsTable) -> SessionsTable:
    """The table is behind the proxy."""
    return table_behind_faults


@contextmanager
def flood(table: SessionsTable) -> Iterator[list[int]]:
    """Make the other calls, all at once. The list gets the statuses of their answers."""
    function, statuses = sessions_function(table, lambda: NOON_MS), list[int]()
    events = [
        api_event("GET"),
        api_event("GET", query={"userId": USER_ID}),
        api_event("GET", f"{SESSIONS}/{{sessionId}}", session_id="a-session"),
        api_event("POST", body={"agentId": AGENT_ID, "userId": USER_ID}),
        api_event("POST", body={"agentId": AGENT_ID, "userId": USER_ID}, key="a-key"),
    ]

    def call(event: Any) -> None:
        statuses.append(Answered(function(event, LAMBDA_CONTEXT)).status)

    threads = [threading.Thread(target=call, args=(event,)) for event in events * OF_EACH]
    for thread in threads:
        thread.start()
    try:
        yield statuses
    finally:
        for thread in threads:
            thread.join()


def test_renewals_go_on_while_reads_and_creations_are_throttled(
    table: SessionsTable, table_on_dynamodb_local: SessionsTable, dynamodb: FaultyDynamoDB
) -> None:
    dynamodb.faults = [throttle_all_but_updates]
    function = renew_function(table, lambda: NOON_MS)
    with flood(table) as flooded:
        renewals = [
            Answered(function(renewal_event(request_id=f"request-{n}"), LAMBDA_CONTEXT)).status
            for n in range(RENEWALS)
        ]
    assert renewals == [200] * RENEWALS
    assert set(flooded) == {503}
    stored = item_with(table_on_dynamodb_local, "a-session")
    assert stored["renewalCount"] == {"N": str(RENEWALS)}


def test_a_renewal_reads_nothing_so_a_maximum_of_reads_leaves_it_alone() -> None:
    renewals = [call for name, call in Units.load().calls.items() if name.startswith("renewal")]
    assert renewals
    assert {call.read_units for call in renewals} == {0}


def test_floods_of_creations_and_reads_leave_a_new_table_its_renewals() -> None:
    """A new table takes so many write units, or so many read units, or a part of both."""
    creations = WORST["creation"].write_units_a_second / NEW_TABLE_WRITES
    reads = DEPLOYED.max_read_units / NEW_TABLE_READS
    renewals = WORST["renewal"].a_second * Units.load().calls["renewal"].write_units
    assert creations + reads + renewals / NEW_TABLE_WRITES < 1


def test_a_new_table_is_used_up_by_143_keyed_creations_of_10_kb() -> None:
    """Which is why they have a limit of their own, far below that."""
    used_up_at = NEW_TABLE_WRITES / WORST["creation"].call.write_units
    assert 142 < used_up_at < 143
    assert WORST["creation"].a_second < used_up_at / 2
