"""The command that verifies a table, on small tables. test_recovery_at_scale.py has a large one."""

import pytest

from recovery.__main__ import main
from recovery.pace import Pace
from storage.start_marker import start_marker
from storage.table import SessionsTable
from tests.support.items import having
from tests.support.sessions import NOON_MS, session
from tests.support.tables import create_table, put

CUT_OFF = '{"token":"c2VjcmV0"'
"""Metadata that lacks its end, and must not be printed."""


@pytest.fixture
def table(table_on_moto: SessionsTable) -> SessionsTable:
    """A table of its own, with one session."""
    table = create_table(table_on_moto.client)
    put(table, session())
    return table


def test_a_sound_table_is_found_sound(
    table: SessionsTable, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify-table", "--table", table.name]) == 0
    assert capsys.readouterr().out == "1 sessions and 0 idempotency records: 0 have a defect\n"


def test_a_defect_is_printed_with_its_id_and_no_value(
    table: SessionsTable, capsys: pytest.CaptureFixture[str]
) -> None:
    put(table, {**having("metadata", {"S": CUT_OFF}), "sessionId": {"S": 'of "two"\nlines'}})
    assert main(["verify-table", "--table", table.name]) == 1
    assert capsys.readouterr().out.splitlines() == [
        r'"of \"two\"\nlines": metadata is not the text of a JSON object',
        "2 sessions and 0 idempotency records: 1 have a defect",
    ]


def test_a_start_marker_is_neither_a_session_nor_a_record(
    table: SessionsTable, capsys: pytest.CaptureFixture[str]
) -> None:
    put(table, start_marker("a-session", NOON_MS))
    assert main(["verify-table", "--table", table.name]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "1 start markers of timers, which are neither",
        "1 sessions and 0 idempotency records: 0 have a defect",
    ]


def test_a_note_is_no_defect(table: SessionsTable, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify-table", "--table", table.name, "--retention-hours=48"]) == 0
    assert capsys.readouterr().out.splitlines()[0] == (
        "note, for 1 items: ttl has a retention of 24 h"
    )


def test_a_table_that_is_not_there_is_an_error_that_says_so(
    table_on_moto: SessionsTable,  # noqa: ARG001 - not AWS
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["verify-table", "--table", "no-such-table"]) == 2
    assert "ResourceNotFoundException" in capsys.readouterr().err


def test_reading_keeps_to_its_pace() -> None:
    """Ten units at five a second take two seconds. What was late is not made up for."""
    now = [100.0]
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        now[0] += seconds

    pace = Pace(5, clock_seconds=lambda: now[0], sleep=sleep)
    pace.spend(10)
    now[0] += 60
    pace.spend(5)
    assert slept == [2, 1]
