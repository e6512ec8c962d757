"""The conditional write is the pure rule, in both engines."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings

from domain.errors import MaximumDurationReached, SessionExpired, SessionNotFound
from domain.session import Outcome, Session
from storage.errors import InvalidItem, StorageUnavailable
from storage.heartbeat import beat
from storage.item import Item, item_of
from storage.renewal import renew
from storage.table import SessionsTable
from tests.integration.calls import (
    Case,
    cases,
    item_with,
    put,
    writes_to,
)
from tests.sessions import NOON_MS, minutes, session


@settings(max_examples=200)
@given(case=cases())
def test_only_the_last_renewal_and_a_slow_clock_need_a_second_write(
    table: SessionsTable, case: Case
) -> None:
    put(table, case.session)
    with writes_to(table) as writes:
        try:
            renewal = renew(table, case.session.session_id, case.now_ms, case.request_id)
            late = renewal.at_ms > case.session.full_renewal_until_ms
            slow = renewal.at_ms > case.now_ms
            expected = 2 if renewal.changed and (late or slow) else 1
        except (SessionExpired, MaximumDurationReached):
            expected = 1
    assert writes == ["UpdateItem"] * expected


def test_a_session_that_is_not_stored_is_not_found_and_not_made(table: SessionsTable) -> None:
    with writes_to(table) as writes, pytest.raises(SessionNotFound):
        renew(table, "nobody's", NOON_MS, "r1")
    assert writes == ["UpdateItem"]
    assert item_with(table, "nobody's") == {}


@pytest.mark.parametrize("session_id", ["a/b", "'\" OR 1=1", "\x00\n\t", "\u202eé😀", "x" * 2048])
def test_a_session_with_an_odd_id_is_renewed_like_any_other(
    table: SessionsTable, session_id: str
) -> None:
    put(table, session(session_id))
    assert renew(table, session_id, NOON_MS, "r1").session.renewal_count == 1


def test_an_expired_session_past_its_ttl_is_still_expired_while_it_is_stored(
    table: SessionsTable,
) -> None:
    put(table, session(created=-5000, active=-4500, expires=-4470))
    with pytest.raises(SessionExpired):
        renew(table, "a-session", NOON_MS, "r1")


def test_a_renewal_keeps_what_it_does_not_know(table: SessionsTable) -> None:
    put(table, {**item_of(session(), table.retention_seconds), "note": {"S": "an operator's"}})
    renew(table, "a-session", NOON_MS, "r1")
    assert item_with(table, "a-session")["note"] == {"S": "an operator's"}


ITEM = item_of(session(), 0)


def without(name: str) -> Item:
    return {key: value for key, value in ITEM.items() if key != name}


def having(name: str, value: Mapping[str, Any]) -> Item:
    return {**ITEM, name: value}


def configured(name: str, value: Mapping[str, Any] | None) -> Item:
    config = {**ITEM["timeoutConfig"]["M"], name: value}
    return having("timeoutConfig", {"M": {key: each for key, each in config.items() if each}})


# What a renewal replaces, it does not look at.
LOOKED_AT = [name for name in ITEM if name not in ("sessionId", "activityTtl", "ttl")]
# An index takes no item in which its key has another type.
INDEXED = ("agentId", "userId", "createdAt")
NOT_SESSIONS = {
    **{f"without {name}": without(name) for name in LOOKED_AT},
    **{f"{name} is a list": having(name, {"L": []}) for name in LOOKED_AT if name not in INDEXED},
    **{f"{name} left out": configured(name, None) for name in ITEM["timeoutConfig"]["M"]},
    **{f"{name} is text": configured(name, {"S": "5"}) for name in ITEM["timeoutConfig"]["M"]},
    "metadata is a map": having("metadata", {"M": {}}),
    "metadata is a JSON list": having("metadata", {"S": "[]"}),
    "metadata begins with a space": having("metadata", {"S": " {}"}),
    "a negative count": having("renewalCount", {"N": "-1"}),
    "no timeout": {**having("timeoutMs", {"N": "0"}), "timeoutSeconds": {"N": "0"}},
    "expired before time began": having("expiresAt", {"N": "-1"}),
    "expired, and active after the year 9999": {
        **having("expiresAt", {"N": "1"}),
        "lastActivity": {"N": str(10**17)},
    },
    "only an ID": {"sessionId": ITEM["sessionId"]},
}


# Not on moto, which fails to compare a number with a list: in DynamoDB the answer is no.
@pytest.mark.parametrize("item", NOT_SESSIONS.values(), ids=NOT_SESSIONS)
@pytest.mark.parametrize("call", [renew, beat])
def test_an_item_that_is_not_a_session_is_left_as_it_was(
    table_on_dynamodb_local: SessionsTable, call: Callable[..., Outcome], item: Item
) -> None:
    table = table_on_dynamodb_local
    put(table, item)
    with pytest.raises(InvalidItem):
        call(table, "a-session", NOON_MS, "r1")
    assert item_with(table, "a-session") == item


# The write cannot see these: DynamoDB compares and counts, but neither parses nor computes.
SESSIONS_TO_THE_WRITE_ONLY = {
    "metadata is no JSON": having("metadata", {"S": "{oops}"}),
    "metadata is JSON with NaN": having("metadata", {"S": '{"a": NaN}'}),
    "a number with a fraction": having("createdAt", {"N": "1.5"}),
    "the maximum at odds with the creation": having("createdAt", {"N": str(NOON_MS - 1)}),
    "metadata that never ends": having("metadata", {"S": '{"a":' + "[" * 100_000}),
}


@pytest.mark.parametrize(
    "item", SESSIONS_TO_THE_WRITE_ONLY.values(), ids=SESSIONS_TO_THE_WRITE_ONLY
)
def test_an_item_that_only_looks_like_a_session_is_not_answered_with(
    table: SessionsTable, item: Item
) -> None:
    put(table, item)
    with pytest.raises(InvalidItem):
        renew(table, "a-session", NOON_MS, "r1")


def test_metadata_nested_deeper_than_the_interpreter_reads_is_handed_through(
    table: SessionsTable,
) -> None:
    deep = '{"a":' + "[" * 5000 + "]" * 5000 + "}"
    put(table, replace(session(), metadata_json=deep))
    assert renew(table, "a-session", NOON_MS, "r1").session.metadata_json == deep


def test_a_renewal_overtaken_twice_is_answered_as_of_the_session_it_is_answered_with(
    table: SessionsTable,
) -> None:
    """Between its first write and its second, a renewal with a still later clock comes first."""
    put(table, session(active=1, expires=31))

    def overtake(params: Mapping[str, Any], **_: object) -> None:
        if ":expiresAt" in params["ExpressionAttributeValues"]:
            put(table, session(active=2, expires=32))

    with before_each_write(table, overtake):
        renewal = renew(table, "a-session", NOON_MS, "r1")
    assert renewal.at_ms == renewal.session.last_activity_ms == NOON_MS + minutes(2)
    assert renewal.session.time_remaining_ms(renewal.at_ms) == minutes(30)


def test_a_session_that_changes_under_each_of_four_writes_is_given_up_unchanged(
    table: SessionsTable,
) -> None:
    """Activity that does not renew, with an ever later clock, before each write."""
    put(table, session())
    minute = iter(range(1, 9))

    def be_active(**_: object) -> None:
        put(table, session(active=next(minute), expires=25))

    with (
        before_each_write(table, be_active),
        writes_to(table) as calls,
        pytest.raises(StorageUnavailable, match="changed under each of 4 writes"),
    ):
        renew(table, "a-session", NOON_MS, "r1")
    assert calls.count("UpdateItem") == 4
    assert item_with(table, "a-session")["renewalCount"] == {"N": "0"}


@contextmanager
def before_each_write(table: SessionsTable, act: Callable[..., None]) -> Iterator[None]:
    events = table.client.meta.events
    events.register("provide-client-params.dynamodb.UpdateItem", act)
    try:
        yield
    finally:
        events.unregister("provide-client-params.dynamodb.UpdateItem", act)


def life_of(table: SessionsTable, stored: Session) -> list[int]:
    """The expiries of a session that is renewed every 7 minutes until it no longer can be."""
    put(table, stored)
    expiries = []
    for renewal in range(1000):
        try:
            now_ms = NOON_MS + renewal * minutes(7)
            expiries.append(renew(table, "a-session", now_ms, f"r{renewal}").session.expires_at_ms)
        except MaximumDurationReached:
            return expiries
    raise AssertionError("a session that lives for ever")


def test_a_life_of_renewals_ends_at_the_maximum_exactly(table: SessionsTable) -> None:
    stored = session(created=0, active=0, expires=30, maximum=100)
    expiries = life_of(table, stored)
    assert expiries == sorted(expiries)
    assert expiries[-1] == stored.max_expires_at_ms
    assert item_with(table, "a-session")["renewalCount"] == {"N": str(len(expiries))}
