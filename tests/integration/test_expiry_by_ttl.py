"""Expiry from end to end: DynamoDB Local's TTL and streams, the function, moto's EventBridge."""

import itertools
import random
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from operator import attrgetter

import boto3
import pytest

from domain.refusals import SessionNotFound
from domain.session import MS_PER_SECOND
from runtime.clock import epoch_ms
from storage.renewal_update import renew_session
from storage.session_deletion import delete_session
from tests.support.contract import assert_event_schema
from tests.support.functions import expiry_function
from tests.support.queues import Queue
from tests.support.sessions import as_of_now, session
from tests.support.stream_records import (
    Invocation,
    TtlDeletions,
    ttl_deletions_from_a_new_table,
)
from tests.support.tables import item_with, put

# DynamoDB Local looks for expired items when TTL is enabled and every ten seconds from then on. It
# deletes up to 20 items of a table each time, and serves up to seven tables.
SWEEP_MS = 10_000
SESSIONS_PER_TABLE = 20
TABLES = 7
RACE_MS = 1_500
SEED = 20261122


@pytest.fixture
def new_deletions(ttl_endpoint: str) -> Callable[[], TtlDeletions]:
    """Makes a table in which a session's ``ttl`` is its expiry, and reads its deletions."""
    return partial(ttl_deletions_from_a_new_table, ttl_endpoint)


@pytest.fixture
def deletions(new_deletions: Callable[[], TtlDeletions]) -> TtlDeletions:
    """Of three sessions, one was deleted by TTL, one was deleted by a call and one was renewed."""
    deletions = new_deletions()
    table = deletions.table
    put(table, as_of_now(session("expired", expires=-1, renewal_count=2)))
    put(table, as_of_now(session("deleted")))
    put(table, as_of_now(session("renewed")))
    delete_session(table, "deleted")
    renew_session(table, "renewed", epoch_ms(), "r")
    deletions.wait_for({"expired"})
    return deletions


def test_only_the_deletion_by_ttl_is_published(
    deletions: TtlDeletions, consumer: Queue, dead_letters: Queue
) -> None:
    function = expiry_function(boto3.client("events"), dead_letters)

    assert function({"Records": deletions.delivered}, Invocation()) == {"batchItemFailures": []}

    (event,) = consumer.events()
    assert_event_schema(event)
    detail = event["detail"]
    assert (detail["session"]["sessionId"], detail["session"]["renewalCount"]) == ("expired", 2)
    assert detail["expiredAt"] <= detail["removedAt"]
    assert dead_letters.messages() == []
    assert Counter(record["eventName"] for record in deletions.records) == {
        "INSERT": 3,
        "MODIFY": 1,
        "REMOVE": 2,
    }


@dataclass(frozen=True)
class LateRenewal:
    """A renewal of an expired session, by a server whose clock is behind."""

    deletions: TtlDeletions
    session_id: str
    due_ms: int
    now_ms: int

    def renew(self) -> bool:
        """Renew the session when it is due; whether it was there to renew."""
        time.sleep(max(0, self.due_ms - epoch_ms()) / MS_PER_SECOND)
        try:
            renew_session(self.deletions.table, self.session_id, self.now_ms, "r")
        except SessionNotFound:
            return False
        return True

    @property
    def renewal_count(self) -> int:
        """How often the session was renewed."""
        return int(item_with(self.deletions.table, self.session_id)["renewalCount"]["N"])


def late_renewals(deletions: TtlDeletions, rng: random.Random) -> list[LateRenewal]:
    """Fill the new table with sessions, each to be renewed at about the time of its sweep."""
    now_ms = epoch_ms()
    renewals = []
    for number in range(SESSIONS_PER_TABLE):
        live = as_of_now(session(f"session-{number}"))
        stored = replace(live, renewed_at_ms=now_ms + 500 - live.timeout_ms)
        put(deletions.table, stored)
        due_ms = now_ms + SWEEP_MS + rng.randrange(-3 * RACE_MS, RACE_MS)
        renewals.append(LateRenewal(deletions, stored.session_id, due_ms, now_ms))
    return renewals


def test_a_session_is_renewed_or_deleted_by_ttl_but_never_both(
    new_deletions: Callable[[], TtlDeletions],
) -> None:
    print(f"seed {SEED}")
    rng = random.Random(SEED)  # noqa: S311 - no secret
    *raced, last = [late_renewals(new_deletions(), rng) for _ in range(TABLES)]

    with ThreadPoolExecutor(16) as servers:
        renewals = sorted(itertools.chain(*raced), key=attrgetter("due_ms"))
        was_renewed = list(servers.map(LateRenewal.renew, renewals))
    # However late a busy machine sweeps, this table's sessions are not renewed before.
    last[0].deletions.wait_for({last[0].session_id})
    renewals += last
    was_renewed += map(LateRenewal.renew, last)

    outcomes = list(zip(renewals, was_renewed, strict=True))
    renewed = [each for each, done in outcomes if done]
    deleted = [each for each, done in outcomes if not done]
    assert renewed, "every session was deleted before its renewal"
    for each in deleted:
        each.deletions.wait_for({each.session_id})
        assert not each.renew()
    for each in renewed:
        assert each.session_id not in each.deletions.session_ids
        assert each.renewal_count == 1
