"""A change of the limits that comes sooner, and the marker that starts a timer: both or neither."""

import time
from collections.abc import Iterator, Mapping
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.refusals import SessionExpired, SessionNotFound
from domain.session import Owner
from domain.timeout import TimeoutChange
from local.template import Template
from storage.faults import TransactionCancelled
from storage.item import item_of
from storage.keys import MAX_KEY_BYTES, START_MARKER_PREFIX, session_key
from storage.session_deletion import delete_session
from storage.session_listing import list_sessions
from storage.start_marker import (
    LIFETIME_MS,
    can_be_marked,
    start_marker,
    started_session_id,
)
from storage.table import SessionsTable
from storage.timeout_update import change_timeout
from tests.support.earlier_releases import VERSIONS, release
from tests.support.faulty_dynamodb import FaultyDynamoDB, fail, lose_the_reply, pass_on
from tests.support.sessions import NOON_MS, session
from tests.support.stream_records import ttl_deletion
from tests.support.tables import create_table, item_with, put, requests_to

SOONER = TimeoutChange(timeout_minutes=20)
LATER = TimeoutChange(timeout_minutes=40)


@pytest.fixture
def own_table(table: SessionsTable) -> SessionsTable:
    """A table of its own, with a session whose timer is running."""
    own = create_table(table.client)
    put(own, {**item_of(session(), own.retention_seconds), "timer": {"S": "its own"}})
    return own


def markers(table: SessionsTable) -> list[str]:
    """Whose timers the markers in the table start."""
    return [started_session_id(key) for key in _keys(table) if key.startswith(START_MARKER_PREFIX)]


def _keys(table: SessionsTable) -> Iterator[str]:
    for item in table.client.scan(TableName=table.name, ConsistentRead=True)["Items"]:
        yield str(item["sessionId"]["S"])


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_a_marker_names_the_session_whose_timer_it_starts(session_id: str) -> None:
    key = start_marker(session_id, NOON_MS)["sessionId"]["S"]
    assert started_session_id(key) == session_id
    assert len(key.encode()) <= MAX_KEY_BYTES or not can_be_marked(session_id)


def test_two_markers_of_a_session_are_two_items() -> None:
    assert start_marker("a-session", NOON_MS) != start_marker("a-session", NOON_MS)


def test_a_marker_is_no_session_and_goes_after_a_day() -> None:
    marker = start_marker("a-session", NOON_MS)
    with pytest.raises(SessionNotFound):
        session_key(marker["sessionId"]["S"])
    assert marker["ttl"] == {"N": str((NOON_MS + LIFETIME_MS) // 1000)}


@pytest.mark.parametrize(
    "template",
    [Template(), *(release(version).template for version in VERSIONS)],
    ids=["this release", *VERSIONS],
)
def test_the_deletion_of_a_marker_reaches_no_function(template: Template) -> None:
    assert not template.matches_stream_filter(ttl_deletion(start_marker("a-session", NOON_MS)))


def test_a_change_that_comes_sooner_starts_a_timer_in_place_of_the_present(
    own_table: SessionsTable,
) -> None:
    changed = change_timeout(own_table, "a-session", NOON_MS, SOONER).session
    assert markers(own_table) == ["a-session"]
    assert item_with(own_table, "a-session") == item_of(changed, own_table.retention_seconds)


def test_a_change_that_comes_later_leaves_the_timer(own_table: SessionsTable) -> None:
    change_timeout(own_table, "a-session", NOON_MS, LATER)
    assert markers(own_table) == []
    assert item_with(own_table, "a-session")["timer"] == {"S": "its own"}


def test_a_thousand_changes_there_and_back_leave_one_timer(own_table: SessionsTable) -> None:
    """So do fifty: each that comes sooner takes the timer of the one before away."""
    for number in range(50):
        change_timeout(own_table, "a-session", NOON_MS, SOONER if number % 2 == 0 else LATER)
    assert markers(own_table) == ["a-session"] * 25
    assert "timer" not in item_with(own_table, "a-session")


def test_a_change_of_a_deleted_session_leaves_no_marker(own_table: SessionsTable) -> None:
    def delete(**_: object) -> None:
        delete_session(own_table, "a-session")

    events = own_table.client.meta.events
    events.register("provide-client-params.dynamodb.TransactWriteItems", delete)
    try:
        with pytest.raises(SessionNotFound):
            change_timeout(own_table, "a-session", NOON_MS, SOONER)
    finally:
        events.unregister("provide-client-params.dynamodb.TransactWriteItems", delete)
    assert list(_keys(own_table)) == []


def test_a_change_that_loses_its_race_leaves_one_marker(own_table: SessionsTable) -> None:
    """The first attempt is cancelled as a whole, and the second one is made of what is stored."""
    states = iter([session(active=-5, expires=25)])

    def be_active(params: Mapping[str, Any], **_: object) -> None:
        del params
        for state in states:
            put(own_table, state)

    events = own_table.client.meta.events
    events.register("provide-client-params.dynamodb.TransactWriteItems", be_active)
    try:
        changed = change_timeout(own_table, "a-session", NOON_MS, SOONER).session
    finally:
        events.unregister("provide-client-params.dynamodb.TransactWriteItems", be_active)
    assert changed.last_activity_ms == session(active=-5).last_activity_ms
    assert markers(own_table) == ["a-session"]


def test_a_change_whose_reply_is_lost_leaves_one_marker(
    table_behind_faults: SessionsTable, dynamodb: FaultyDynamoDB
) -> None:
    dynamodb.faults = [pass_on, lose_the_reply, pass_on]
    put(table_behind_faults, session("lost"))
    dynamodb.faults = [pass_on, lose_the_reply, pass_on]
    changed = change_timeout(table_behind_faults, "lost", NOON_MS, SOONER)
    assert changed.changed
    assert changed.session.timeout_config.timeout_minutes == 20
    assert markers(table_behind_faults).count("lost") == 1


def test_a_change_that_dynamodb_refuses_for_now_is_tried_again(
    table_behind_faults: SessionsTable, dynamodb: FaultyDynamoDB, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: None)
    put(table_behind_faults, session("refused"))
    dynamodb.faults = [pass_on, fail, fail, pass_on]
    assert change_timeout(table_behind_faults, "refused", NOON_MS, SOONER).changed
    assert markers(table_behind_faults).count("refused") == 1


def cancel_by(monkeypatch: pytest.MonkeyPatch, *codes: str) -> None:
    """Have each transaction of a change cancelled for these reasons."""

    def cancelled(*_: object) -> None:
        raise TransactionCancelled([{"Code": code} for code in codes])

    monkeypatch.setattr("storage.timeout_update._change_and_start_timer", cancelled)


def test_a_change_revives_no_session_that_expires_while_it_waits(
    own_table: SessionsTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(own_table, session(expires=1 / 60))
    cancel_by(monkeypatch, "TransactionConflict", "None")
    seconds = iter(range(100))
    clock = SimpleNamespace(monotonic=lambda: next(seconds))
    monkeypatch.setattr("storage.timeout_update.time", clock)
    pauses = iter(range(10))
    monkeypatch.setattr(SessionsTable, "pause", lambda *_: next(pauses))
    longer = TimeoutChange(timeout_minutes=60, warning_threshold_minutes=59)
    with pytest.raises(SessionExpired):
        change_timeout(own_table, "a-session", NOON_MS, longer)


def test_a_transaction_that_is_cancelled_for_another_reason_is_an_error(
    own_table: SessionsTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    cancel_by(monkeypatch, "None", "ValidationError")
    with pytest.raises(TransactionCancelled):
        change_timeout(own_table, "a-session", NOON_MS, SOONER)


def test_a_session_with_too_long_an_id_changes_without_a_marker(own_table: SessionsTable) -> None:
    """The API makes none: its timer announces it at the instant that it slept until."""
    long_id = "x" * MAX_KEY_BYTES
    put(own_table, session(long_id))
    with requests_to(own_table) as requests:
        change_timeout(own_table, long_id, NOON_MS, SOONER)
    assert requests == ["GetItem", "UpdateItem"]
    assert markers(own_table) == []


def test_no_list_shows_a_marker(own_table: SessionsTable) -> None:
    put(own_table, start_marker("a-session", NOON_MS))
    listed = list_sessions(own_table, Owner(), 10, None, NOON_MS)
    assert [each.session.session_id for each in listed.sessions] == ["a-session"]
    assert listed.invalid == []
