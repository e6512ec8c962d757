"""What is stored is what the pure rules say, on DynamoDB Local and on moto."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import example, given, settings

from domain.refusals import (
    MaximumBelowTimeout,
    MaximumDurationReached,
    SessionExpired,
    SessionNotFound,
)
from domain.session import MS_PER_MINUTE
from domain.timeout import TimeoutChange
from domain.timers import is_due_sooner
from storage.faults import InvalidItem
from storage.heartbeat_update import record_heartbeat
from storage.item import item_of
from storage.renewal_update import renew_session
from storage.session_deletion import delete_session
from storage.session_reading import read_session
from storage.table import SessionsTable
from storage.timeout_update import change_timeout
from tests.support.calls import CALLS, Call, Case, as_stored, by_the_rule, cases
from tests.support.items import ITEM, NOT_SESSIONS, having
from tests.support.sessions import NOON_MS, minutes, remembering, session
from tests.support.tables import item_with, put, requests_to

SHORTER = TimeoutChange(timeout_minutes=20)

CALLS_ON_A_SESSION: dict[str, Callable[[SessionsTable, str], object]] = {
    "renewal": lambda table, name: renew_session(table, name, NOON_MS, "r1"),
    "heartbeat": lambda table, name: record_heartbeat(table, name, NOON_MS, "r1"),
    "timeout change": lambda table, name: change_timeout(table, name, NOON_MS, SHORTER),
    "read": lambda table, name: read_session(table, name, NOON_MS),
    "deletion": delete_session,
}
each_call = pytest.mark.parametrize("call", CALLS_ON_A_SESSION.values(), ids=CALLS_ON_A_SESSION)


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@settings(max_examples=120)
@given(case=cases())
@example(Case(session(), NOON_MS, "r1"))
@example(Case(session(created=-710, active=-20, expires=5), NOON_MS, "r1"))
@example(Case(session(created=-705, active=-2, expires=5), NOON_MS, "r1"))
@example(Case(session(active=1, expires=31), NOON_MS, "r1"))
@example(Case(session(active=1, expires=20), NOON_MS, "r1"))
@example(Case(session(active=5, expires=3), NOON_MS, "r1", TimeoutChange(auto_renew=False)))
def test_a_call_answers_and_stores_what_its_rule_says(
    table_on_dynamodb_local: SessionsTable, call: Call, case: Case
) -> None:
    assert as_stored(table_on_dynamodb_local, call, case) == by_the_rule(
        table_on_dynamodb_local, call, case
    )


@settings(max_examples=50)
@given(case=cases())
def test_only_a_last_renewal_and_clock_skew_take_a_second_update(
    table_on_dynamodb_local: SessionsTable, case: Case
) -> None:
    table = table_on_dynamodb_local
    put(table, case.session)
    with requests_to(table) as requests:
        try:
            renewal = renew_session(table, case.session.session_id, case.now_ms, case.request_id)
            is_last = renewal.at_ms > case.session.full_renewal_until_ms
            is_late = renewal.at_ms > case.now_ms
            expected = 2 if renewal.changed and (is_last or is_late) else 1
        except (SessionExpired, MaximumDurationReached):
            expected = 1
    assert requests == ["UpdateItem"] * expected


@settings(max_examples=50)
@given(case=cases())
def test_a_heartbeat_that_adds_a_whole_timeout_is_one_update(
    table_on_dynamodb_local: SessionsTable, case: Case
) -> None:
    table = table_on_dynamodb_local
    stored = case.session
    put(table, stored)
    with requests_to(table) as requests:
        try:
            heartbeat = record_heartbeat(table, stored.session_id, case.now_ms, case.request_id)
        except SessionExpired:
            expected = 1
        else:
            whole = stored.timeout_config.auto_renew and (
                stored.last_activity_ms <= case.now_ms <= stored.full_renewal_until_ms
                and stored.expires_at_ms < stored.max_expires_at_ms
            )
            expected = 1 if whole or not heartbeat.changed else 2
    assert requests == ["UpdateItem"] * expected


@settings(max_examples=50)
@given(case=cases())
def test_a_timeout_change_is_a_read_and_one_write(
    table_on_dynamodb_local: SessionsTable, case: Case
) -> None:
    table = table_on_dynamodb_local
    put(table, case.session)
    with requests_to(table) as requests:
        try:
            outcome = change_timeout(table, "generated", case.now_ms, case.change)
        except (SessionExpired, MaximumBelowTimeout):
            writes = []
        else:
            is_sooner = is_due_sooner(case.session, outcome.session, outcome.at_ms)
            write = "TransactWriteItems" if is_sooner else "UpdateItem"
            writes = [write] if outcome.changed else []
    assert requests == ["GetItem", *writes]


@each_call
def test_a_session_that_is_not_stored_is_not_found_nor_made(
    table: SessionsTable, call: Callable[[SessionsTable, str], object]
) -> None:
    with requests_to(table) as requests, pytest.raises(SessionNotFound):
        call(table, "nobody's")
    assert len(requests) == 1
    assert item_with(table, "nobody's") == {}


@each_call
@pytest.mark.parametrize(
    "session_id",
    ["", "x" * 2049, "é" * 1025, "😀" * 513, "\ud800", "x" * 10_000_000, "idempotency-key x"],
    ids=["empty", "ascii", "2-byte", "4-byte", "lone surrogate", "10 MB", "reserved"],
)
def test_an_id_that_cannot_be_a_key_is_not_found_without_a_request(
    table: SessionsTable, call: Callable[[SessionsTable, str], object], session_id: str
) -> None:
    with requests_to(table) as requests, pytest.raises(SessionNotFound):
        call(table, session_id)
    assert requests == []


@each_call
@pytest.mark.parametrize("session_id", ["a/b", "'\" OR 1=1", "\x00\n\t", "\u202eé😀", "x" * 2048])
def test_a_session_with_an_odd_id_is_like_any_other(
    table: SessionsTable, call: Callable[[SessionsTable, str], object], session_id: str
) -> None:
    put(table, session(session_id))
    call(table, session_id)


# A deletion checks types, not values.
DELETED_ALL_THE_SAME = ("expired before 1970", "expired, and active after the year 9999")
REFUSED = [
    (name, defect)
    for name in CALLS_ON_A_SESSION
    for defect in NOT_SESSIONS
    if name != "deletion" or defect not in DELETED_ALL_THE_SAME
]


# Not on moto, which fails to compare a number with a list. DynamoDB says that they differ.
@pytest.mark.parametrize(("name", "defect"), REFUSED)
def test_an_item_that_is_not_a_session_stays_as_it_is(
    table_on_dynamodb_local: SessionsTable, name: str, defect: str
) -> None:
    table = table_on_dynamodb_local
    put(table, NOT_SESSIONS[defect])
    with pytest.raises(InvalidItem):
        CALLS_ON_A_SESSION[name](table, "a-session")
    assert item_with(table, "a-session") == NOT_SESSIONS[defect]


# A condition cannot see these: DynamoDB compares and counts, but neither parses nor computes.
SESSIONS_TO_A_CONDITION: dict[str, Any] = {
    "metadata is not JSON": having("metadata", {"S": "{oops}"}),
    "metadata is JSON with NaN": having("metadata", {"S": '{"a": NaN}'}),
    "a number with a fraction": having("createdAt", {"N": "1.5"}),
    "the maximum contradicts the creation": having("createdAt", {"N": str(NOON_MS - 1)}),
    "metadata that never ends": having("metadata", {"S": '{"a":' + "[" * 100_000}),
}


@pytest.mark.parametrize("item", SESSIONS_TO_A_CONDITION.values(), ids=SESSIONS_TO_A_CONDITION)
def test_an_item_that_only_looks_like_a_session_is_no_answer(
    table: SessionsTable, item: Any
) -> None:
    put(table, item)
    with pytest.raises(InvalidItem):
        renew_session(table, "a-session", NOON_MS, "r1")


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_call_keeps_attributes_that_it_does_not_know(table: SessionsTable, call: Call) -> None:
    unknown = {"S": "of a later release"}
    limits = {"M": {**ITEM["timeoutConfig"]["M"], "unknown": unknown}}
    put(table, {**item_of(session(), 0), "unknown": unknown, "timeoutConfig": limits})
    call.stored(table, Case(session(), NOON_MS, "r1"))
    item = item_with(table, "a-session")
    assert item["unknown"] == item["timeoutConfig"]["M"]["unknown"] == unknown


def test_an_expired_session_past_its_ttl_is_expired_while_stored(table: SessionsTable) -> None:
    put(table, session(created=-5000, active=-4500, expires=-4470))
    with pytest.raises(SessionExpired):
        renew_session(table, "a-session", NOON_MS, "r1")


@pytest.mark.parametrize("expires", [20, -1], ids=["live", "expired"])
def test_a_session_is_deleted_by_one_request(table: SessionsTable, expires: float) -> None:
    put(table, session(expires=expires))
    with requests_to(table) as requests:
        delete_session(table, "a-session")
    assert requests == ["DeleteItem"]
    assert item_with(table, "a-session") == {}


def test_a_shorter_timeout_may_leave_a_session_expired(table: SessionsTable) -> None:
    put(table, session(active=-8, expires=22))
    change = TimeoutChange(timeout_minutes=5)
    changed = change_timeout(table, "a-session", NOON_MS, change)
    assert changed.session.time_remaining_ms(changed.at_ms) == -minutes(3)
    with pytest.raises(SessionExpired):
        change_timeout(table, "a-session", NOON_MS, TimeoutChange(timeout_minutes=60))


def test_the_ttl_follows_the_expiry_when_the_limits_change(table: SessionsTable) -> None:
    stored = session(active=-8, expires=22)
    put(table, stored)
    change_timeout(table, "a-session", NOON_MS, TimeoutChange(timeout_minutes=5))
    expires_s = -(-(stored.last_activity_ms + 5 * MS_PER_MINUTE) // 1000)
    ttl = item_with(table, "a-session")["ttl"]
    assert ttl == {"N": str(expires_s + table.retention_seconds)}


def test_a_life_of_renewals_ends_at_the_maximum_exactly(table: SessionsTable) -> None:
    stored = session(created=0, active=0, expires=30, maximum=100)
    put(table, stored)
    expiries = []
    with suppress(MaximumDurationReached):
        for number in range(1000):
            now_ms = NOON_MS + number * minutes(7)
            outcome = renew_session(table, "a-session", now_ms, f"r{number}")
            expiries.append(outcome.session.expires_at_ms)
    assert expiries == sorted(expiries)
    assert expiries[-1] == stored.max_expires_at_ms
    assert item_with(table, "a-session")["renewalCount"] == {"N": str(len(expiries))}


def test_metadata_that_python_cannot_parse_is_passed_through(table: SessionsTable) -> None:
    """No release would take it any more, but one may have stored it."""
    deep = '{"a":' + "[" * 5000 + "]" * 5000 + "}"
    put(table, session(metadata_json=deep))
    outcome = renew_session(table, "a-session", NOON_MS, "r1")
    assert outcome.session.metadata_json == deep


@pytest.mark.parametrize("attribute", ["activityTtl", "fullRenewalBase"])
def test_what_earlier_code_stored_besides_does_no_harm(
    table: SessionsTable, attribute: str
) -> None:
    put(table, having(attribute, {"N": "1"}))
    assert renew_session(table, "a-session", NOON_MS, "r1").changed


def test_a_renewal_with_100_bytes_of_metadata_is_one_write_unit(
    table_on_dynamodb_local: SessionsTable,
) -> None:
    """With the longest ID for the release before, all 32 renewals remembered, and a timer."""
    table = table_on_dynamodb_local
    metadata_json = '{"text":"' + "x" * 89 + '"}'
    remembered = remembering(*(f"r{number}" for number in range(32)))
    stored = session("x" * 36, metadata_json=metadata_json, **remembered)
    put(table, {**item_of(stored, table.retention_seconds), "timer": {"S": "f" * 32}})
    units: list[float] = []

    def ask(params: dict[str, Any], **_: object) -> None:
        params["ReturnConsumedCapacity"] = "TOTAL"

    def note(parsed: dict[str, Any], **_: object) -> None:
        units.append(parsed["ConsumedCapacity"]["CapacityUnits"])

    events = table.client.meta.events
    events.register("provide-client-params.dynamodb.UpdateItem", ask)
    events.register("after-call.dynamodb.UpdateItem", note)
    try:
        renew_session(table, "x" * 36, NOON_MS, "k" * 64)
        renew_session(table, "x" * 36, NOON_MS, "l" * 64)
    finally:
        events.unregister("provide-client-params.dynamodb.UpdateItem", ask)
        events.unregister("after-call.dynamodb.UpdateItem", note)
    assert len(metadata_json) == 100
    assert units == [1, 1]
