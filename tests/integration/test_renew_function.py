"""RenewFunction: an event of API Gateway in, an answer of the contract out."""

import json
import uuid
from dataclasses import replace
from typing import Any

import pytest
from botocore.client import BaseClient
from botocore.errorfactory import ClientExceptionsFactory
from hypothesis import given
from hypothesis import strategies as st

from domain.session import Session
from storage.item import item_of
from storage.table import SessionsTable
from tests.support.api_events import LAMBDA_CONTEXT, Answered, renewal_event
from tests.support.contract import answered
from tests.support.functions import renew_function
from tests.support.sessions import NOON_MS, minutes, remembering, session
from tests.support.tables import item_with, put, requests_to

NEAR_MAXIMUM = session(created=-710, active=-20, expires=5)


def renew(table: SessionsTable, event: Any, now_ms: int = NOON_MS) -> Answered:
    return answered(renew_function(table, lambda: now_ms)(event, LAMBDA_CONTEXT))


def test_a_renewed_session_is_answered_with_all_eleven_fields(table: SessionsTable) -> None:
    put(table, session(renewal_count=3))
    answer = renew(table, renewal_event())
    assert answer.status == 200
    assert answer.body == {
        "sessionId": "a-session",
        "agentId": "7b0f7a5e-53c7-4d0f-9a43-1f6a3c0d9f11",
        "userId": "f3d0b8f2-8f8e-4a43-9a5b-6a2f3c1e7d22",
        "createdAt": "2100-01-01T11:50:00.000Z",
        "lastActivity": "2100-01-01T12:00:00.000Z",
        "expiresAt": "2100-01-01T12:30:00.000Z",
        "metadata": {"channel": "web"},
        "timeoutConfig": {
            "timeoutMinutes": 30,
            "autoRenew": True,
            "maxDurationMinutes": 720,
            "warningThresholdMinutes": 5,
        },
        "renewalCount": 4,
        "timeRemaining": 30 * 60 * 1000,
        "isNearExpiration": False,
    }


def test_the_last_renewal_is_answered_with_the_maximum(table: SessionsTable) -> None:
    put(table, NEAR_MAXIMUM)
    answer = renew(table, renewal_event())
    assert answer.status == 200
    assert answer.body["timeRemaining"] == minutes(10)


def test_a_renewal_may_leave_a_session_near_its_expiration(table: SessionsTable) -> None:
    put(table, session(created=-716, active=-20, expires=3))
    answer = renew(table, renewal_event())
    assert answer.body["timeRemaining"] == minutes(4)
    assert answer.body["isNearExpiration"] is True


def test_an_unknown_session_is_404(table: SessionsTable) -> None:
    answer = renew(table, renewal_event("nobody's"))
    assert (answer.status, answer.code) == (404, "SESSION_NOT_FOUND")


def test_an_expired_session_is_410_and_says_since_when(table: SessionsTable) -> None:
    put(table, session(expires=-1))
    answer = renew(table, renewal_event())
    assert (answer.status, answer.code) == (410, "SESSION_EXPIRED")
    assert "2100-01-01T11:59:00.000Z" in answer.body["error"]["details"]


def test_a_session_at_its_maximum_is_422_and_says_until_when(table: SessionsTable) -> None:
    put(table, session(created=-710, expires=10))
    answer = renew(table, renewal_event())
    assert (answer.status, answer.code) == (422, "SESSION_RENEWAL_FAILED")
    assert "2100-01-01T12:10:00.000Z" in answer.body["error"]["details"]


def test_a_refusal_is_told_by_its_code_and_not_by_the_clients_class(
    table: SessionsTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Threads that are the first to ask a client for its classes each get classes of their own."""
    model = table.client.meta.service_model
    own = property(lambda _: ClientExceptionsFactory().create_client_exceptions(model))
    monkeypatch.setattr(BaseClient, "exceptions", own)
    put(table, session(expires=-1))
    assert renew(table, renewal_event()).status == 410


def test_an_item_that_is_not_a_session_is_500_and_its_defect_stays_inside(
    table: SessionsTable, capsys: pytest.CaptureFixture[str]
) -> None:
    put(table, {"sessionId": {"S": "a-session"}, "secret": {"S": "hush"}})
    answer = renew(table, renewal_event())
    assert (answer.status, answer.code) == (500, "INTERNAL_SERVER_ERROR")
    assert "agentId" not in json.dumps(answer.response)
    log = capsys.readouterr().out
    assert "agentId is missing" in log
    assert "hush" not in log


@pytest.mark.parametrize("session_id", ["", "x" * 2049, "x" * 10_000, "\ud800"])
def test_an_id_that_no_session_can_have_is_404_without_a_look(
    table: SessionsTable, session_id: str
) -> None:
    with requests_to(table) as writes:
        answer = renew(table, renewal_event(session_id))
    assert (answer.status, answer.code) == (404, "SESSION_NOT_FOUND")
    assert writes == []


@pytest.mark.parametrize("body", [None, "", "{", '{"timeoutMinutes": 1}', "\x00" * 1000, 7, {}])
def test_a_request_body_is_ignored(table: SessionsTable, body: object) -> None:
    put(table, session())
    assert renew(table, renewal_event(body=body)).body["renewalCount"] == 1


def test_a_retry_with_the_same_idempotency_key_counts_once(table: SessionsTable) -> None:
    put(table, session())
    for request_id, header in [("request-1", "idempotency-key"), ("request-2", "Idempotency-Key")]:
        event = renewal_event(request_id=request_id, headers={header: "key-1"})
        answer = renew(table, event)
        assert (answer.status, answer.body["renewalCount"]) == (200, 1)


def test_a_replay_shows_the_time_that_is_left_now(table: SessionsTable) -> None:
    put(table, session())
    renew(table, renewal_event())
    answer = renew(table, renewal_event(), NOON_MS + minutes(1))
    assert answer.body["timeRemaining"] == minutes(29)


@pytest.mark.parametrize("key", [None, ""])
def test_without_a_key_each_request_is_a_renewal_of_its_own(
    table: SessionsTable, key: str | None
) -> None:
    put(table, session())
    headers = {} if key is None else {"idempotency-key": key}
    for number in (1, 2):
        event = renewal_event(request_id=f"request-{number}", headers=headers)
        assert renew(table, event).body["renewalCount"] == number


@pytest.mark.parametrize("key", ["k" * 65, "k" * 8192, "clé", "\ud800", "😀" * 64])
def test_a_long_or_odd_key_works_like_any_other_and_is_stored_small(
    table: SessionsTable, key: str
) -> None:
    put(table, session())
    for request_id in ("request-1", "request-2"):
        event = renewal_event(request_id=request_id, headers={"idempotency-key": key})
        assert renew(table, event).body["renewalCount"] == 1
    assert len(item_with(table, "a-session")["lastRenewalId"]["S"]) == 64
    other = renewal_event(request_id="request-3", headers={"idempotency-key": key + "x"})
    assert renew(table, other).body["renewalCount"] == 2


@pytest.mark.parametrize(
    "metadata",
    ["{}", '{"a":1.0,"b":1E400,"c":12345678901234567890123,"d":null}', '{"é":"\\ud800 😀"}'],
)
def test_metadata_comes_back_as_it_was_stored(table: SessionsTable, metadata: str) -> None:
    put(table, session(metadata_json=metadata))
    response = renew_function(table, lambda: NOON_MS)(renewal_event(), LAMBDA_CONTEXT)
    assert response["body"].endswith(f'"metadata": {metadata}}}')


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "HEAD", "ANY"])
def test_another_method_is_405_and_names_the_right_one(table: SessionsTable, method: str) -> None:
    event = renewal_event(routeKey=f"{method} /api/messaging/sessions/{{sessionId}}/renew")
    answer = renew(table, event)
    assert (answer.status, answer.code) == (405, "METHOD_NOT_ALLOWED")
    assert answer.headers["Allow"] == "POST"


@pytest.mark.parametrize("route_key", ["ANY /api/messaging/sessions/{sessionId}/renew", "$default"])
def test_a_preflight_succeeds_for_api_gateway_to_complete(
    table: SessionsTable, route_key: str
) -> None:
    """API Gateway passes preflights to these routes, and adds the CORS headers to a success."""
    event = renewal_event(routeKey=route_key)
    event["requestContext"]["http"]["method"] = "OPTIONS"
    response = renew_function(table, lambda: NOON_MS)(event, LAMBDA_CONTEXT)
    assert (response["statusCode"], response["body"]) == (204, "")


def test_another_path_is_404(table: SessionsTable) -> None:
    answer = renew(table, renewal_event(routeKey="$default"))
    assert (answer.status, answer.code) == (404, "ROUTE_NOT_FOUND")


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
broken_events = anything | st.builds(
    lambda fields: renewal_event() | fields,
    st.dictionaries(st.sampled_from(sorted(renewal_event())), anything, min_size=1),
)


@given(event=broken_events)
def test_no_event_however_broken_is_answered_with_a_5xx(
    table_on_moto: SessionsTable, event: Any
) -> None:
    put(table_on_moto, session())
    assert renew(table_on_moto, event).status < 500


@given(session_id=st.text(st.characters(codec=None)))
def test_no_id_however_odd_is_answered_with_a_5xx(
    table_on_dynamodb_local: SessionsTable, session_id: str
) -> None:
    assert renew(table_on_dynamodb_local, renewal_event(session_id)).status == 404


SECRET = "4111-1111"  # noqa: S105 - stands for what must not be logged
LOGGED = {
    # the session, the outcome, the metric, the requests to DynamoDB
    "renewed": (session(), "renewed", "Renewals", 1),
    "renewed to the maximum": (session(created=-710, expires=5), "renewed", "Renewals", 2),
    "replayed": (session(**remembering("request-1")), "replayed", "Replays", 1),
    "expired": (session(expires=-1), "SESSION_EXPIRED", "Refusals", 1),
    "at the maximum": (
        session(created=-710, expires=10),
        "SESSION_RENEWAL_FAILED",
        "Refusals",
        1,
    ),
    "unknown": (session("another"), "SESSION_NOT_FOUND", "Refusals", 1),
}


@pytest.mark.parametrize(
    ("stored", "outcome", "metric", "database_requests"), LOGGED.values(), ids=LOGGED
)
def test_a_request_is_one_line_with_its_facts_and_no_secret(  # noqa: PLR0913, PLR0917 - pytest's way
    table: SessionsTable,
    capsys: pytest.CaptureFixture[str],
    stored: Session,
    outcome: str,
    metric: str,
    database_requests: int,
) -> None:
    table.client.delete_item(TableName=table.name, Key={"sessionId": {"S": "a-session"}})
    put(table, replace(stored, metadata_json=f'{{"card":"{SECRET}"}}'))
    renew(table, renewal_event(headers={"authorization": SECRET}, body=SECRET))
    out = capsys.readouterr().out
    (line,) = map(json.loads, out.splitlines())
    assert line["outcome"] == outcome
    assert line["session_id"] == "a-session"
    assert line["correlation_id"] == "request-1"
    assert line["database_requests"] == database_requests
    assert 0 < line["milliseconds"] < 60_000
    assert line[metric] == [1.0]
    assert line.get("reason") == (outcome if outcome.isupper() else None)
    assert SECRET not in out
    assert "user-agent" not in out


def test_an_item_that_is_no_session_is_logged_with_its_cause(
    table: SessionsTable, capsys: pytest.CaptureFixture[str]
) -> None:
    item = dict(item_of(session(metadata_json=f'{{"card":"{SECRET}"}}'), 0))
    del item["agentId"]
    put(table, item)
    renew(table, renewal_event(headers={"authorization": SECRET}, body=SECRET))
    out = capsys.readouterr().out
    failure, counted = map(json.loads, out.splitlines())
    assert (failure["level"], failure["outcome"]) == ("ERROR", "INTERNAL_SERVER_ERROR")
    assert "agentId is missing" in failure["exception"]
    for line in (failure, counted):
        assert (line["session_id"], line["correlation_id"]) == ("a-session", "request-1")
    assert (counted["InternalErrors"], counted["outcome"]) == ([1.0], "INTERNAL_SERVER_ERROR")
    assert SECRET not in out


def test_a_renewal_writes_at_most_450_bytes_of_log(
    table: SessionsTable, capsys: pytest.CaptureFixture[str]
) -> None:
    """With IDs as long as API Gateway's and those of sessions that the API creates."""
    function = renew_function(table, lambda: NOON_MS)
    for number in range(2):  # the first is the cold start
        session_id = str(uuid.UUID(int=number))
        put(table, session(session_id))
        capsys.readouterr()
        event = renewal_event(session_id, request_id="JKJaXmPLvHcESHA=")
        assert Answered(function(event, LAMBDA_CONTEXT)).status == 200
        assert len(capsys.readouterr().out) <= 450


def test_only_the_first_request_of_an_instance_says_cold_start(
    table: SessionsTable, capsys: pytest.CaptureFixture[str]
) -> None:
    put(table, session())
    function = renew_function(table, lambda: NOON_MS)
    for _ in range(3):
        function(renewal_event(), LAMBDA_CONTEXT)
    lines = map(json.loads, capsys.readouterr().out.splitlines())
    assert [line.get("cold_start") for line in lines] == [True, None, None]


@pytest.mark.parametrize(
    "session_id", ["\n\x1b[31m" * 999, "\ud800"], ids=["control-characters", "lone-surrogate"]
)
def test_an_odd_id_is_logged_on_one_line_and_cut(
    table: SessionsTable, capsys: pytest.CaptureFixture[str], session_id: str
) -> None:
    renew(table, renewal_event(session_id))
    (line,) = map(json.loads, capsys.readouterr().out.splitlines())
    assert line["session_id"] == session_id[:256].encode("utf-8", "backslashreplace").decode()


def test_without_api_gateways_request_id_a_renewal_goes_by_lambdas(table: SessionsTable) -> None:
    put(table, session())
    renew(table, renewal_event(requestContext={}))
    assert item_with(table, "a-session")["lastRenewalId"] == {"S": "lambda-request"}
