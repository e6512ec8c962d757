"""Whatever DynamoDB does, a request is answered in time, and a second before Lambda stops it."""

import time
from collections.abc import Callable

import pytest

from local.gateway import LambdaContext
from storage.table import ATTEMPT_SECONDS, READ_TIMEOUT_SECONDS, SessionsTable
from tests.support.api_events import SESSIONS, Answered, api_event, renewal_event
from tests.support.contract import answered
from tests.support.faulty_dynamodb import (
    Fault,
    FaultyDynamoDB,
    ProxiedRequest,
    error_body,
    pass_on,
    stall,
)
from tests.support.functions import renew_function, sessions_function
from tests.support.sessions import NOON_MS, USER_ID
from tests.support.tables import item_with

LAMBDA_SECONDS = 4.0
ONE = f"{SESSIONS}/{{sessionId}}"


def demand_a_pause(request: ProxiedRequest) -> None:
    """Throttle, and demand five seconds of quiet."""
    body = error_body("com.amazonaws.dynamodb.v20120810#ThrottlingException")
    request.reply(400, body, headers={"x-amz-retry-after": "5000"})


def drip(request: ProxiedRequest) -> None:
    """Send a reply a byte at a time, each before the client's patience is over."""
    request.send_response(200)
    request.send_header("Content-Length", "1000")
    request.end_headers()
    while not request.server.back.wait(READ_TIMEOUT_SECONDS / 4):
        request.wfile.write(b" ")
        request.wfile.flush()
    request.close_connection = True


def drip_headers(request: ProxiedRequest) -> None:
    """Send the headers a byte at a time."""
    request.wfile.write(b"HTTP/1.1 200 OK\r\nx-header: ")
    while not request.server.back.wait(READ_TIMEOUT_SECONDS / 4):
        request.wfile.write(b"x")
        request.wfile.flush()
    request.close_connection = True


def answer_late(request: ProxiedRequest) -> None:
    """Carry the request out, and answer when nobody waits any more."""
    answer = request.forward()
    request.server.back.wait(READ_TIMEOUT_SECONDS + 0.3)
    request.reply(answer.status, answer.data, answer.headers["x-amzn-RequestId"])


FAULTS = [demand_a_pause, drip, drip_headers, answer_late, stall]


@pytest.fixture
def table(table_behind_faults: SessionsTable) -> SessionsTable:
    """In this module, every table is behind the proxy."""
    return table_behind_faults


def renew(table: SessionsTable) -> Answered:
    function = renew_function(table, lambda: NOON_MS)
    event = renewal_event(headers={"idempotency-key": "key-1"})
    return answered(function(event, LambdaContext("invocation", LAMBDA_SECONDS)))


def change_timeout(table: SessionsTable) -> Answered:
    function = sessions_function(table, lambda: NOON_MS)
    event = api_event("PATCH", f"{ONE}/timeout", session_id="a-session", body={"timeoutMinutes": 9})
    return Answered(function(event, LambdaContext("invocation", LAMBDA_SECONDS)))


def list_page(table: SessionsTable) -> Answered:
    function = sessions_function(table, lambda: NOON_MS)
    event = api_event("GET", query={"userId": USER_ID})
    return Answered(function(event, LambdaContext("invocation", LAMBDA_SECONDS)))


@pytest.mark.parametrize("fault", FAULTS)
def test_a_renewal_is_answered_a_second_before_lambda_stops_it(
    table: SessionsTable,
    table_on_dynamodb_local: SessionsTable,
    dynamodb: FaultyDynamoDB,
    fault: Fault,
) -> None:
    dynamodb.faults = [fault]
    started = time.monotonic()
    answer = renew(table)
    assert time.monotonic() - started < LAMBDA_SECONDS - 0.9
    assert (answer.status, answer.code) == (503, "SERVICE_UNAVAILABLE")
    dynamodb.faults = [pass_on]
    assert renew(table).body["renewalCount"] == 1
    assert item_with(table_on_dynamodb_local, "a-session")["renewalCount"] == {"N": "1"}


@pytest.mark.parametrize("call", [change_timeout, list_page])
@pytest.mark.parametrize("fault", [drip, stall])
def test_the_second_request_of_a_call_has_what_time_is_left(
    table: SessionsTable,
    dynamodb: FaultyDynamoDB,
    call: Callable[[SessionsTable], Answered],
    fault: Fault,
) -> None:
    dynamodb.faults = [pass_on, fault]
    started = time.monotonic()
    assert call(table).status == 503
    assert time.monotonic() - started < LAMBDA_SECONDS - 0.9


def test_a_pause_that_does_not_fit_is_answered_at_once(
    table: SessionsTable, dynamodb: FaultyDynamoDB
) -> None:
    """After one pause there is no time for another, and an attempt of two seconds."""
    renew(table)  # a connection is made, which may take long on a busy machine
    made = dynamodb.requests
    dynamodb.faults = [demand_a_pause]
    started = time.monotonic()
    assert renew(table).status == 503
    assert time.monotonic() - started < ATTEMPT_SECONDS
    assert dynamodb.requests - made == 2


def test_a_reply_that_drips_is_cut_off_and_the_renewal_tried_again(
    table: SessionsTable, dynamodb: FaultyDynamoDB
) -> None:
    """An attempt takes two seconds at most; the next one is another connection's."""
    dynamodb.faults = [drip, pass_on]
    function = renew_function(table, lambda: NOON_MS)
    answer = answered(function(renewal_event(), LambdaContext("invocation", 10)))
    assert (answer.status, answer.body["renewalCount"], dynamodb.requests) == (200, 1, 2)
