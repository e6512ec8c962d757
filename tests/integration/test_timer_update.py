"""A session's timer and its mark in the table: claimed by one, announced once, closed for good."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier
from typing import Any

import boto3
import pytest
from botocore.config import Config

from domain.refusals import SessionExpired, SessionNotFound
from domain.timeout import TimeoutChange
from storage.attribute_values import Item
from storage.faults import InvalidItem, StorageUnavailable
from storage.heartbeat_update import record_heartbeat
from storage.item import item_of, session_of
from storage.renewal_update import renew_session
from storage.session_deletion import delete_session
from storage.session_reading import read_session
from storage.table import SessionsTable
from storage.timeout_update import change_timeout
from storage.timer_update import (
    PUBLISHED,
    Claimed,
    claim,
    is_published,
    mark_announced,
    mark_published,
)
from tests.support.faulty_dynamodb import FaultyDynamoDB, fail, lose_the_reply, pass_on
from tests.support.items import NOT_SESSIONS
from tests.support.sessions import NOON_MS, session
from tests.support.tables import item_with, put, requests_to

AT_ONCE = 64
EXPIRED = session(expires=0)
TIMER_UPDATES: dict[str, Callable[[SessionsTable, str], object]] = {
    "first claim": lambda table, name: claim(table, name, None, delivered_before=False),
    "first claim, again": lambda table, name: claim(table, name, None, delivered_before=True),
    "claim": lambda table, name: claim(table, name, "a", delivered_before=False),
    "claim, again": lambda table, name: claim(table, name, "a", delivered_before=True),
    "announcement": lambda table, name: mark_announced(table, name, NOON_MS),
    "publication": mark_published,
}
each_update = pytest.mark.parametrize("update", TIMER_UPDATES.values(), ids=TIMER_UPDATES)


def timer_of(table: SessionsTable) -> str | None:
    return item_with(table, "a-session").get("timer", {}).get("S")


def put_with_timer(table: SessionsTable, timer: str | None) -> None:
    item = item_of(session(), table.retention_seconds)
    put(table, item if timer is None else {**item, "timer": {"S": timer}})


def claimed(table: SessionsTable, token: str | None, *, again: bool = False) -> Claimed:
    found = claim(table, "a-session", token, delivered_before=again)
    assert found is not None
    return found


def test_a_timer_is_claimed_message_by_message(table: SessionsTable) -> None:
    put(table, session())
    first = claimed(table, None)
    second = claimed(table, first.token)
    assert first.session == second.session == session()
    assert first.token != second.token == timer_of(table)


def test_a_claim_changes_nothing_but_the_token(table: SessionsTable) -> None:
    put(table, session())
    before = item_with(table, "a-session")
    token = claimed(table, None).token
    assert item_with(table, "a-session") == {**before, "timer": {"S": token}}


@pytest.mark.parametrize("token", [None, "its own"])
def test_a_claim_is_one_request(table: SessionsTable, token: str | None) -> None:
    put_with_timer(table, token)
    with requests_to(table) as requests:
        claimed(table, token)
    assert requests == ["UpdateItem"]


@pytest.mark.parametrize(
    ("stored", "token"), [("another's", None), ("another's", "its own"), (None, "its own")]
)
def test_a_first_delivery_whose_timer_is_anothers_ends(
    table: SessionsTable, stored: str | None, token: str | None
) -> None:
    """Without one, a change of the limits is about to start a new timer."""
    put_with_timer(table, stored)
    before = item_with(table, "a-session")
    assert claim(table, "a-session", token, delivered_before=False) is None
    assert item_with(table, "a-session") == before


@pytest.mark.parametrize(
    ("stored", "token"), [("another's", None), ("another's", "its own"), (None, "its own")]
)
def test_a_message_that_was_delivered_before_takes_the_timer_over(
    table: SessionsTable, stored: str | None, token: str | None
) -> None:
    """Whoever claimed it then may have failed before the next message was sent."""
    put_with_timer(table, stored)
    assert claimed(table, token, again=True).token == timer_of(table)
    assert claim(table, "a-session", stored, delivered_before=False) is None


@pytest.mark.parametrize("token", [None, "its own"])
@pytest.mark.parametrize("again", [False, True])
def test_nothing_claims_a_timer_whose_expiry_is_published(
    table: SessionsTable, token: str | None, again: bool
) -> None:
    put_with_timer(table, PUBLISHED)
    assert claim(table, "a-session", token, delivered_before=again) is None
    assert timer_of(table) == PUBLISHED


@each_update
def test_no_update_of_a_timer_brings_a_deleted_session_back(
    table: SessionsTable, update: Callable[[SessionsTable, str], object]
) -> None:
    put(table, replace(EXPIRED, session_id="deleted", announced_at_ms=NOON_MS))
    delete_session(table, "deleted")
    assert update(table, "deleted") is None
    assert item_with(table, "deleted") == {}


@each_update
@pytest.mark.parametrize("session_id", ["", "x" * 2049, "\ud800", "idempotency-key x"])
def test_an_id_that_cannot_be_a_key_is_no_session(
    table: SessionsTable, update: Callable[[SessionsTable, str], object], session_id: str
) -> None:
    with requests_to(table) as requests, pytest.raises(SessionNotFound):
        update(table, session_id)
    assert requests == []


@pytest.mark.parametrize("defect", ["only an ID", "without metadata", "a negative count"])
def test_a_timer_of_an_item_that_is_no_session_is_told_so(
    table_on_dynamodb_local: SessionsTable, defect: str
) -> None:
    table = table_on_dynamodb_local
    put(table, NOT_SESSIONS[defect])
    with pytest.raises(InvalidItem):
        claim(table, "a-session", None, delivered_before=False)
    with pytest.raises(InvalidItem):
        mark_announced(table, "a-session", NOON_MS)


def test_an_expired_session_is_announced_once(table: SessionsTable) -> None:
    put(table, EXPIRED)
    first = mark_announced(table, "a-session", NOON_MS)
    assert first == replace(EXPIRED, announced_at_ms=NOON_MS)
    assert mark_announced(table, "a-session", NOON_MS + 5) == first
    assert session_of(item_with(table, "a-session")) == first


def test_a_session_that_was_renewed_meanwhile_is_not_announced(table: SessionsTable) -> None:
    put(table, session(expires=1))
    assert mark_announced(table, "a-session", NOON_MS) == session(expires=1)
    assert "announcedAt" not in item_with(table, "a-session")


CALLS: dict[str, Callable[[SessionsTable, int], object]] = {
    "renewal": lambda table, now_ms: renew_session(table, "a-session", now_ms, "r1"),
    "heartbeat": lambda table, now_ms: record_heartbeat(table, "a-session", now_ms, "r1"),
    "longer": lambda table, now_ms: change_timeout(
        table, "a-session", now_ms, TimeoutChange(timeout_minutes=60)
    ),
    "shorter": lambda table, now_ms: change_timeout(
        table, "a-session", now_ms, TimeoutChange(timeout_minutes=20)
    ),
    "read": lambda table, now_ms: read_session(table, "a-session", now_ms),
}
each_call = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)


@each_call
@pytest.mark.parametrize("auto_renew", [False, True])
def test_an_announced_session_is_over_for_a_clock_that_is_behind(
    table: SessionsTable, call: Callable[[SessionsTable, int], object], auto_renew: bool
) -> None:
    put(table, session(expires=0, auto_renew=auto_renew))
    mark_announced(table, "a-session", NOON_MS)
    before = item_with(table, "a-session")
    with pytest.raises(SessionExpired):
        call(table, NOON_MS - 2000)
    assert item_with(table, "a-session") == before


@each_call
def test_an_announced_session_is_over_for_a_renewal_that_comes_again(
    table: SessionsTable, call: Callable[[SessionsTable, int], object]
) -> None:
    """A retry is recognised among live sessions only."""
    put(table, session(active=-25, expires=0.1))
    renew_session(table, "a-session", NOON_MS - 60_000, "r1")
    expires_at_ms = NOON_MS - 60_000 + session().timeout_ms
    mark_announced(table, "a-session", expires_at_ms)
    with pytest.raises(SessionExpired):
        call(table, expires_at_ms - 2000)


def test_an_announced_session_can_be_deleted(table: SessionsTable) -> None:
    put(table, replace(EXPIRED, announced_at_ms=NOON_MS))
    delete_session(table, "a-session")
    assert item_with(table, "a-session") == {}


def test_an_announced_session_is_closed(table: SessionsTable) -> None:
    put(table, EXPIRED)
    claimed(table, None)
    mark_announced(table, "a-session", NOON_MS)
    mark_published(table, "a-session")
    item = item_with(table, "a-session")
    assert timer_of(table) == PUBLISHED
    assert is_published(item, session_of(item))


def test_a_session_that_is_not_announced_is_not_closed(table: SessionsTable) -> None:
    put(table, EXPIRED)
    mark_published(table, "a-session")
    assert timer_of(table) is None


@pytest.fixture
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """No attempt is given up because the machine is busy."""
    monkeypatch.setattr("storage.table.ATTEMPT_SECONDS", 60)


@pytest.fixture
def wide_table(
    table_on_dynamodb_local: SessionsTable, dynamodb_local_endpoint: str
) -> SessionsTable:
    """The table through a client with a connection for each thread."""
    client = boto3.client(
        "dynamodb",
        endpoint_url=dynamodb_local_endpoint,
        config=Config(max_pool_connections=AT_ONCE),
    )
    return replace(table_on_dynamodb_local, client=client)


def at_once(*calls: Callable[[], object]) -> list[Any]:
    """What the calls come to that all start together."""
    together = Barrier(len(calls))

    def start(call: Callable[[], object]) -> object:
        together.wait()
        try:
            return call()
        except SessionExpired as refusal:
            return refusal

    with ThreadPoolExecutor(len(calls)) as threads:
        return list(threads.map(start, calls))


@pytest.mark.usefixtures("patience")
@pytest.mark.parametrize("token", [None, "its own"])
def test_of_64_deliveries_at_once_one_claims_the_timer(
    wide_table: SessionsTable, token: str | None
) -> None:
    put_with_timer(wide_table, token)
    outcomes = at_once(
        *[lambda: claim(wide_table, "a-session", token, delivered_before=False)] * AT_ONCE
    )
    (won,) = [each for each in outcomes if each is not None]
    assert won.token == timer_of(wide_table)


@pytest.mark.usefixtures("patience")
def test_of_64_take_overs_at_once_the_last_has_the_timer(wide_table: SessionsTable) -> None:
    """Some are overtaken again and again and end: so many others have it."""
    put_with_timer(wide_table, "another's")
    outcomes = at_once(
        *[lambda: claim(wide_table, "a-session", "its own", delivered_before=True)] * AT_ONCE
    )
    tokens = [each.token for each in outcomes if each is not None]
    assert len(set(tokens)) == len(tokens)
    assert timer_of(wide_table) in tokens


@pytest.mark.usefixtures("patience")
def test_of_64_announcements_at_once_all_tell_of_the_first(wide_table: SessionsTable) -> None:
    put(wide_table, EXPIRED)
    outcomes = at_once(
        *[
            lambda at_ms=NOON_MS + number: mark_announced(wide_table, "a-session", at_ms)
            for number in range(AT_ONCE)
        ]
    )
    (stored,) = set(outcomes)
    assert stored == session_of(item_with(wide_table, "a-session"))


OTHERS = ["renewal", "heartbeat", "longer", "shorter"]


@pytest.mark.usefixtures("patience")
@pytest.mark.parametrize("other", OTHERS)
def test_of_an_announcement_and_a_call_at_once_one_wins(
    wide_table: SessionsTable, other: str
) -> None:
    """Whoever announces has a clock that is ahead of the caller's by 2 s."""
    winners = set()
    for _ in range(20):
        put(wide_table, session(expires=1 / 60))
        announced, answer = at_once(
            lambda: mark_announced(wide_table, "a-session", NOON_MS + 2000),
            lambda: CALLS[other](wide_table, NOON_MS),
        )
        stored = session_of(item_with(wide_table, "a-session"))
        # What a change has shortened is over either way.
        over = {"shorter"} if announced.announced_at_ms is not None else set()
        is_marked = stored.announced_at_ms is not None
        is_refused = isinstance(answer, SessionExpired)
        assert is_marked == is_refused or other in over
        assert is_marked == (announced.announced_at_ms is not None)
        winners.add(is_refused)
    assert winners


@pytest.mark.parametrize("losses", [1, 3])
def test_a_claim_whose_reply_is_lost_is_a_claim(
    table_behind_faults: SessionsTable, dynamodb: FaultyDynamoDB, losses: int
) -> None:
    dynamodb.faults = [*[lose_the_reply] * losses, pass_on]
    won = claim(table_behind_faults, "a-session", None, delivered_before=False)
    assert won is not None
    assert won.token == timer_of(table_behind_faults)


def test_an_announcement_whose_reply_is_lost_is_one(
    table_behind_faults: SessionsTable, dynamodb: FaultyDynamoDB
) -> None:
    put(table_behind_faults, EXPIRED)
    dynamodb.faults = [lose_the_reply, pass_on]
    announced = mark_announced(table_behind_faults, "a-session", NOON_MS)
    assert announced == replace(EXPIRED, announced_at_ms=NOON_MS)


@pytest.mark.parametrize("update", [*TIMER_UPDATES])
def test_an_outage_is_told_so_that_the_message_comes_again(
    table_behind_faults: SessionsTable,
    dynamodb: FaultyDynamoDB,
    monkeypatch: pytest.MonkeyPatch,
    update: str,
) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: None)
    dynamodb.faults = [fail]
    with pytest.raises(StorageUnavailable):
        TIMER_UPDATES[update](table_behind_faults, "a-session")


def test_a_session_without_a_timer_is_claimed_by_its_first_message(table: SessionsTable) -> None:
    """As the release before stores it. Only its TTL tells of it, unless its limits change."""
    put(table, session())
    assert claim(table, "a-session", "a token", delivered_before=False) is None
    assert claim(table, "a-session", None, delivered_before=False) is not None


def without(item: Item, *names: str) -> Item:
    return {name: value for name, value in item.items() if name not in names}


@pytest.mark.parametrize("call", [*OTHERS])
def test_a_call_leaves_the_timer_as_it_is_unless_a_new_one_starts(
    table: SessionsTable, call: str
) -> None:
    put_with_timer(table, "its own")
    CALLS[call](table, NOON_MS)
    assert timer_of(table) == (None if call == "shorter" else "its own")
