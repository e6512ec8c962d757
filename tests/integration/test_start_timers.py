"""The command that starts timers: each session gets one, and none is harmed by another run."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from domain.session import Session
from recovery import __main__ as commands
from recovery.__main__ import main
from storage.attribute_values import Item
from storage.item import item_of
from storage.keys import START_MARKER_PREFIX
from storage.start_marker import started_session_id
from storage.table import SessionsTable
from storage.timer_update import PUBLISHED, claim
from tests.support.items import without
from tests.support.sessions import NOON_MS, session
from tests.support.tables import RETENTION_SECONDS, create_table, item_with, put


@pytest.fixture
def table(table_on_dynamodb_local: SessionsTable, monkeypatch: pytest.MonkeyPatch) -> SessionsTable:
    """A table of its own, through the client that the command makes.

    Not in moto, which is not atomic between the threads in which the command writes.
    """
    client = table_on_dynamodb_local.client
    monkeypatch.setattr(commands, "_client", lambda *_: client)
    return create_table(client)


def start(table: SessionsTable, *options: str) -> int:
    return main(["start-timers", "--table", table.name, *options])


def with_timer(stored: Session, timer: str) -> Item:
    return {**item_of(stored, RETENTION_SECONDS), "timer": {"S": timer}}


def started(table: SessionsTable) -> list[str]:
    """Whose timers the start markers in the table start."""
    return sorted(started_session_id(key) for key in keys(table) if is_marker(key))


def is_marker(key: str) -> bool:
    return key.startswith(START_MARKER_PREFIX)


def keys(table: SessionsTable) -> Iterator[str]:
    for item in table.client.scan(TableName=table.name)["Items"]:
        yield str(item["sessionId"]["S"])


def test_each_session_gets_a_new_timer(table: SessionsTable) -> None:
    put(table, session("without"))
    put(table, with_timer(session("with"), "a stale token"))
    put(table, session("expired", expires=-5))
    assert start(table, "--apply") == 0
    assert started(table) == ["expired", "with", "without"]
    assert item_with(table, "with") == item_of(session("with"), RETENTION_SECONDS)
    assert claim(table, "with", "a stale token", delivered_before=False) is None
    assert claim(table, "with", None, delivered_before=False) is not None


def test_a_published_expiry_is_left_alone(table: SessionsTable) -> None:
    over = with_timer(replace(session(expires=0), announced_at_ms=NOON_MS), PUBLISHED)
    put(table, over)
    assert start(table, "--apply") == 0
    assert started(table) == []
    assert item_with(table, "a-session") == over


def test_a_dry_run_starts_none(table: SessionsTable, capsys: pytest.CaptureFixture[str]) -> None:
    put(table, with_timer(session(), "a token"))
    assert start(table) == 0
    assert list(keys(table)) == ["a-session"]
    assert capsys.readouterr().out.splitlines()[0] == "1 sessions: started"


def test_another_run_starts_them_again_and_the_last_one_counts(table: SessionsTable) -> None:
    put(table, session())
    start(table, "--apply")
    first = claim(table, "a-session", None, delivered_before=False)
    assert first is not None
    start(table, "--apply")
    assert claim(table, "a-session", first.token, delivered_before=False) is None
    assert claim(table, "a-session", None, delivered_before=False) is not None


def test_what_is_no_session_stays_as_it_is(
    table: SessionsTable, capsys: pytest.CaptureFixture[str]
) -> None:
    put(table, without("metadata"))
    put(table, {**item_of(session(), 0), "sessionId": {"S": "x" * 2048}})
    assert start(table, "--apply") == 0
    assert started(table) == []
    assert set(capsys.readouterr().out.splitlines()) == {
        "1 sessions: no session: see verify-table",
        "1 sessions: its ID is too long",
    }
