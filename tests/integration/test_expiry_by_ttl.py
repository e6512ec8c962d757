"""Expiry from end to end: DynamoDB Local's TTL and streams, the function, moto's EventBridge."""

import json
import random
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from operator import itemgetter

import boto3
import pytest

from domain.errors import SessionNotFound
from domain.session import MS_PER_SECOND
from handlers.clock import epoch_ms
from storage.deletion import delete_session
from storage.renewal import renew
from storage.table import SessionsTable
from tests.contract import hold_to_the_event
from tests.integration.calls import item_with, put
from tests.queues import Queue, expiry_function
from tests.removals import Invocation, Removals, removals_from_a_new_table
from tests.sessions import as_of_now, session

# DynamoDB Local looks for what to remove when TTL is enabled and every ten seconds from then on,
# at 20 items of a table each time.
SWEEP_MS = 10_000
ITEMS_OF_A_SWEEP = 20
TABLES = 7  # the most that it comes to at a time
RACE_MS = 1_500
SEED = 20261122


@pytest.fixture
def new_removals(ttl_endpoint: str) -> Callable[[], Removals]:
    """Makes a table that keeps no session after its expiry, and tells what is removed from it."""
    return partial(removals_from_a_new_table, ttl_endpoint)


def test_a_session_that_the_ttl_removes_is_announced_and_one_that_a_call_deletes_is_not(
    new_removals: Callable[[], Removals], consumer: Queue, dead_letters: Queue
) -> None:
    removals = new_removals()
    for stored in (
        as_of_now(session("expired", expires=-1, renewal_count=2)),
        as_of_now(session("deleted", expires=-1)),
        as_of_now(session("live")),
    ):
        put(removals.table, stored)
    delete_session(removals.table, "deleted")
    renew(removals.table, "live", epoch_ms(), "r")
    removals.wait_for({"expired"})
    function = expiry_function(boto3.client("events"), dead_letters)
    assert function({"Records": removals.through}, Invocation()) == {"batchItemFailures": []}
    (message,) = consumer.messages()
    event = json.loads(message["Body"])
    hold_to_the_event(event)
    assert event["detail"]["session"]["sessionId"] == "expired"
    assert event["detail"]["session"]["renewalCount"] == 2
    assert event["detail"]["expiredAt"] <= event["detail"]["removedAt"]
    assert dead_letters.messages() == []
    assert Counter(record["eventName"] for record in removals.seen) == {
        "INSERT": 3,
        "MODIFY": 1,
        "REMOVE": 2,
    }


def test_a_session_is_renewed_or_announced_and_never_both(
    new_removals: Callable[[], Removals],
) -> None:
    """Servers whose clocks are behind renew expired sessions while the engine removes them."""
    print(f"seed {SEED}")
    rng = random.Random(SEED)  # noqa: S311 - no secret
    now_ms = epoch_ms()
    tables = [new_removals() for _ in range(TABLES)]
    renewals = []
    for removals in tables:
        sweep_ms = epoch_ms() + SWEEP_MS
        for each in range(ITEMS_OF_A_SWEEP):
            stored = replace(as_of_now(session(f"session-{each}")), expires_at_ms=now_ms + 500)
            put(removals.table, stored)
            due_ms = sweep_ms + rng.randrange(-RACE_MS, RACE_MS)
            renewals.append((due_ms, removals.table, stored.session_id))

    def renew_when_due(due_ms: int, table: SessionsTable, session_id: str) -> bool:
        time.sleep(max(0, due_ms - epoch_ms()) / MS_PER_SECOND)
        try:
            renew(table, session_id, now_ms, "r")
        except SessionNotFound:
            return False
        return True

    renewals.sort(key=itemgetter(0))
    with ThreadPoolExecutor(16) as servers:
        answers = list(servers.map(renew_when_due, *zip(*renewals, strict=True)))
    assert set(answers) == {True, False}, "the engine and the renewals missed each other"
    for removals in tables:
        gone = {
            session_id
            for (_, table, session_id), renewed in zip(renewals, answers, strict=True)
            if table is removals.table and not renewed
        }
        removals.wait_for(gone)
        assert removals.announced == gone
        for each in range(ITEMS_OF_A_SWEEP):
            session_id = f"session-{each}"
            if session_id in gone:
                with pytest.raises(SessionNotFound):
                    renew(removals.table, session_id, now_ms, "again")
            else:
                count = item_with(removals.table, session_id)["renewalCount"]
                assert count == {"N": "1"}
