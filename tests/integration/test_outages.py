"""DynamoDB slow, failing, throttling or unreachable: a clean 503, and right counts afterwards."""

import json
import socket
import time
import uuid
from typing import Any

import pytest

from domain.session import Owner
from local.gateway import LambdaContext
from runtime.retries import MAX_ATTEMPTS
from storage.renewal_update import renew_session
from storage.session_listing import list_sessions
from storage.table import SessionsTable, dynamodb_client
from tests.support.api_events import SESSIONS, Answered, api_event, renewal_event
from tests.support.contract import answered, assert_schema
from tests.support.faulty_dynamodb import (
    Fault,
    FaultyDynamoDB,
    cut_the_reply_short,
    deny,
    end_within_a_character,
    fail,
    fail_in_html,
    hang_up,
    lose_the_reply,
    pass_on,
    refuse_with,
    stall,
    succeed_in_html,
)
from tests.support.functions import renew_function, sessions_function
from tests.support.sessions import AGENT_ID, NOON_MS, USER_ID, session
from tests.support.tables import item_with, put

FAULTS = [
    cut_the_reply_short,
    fail,
    fail_in_html,
    hang_up,
    lose_the_reply,
    stall,
    refuse_with("ProvisionedThroughputExceededException"),
]


@pytest.fixture
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the pauses between attempts pass at once."""
    monkeypatch.setattr(time, "sleep", lambda _: None)


@pytest.fixture
def table(table_behind_faults: SessionsTable) -> SessionsTable:
    """In this module, every table is behind the proxy."""
    return table_behind_faults


def renew(table: SessionsTable, key: str = "key-1") -> Answered:
    event = renewal_event(headers={"idempotency-key": key})
    context = LambdaContext("request-1", 10)
    return answered(renew_function(table, lambda: NOON_MS)(event, context))


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.usefixtures("no_waiting")
def test_an_outage_is_a_503_that_says_when_to_retry(
    table: SessionsTable, dynamodb: FaultyDynamoDB, fault: Fault, capsys: pytest.CaptureFixture[str]
) -> None:
    dynamodb.faults = [fault]
    answer = renew(table)
    assert (answer.status, answer.code) == (503, "SERVICE_UNAVAILABLE")
    assert answer.headers["Retry-After"] in {"1", "2", "3"}
    assert "secret-table-name" not in json.dumps(answer.response)
    assert dynamodb.requests == MAX_ATTEMPTS
    line, metric = map(json.loads, capsys.readouterr().out.splitlines())
    assert line["level"] == "ERROR"
    assert line["cause"]
    assert "exception" not in line  # an outage has many requests: a line for each is enough
    assert metric["StorageFaults"] == [1.0]
    assert metric["database_requests"] == MAX_ATTEMPTS


@pytest.mark.usefixtures("no_waiting")
def test_clients_refused_together_are_sent_away_for_different_times(
    table: SessionsTable, dynamodb: FaultyDynamoDB
) -> None:
    dynamodb.faults = [fail]
    assert len({renew(table).headers["Retry-After"] for _ in range(40)}) == 3


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.usefixtures("no_waiting")
def test_the_retry_after_an_outage_counts_the_renewal_once(
    table: SessionsTable,
    table_on_dynamodb_local: SessionsTable,
    dynamodb: FaultyDynamoDB,
    fault: Fault,
) -> None:
    dynamodb.faults = [fault]
    assert renew(table).status == 503
    dynamodb.faults = [pass_on]
    answer = renew(table)
    assert (answer.status, answer.body["renewalCount"]) == (200, 1)
    assert item_with(table_on_dynamodb_local, "a-session")["renewalCount"] == {"N": "1"}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.usefixtures("no_waiting")
def test_a_passing_fault_is_not_seen_by_the_client(
    table: SessionsTable, dynamodb: FaultyDynamoDB, fault: Fault
) -> None:
    """The retry carries the same renewal ID: a write applied twice counts once."""
    dynamodb.faults = [fault, pass_on]
    answer = renew(table)
    assert (answer.status, answer.body["renewalCount"]) == (200, 1)


ONE = f"{SESSIONS}/{{sessionId}}"
BODY = {"agentId": AGENT_ID, "userId": USER_ID}
CALLS: dict[str, dict[str, Any]] = {
    "create": {"method": "POST", "path": SESSIONS, "body": BODY},
    "create with a key": {"method": "POST", "path": SESSIONS, "body": BODY, "key": "outage"},
    "list": {"method": "GET", "path": SESSIONS, "query": {"userId": USER_ID}},
    "list everyone": {"method": "GET", "path": SESSIONS},
    "health": {"method": "GET", "path": f"{SESSIONS}/health"},
    "read": {"method": "GET", "path": ONE, "session_id": "a-session"},
    "delete": {"method": "DELETE", "path": ONE, "session_id": "a-session"},
    "heartbeat": {"method": "POST", "path": f"{ONE}/heartbeat", "session_id": "a-session"},
    "timeout": {
        "method": "PATCH",
        "path": f"{ONE}/timeout",
        "session_id": "a-session",
        "body": {"timeoutMinutes": 20},
    },
}


CREATED = {"create": 201, "create with a key": 201}


def call(table: SessionsTable, request: dict[str, Any], seconds: float = 10) -> Answered:
    handler = sessions_function(table, lambda: NOON_MS)
    return Answered(handler(api_event(**request), LambdaContext("request-1", seconds)))


@pytest.mark.parametrize(
    "fault", [fail, hang_up, lose_the_reply, cut_the_reply_short, succeed_in_html]
)
@pytest.mark.parametrize("name", CALLS)
@pytest.mark.usefixtures("no_waiting")
def test_an_outage_is_a_503_of_every_call_and_the_retry_is_right(
    table: SessionsTable, dynamodb: FaultyDynamoDB, name: str, fault: Fault
) -> None:
    dynamodb.faults = [fault]
    answer = call(table, CALLS[name])
    assert (answer.status, answer.code) == (503, "SERVICE_UNAVAILABLE")
    assert answer.headers["Retry-After"] in {"1", "2", "3"}
    assert_schema("Unhealthy" if name == "health" else "Error", answer.body)
    assert "secret-table-name" not in json.dumps(answer.response)
    dynamodb.faults = [pass_on]
    again = call(table, CALLS[name])
    # A deletion whose reply was lost has been made.
    lost = fault in {cut_the_reply_short, lose_the_reply}
    assert again.status == (404 if lost and name == "delete" else CREATED.get(name, 200))


@pytest.mark.parametrize("fault", [lose_the_reply, cut_the_reply_short])
@pytest.mark.parametrize("name", ["create", "create with a key"])
@pytest.mark.usefixtures("no_waiting")
def test_a_creation_whose_reply_is_lost_makes_one_session(
    table: SessionsTable,
    table_on_dynamodb_local: SessionsTable,
    dynamodb: FaultyDynamoDB,
    name: str,
    fault: Fault,
) -> None:
    """The retry finds the session that the first attempt made, and that is the answer."""
    user_id = str(uuid.uuid4())
    dynamodb.faults = [fault, pass_on]
    answer = call(table, {**CALLS[name], "body": {**BODY, "userId": user_id}})
    assert answer.status == 201
    found = list_sessions(table_on_dynamodb_local, Owner(user_id), 10, None, NOON_MS).sessions
    assert [each.session.session_id for each in found] == [answer.body["sessionId"]]


@pytest.mark.usefixtures("no_waiting")
def test_a_creation_that_is_repeated_leaves_alone_what_was_done_since(
    table: SessionsTable, table_on_dynamodb_local: SessionsTable, dynamodb: FaultyDynamoDB
) -> None:
    user_id = str(uuid.uuid4())

    def be_renewed_and_lose_the_reply(request: Any) -> None:
        request.forward()
        (made,) = list_sessions(table_on_dynamodb_local, Owner(user_id), 10, None, NOON_MS).sessions
        renew_session(table_on_dynamodb_local, made.session.session_id, NOON_MS, "another's")
        request.close_connection = True

    dynamodb.faults = [be_renewed_and_lose_the_reply, pass_on]
    answer = call(table, {**CALLS["create"], "body": {**BODY, "userId": user_id}})
    assert answer.status == 201
    item = item_with(table_on_dynamodb_local, answer.body["sessionId"])
    assert item["renewalCount"] == {"N": "1"}


@pytest.mark.usefixtures("no_waiting")
def test_a_heartbeat_whose_reply_is_lost_counts_once(
    table: SessionsTable, dynamodb: FaultyDynamoDB
) -> None:
    dynamodb.faults = [lose_the_reply, pass_on]
    assert call(table, CALLS["heartbeat"]).body["renewalCount"] == 1


@pytest.mark.usefixtures("no_waiting")
def test_a_deletion_whose_reply_is_lost_is_404_since_it_was_made(
    table: SessionsTable, table_on_dynamodb_local: SessionsTable, dynamodb: FaultyDynamoDB
) -> None:
    """The retry cannot tell who deleted it."""
    dynamodb.faults = [lose_the_reply, pass_on]
    assert call(table, CALLS["delete"]).status == 404
    assert item_with(table_on_dynamodb_local, "a-session") == {}


@pytest.mark.usefixtures("no_waiting")
def test_a_timeout_change_whose_reply_is_lost_is_made_once(
    table: SessionsTable, dynamodb: FaultyDynamoDB
) -> None:
    dynamodb.faults = [pass_on, lose_the_reply, pass_on]
    answer = call(table, CALLS["timeout"])
    assert (answer.status, answer.body["expiresAt"]) == (200, "2100-01-01T12:10:00.000Z")
    dynamodb.faults = [pass_on, lose_the_reply, pass_on]
    answer = call(table, {**CALLS["timeout"], "body": {"timeoutMinutes": 5}})
    assert (answer.status, answer.body["timeRemaining"]) == (200, -300_000)


def test_health_without_a_table_is_503_and_unhealthy(table: SessionsTable) -> None:
    gone = SessionsTable(table.client, "no-such-table", table.retention_seconds)
    answer = call(gone, CALLS["health"])
    assert answer.status == 503
    assert_schema("Unhealthy", answer.body)


def cancel(*codes: str) -> Fault:
    """A transaction that is cancelled for these reasons, one an item."""

    def fault(request: Any) -> None:
        reasons = [{"Code": code} for code in codes]
        kind = "com.amazonaws.dynamodb.v20120810#TransactionCanceledException"
        request.reply(400, json.dumps({"__type": kind, "CancellationReasons": reasons}).encode())

    return fault


def test_a_creation_that_meets_another_with_its_key_is_retried(
    table: SessionsTable, dynamodb: FaultyDynamoDB
) -> None:
    conflict = cancel("TransactionConflict", "None")
    request = {**CALLS["create with a key"], "key": "conflict"}
    dynamodb.faults = [conflict, conflict, pass_on]
    assert call(table, request).status == 201
    assert dynamodb.requests == 3


def test_a_creation_that_always_meets_another_is_503_at_its_deadline(
    table: SessionsTable, dynamodb: FaultyDynamoDB
) -> None:
    dynamodb.faults = [cancel("TransactionConflict", "None")]
    started = time.monotonic()
    assert call(table, CALLS["create with a key"], seconds=3).status == 503
    assert time.monotonic() - started < 3


def test_a_transaction_that_is_refused_for_good_is_500(
    table: SessionsTable, dynamodb: FaultyDynamoDB
) -> None:
    dynamodb.faults = [cancel("ValidationError", "None")]
    assert call(table, CALLS["create with a key"]).status == 500


@pytest.mark.usefixtures("no_waiting")
def test_the_last_renewals_lost_reply_is_not_taken_for_the_maximum(
    table: SessionsTable, table_on_dynamodb_local: SessionsTable, dynamodb: FaultyDynamoDB
) -> None:
    put(table_on_dynamodb_local, session(created=-710, active=-20, expires=5))
    dynamodb.faults = [pass_on, lose_the_reply, pass_on]
    answer = renew(table)
    assert (answer.status, answer.body["renewalCount"]) == (200, 1)


@pytest.mark.usefixtures("no_waiting")
def test_nobody_listening_is_a_503(table: SessionsTable, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        nobody = server.getsockname()[1]
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", f"http://127.0.0.1:{nobody}")
    unreachable = SessionsTable(dynamodb_client(), table.name, table.retention_seconds)
    assert renew(unreachable).status == 503


@pytest.mark.parametrize(
    "code",
    [
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "ReplicatedWriteConflictException",
        "RequestLimitExceeded",
        "ThrottlingException",
        "TransactionConflictException",
        "TransactionInProgressException",
    ],
)
@pytest.mark.usefixtures("no_waiting")
def test_an_error_about_load_is_a_503_whatever_its_name(
    table: SessionsTable, dynamodb: FaultyDynamoDB, code: str
) -> None:
    dynamodb.faults = [refuse_with(code)]
    assert renew(table).status == 503


def test_an_answer_that_is_none_of_dynamodbs_is_a_503(
    table: SessionsTable, dynamodb: FaultyDynamoDB
) -> None:
    dynamodb.faults = [succeed_in_html]
    assert renew(table).status == 503


def test_a_reply_that_ends_within_a_character_is_a_503(
    table: SessionsTable, dynamodb: FaultyDynamoDB
) -> None:
    dynamodb.faults = [end_within_a_character]
    assert renew(table).status == 503


def test_a_missing_permission_is_the_deployments_fault_and_500(
    table: SessionsTable, dynamodb: FaultyDynamoDB, capsys: pytest.CaptureFixture[str]
) -> None:
    """Trying again does not help the client, so it is not told to."""
    dynamodb.faults = [deny]
    answer = renew(table)
    assert (answer.status, answer.code) == (500, "INTERNAL_SERVER_ERROR")
    assert "AccessDeniedException" in capsys.readouterr().out


def test_a_missing_table_is_the_deployments_fault_and_500(table: SessionsTable) -> None:
    gone = SessionsTable(table.client, "no-such-table", table.retention_seconds)
    assert renew(gone).status == 500
