"""A function whose clock is off: told, and kept from storing what no session can be."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from api.clock_skew import EARLIEST_MS, LATEST_MS, MAX_SKEW_MS
from domain.session import MS_PER_MINUTE
from storage.table import SessionsTable
from tests.support.api_events import LAMBDA_CONTEXT, Answered, api_event, renewal_event
from tests.support.contract import answered
from tests.support.functions import renew_function, sessions_function
from tests.support.sessions import AGENT_ID, NOON_MS, USER_ID, session
from tests.support.tables import item_with, put, requests_to

DAY_MS = 24 * 60 * MS_PER_MINUTE
CREATION = {"agentId": AGENT_ID, "userId": USER_ID}


def epoch_ms_of(year: int) -> int:
    return int(datetime(year, 1, 1, tzinfo=UTC).timestamp() * 1000)


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def create(table: SessionsTable, now_ms: int) -> Answered:
    event = api_event("POST", body=CREATION)
    return Answered(sessions_function(table, lambda: now_ms)(event, LAMBDA_CONTEXT))


@pytest.mark.parametrize("skew_ms", [MAX_SKEW_MS + 1, -MAX_SKEW_MS - 1, 30 * DAY_MS])
def test_a_clock_more_than_a_minute_off_is_logged_and_counted(
    table_on_moto: SessionsTable, capsys: pytest.CaptureFixture[str], skew_ms: int
) -> None:
    assert create(table_on_moto, NOON_MS + skew_ms).status == 201
    warning, counted, *_ = lines(capsys)
    assert (warning["level"], warning["skew_ms"]) == ("WARNING", skew_ms)
    assert warning["correlation_id"] == "request-1"
    assert counted["ClockSkew"] == [1.0]


@pytest.mark.parametrize("skew_ms", [0, MAX_SKEW_MS, -MAX_SKEW_MS])
def test_a_clock_up_to_a_minute_off_is_not_remarked(
    table_on_moto: SessionsTable, capsys: pytest.CaptureFixture[str], skew_ms: int
) -> None:
    create(table_on_moto, NOON_MS + skew_ms)
    (line,) = lines(capsys)
    assert line["outcome"] == "created"


@pytest.mark.parametrize("received", [None, "now", True, 1.5])
def test_without_the_gateways_clock_there_is_nothing_to_compare(
    table_on_moto: SessionsTable, capsys: pytest.CaptureFixture[str], received: object
) -> None:
    put(table_on_moto, session())
    event = renewal_event()
    event["requestContext"]["timeEpoch"] = received
    function = renew_function(table_on_moto, lambda: NOON_MS)
    assert answered(function(event, LAMBDA_CONTEXT)).status == 200
    assert "skew_ms" not in capsys.readouterr().out


@pytest.mark.parametrize(
    "now_ms",
    [EARLIEST_MS - 1, LATEST_MS, 0, -1, epoch_ms_of(1969), epoch_ms_of(9999), 10**18],
)
def test_an_instant_outside_sane_years_is_a_503_and_reaches_no_table(
    table_on_moto: SessionsTable, capsys: pytest.CaptureFixture[str], now_ms: int
) -> None:
    """Another instance of the function may have a better clock."""
    with requests_to(table_on_moto) as requests:
        answer = create(table_on_moto, now_ms)
    assert (answer.status, answer.code) == (503, "SERVICE_UNAVAILABLE")
    assert "Retry-After" in answer.headers
    assert requests == []
    *_, error, metric = lines(capsys)
    assert (error["level"], error["now_ms"]) == ("ERROR", now_ms)
    assert metric["ClockFaults"] == [1.0]


@pytest.mark.parametrize("now_ms", [EARLIEST_MS, LATEST_MS - 1])
def test_a_session_of_any_sane_year_can_be_created_and_renewed(
    table_on_moto: SessionsTable, now_ms: int
) -> None:
    created = create(table_on_moto, now_ms)
    session_id = created.body["sessionId"]
    function = renew_function(table_on_moto, lambda: now_ms)
    assert answered(function(renewal_event(session_id), LAMBDA_CONTEXT)).status == 200


def test_a_session_by_a_clock_30_days_fast_lives_until_then(table_on_moto: SessionsTable) -> None:
    """It cannot be helped afterwards: what is stored is all that is known of its creation."""
    session_id = create(table_on_moto, NOON_MS + 30 * DAY_MS).body["sessionId"]
    renewed = renew_function(table_on_moto, lambda: NOON_MS)(
        renewal_event(session_id), LAMBDA_CONTEXT
    )
    assert Answered(renewed).status == 200
    assert int(item_with(table_on_moto, session_id)["expiresAt"]["N"]) > NOON_MS + 30 * DAY_MS
