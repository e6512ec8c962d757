"""The life of a session over HTTP: SAM CLI's API, AWS's runtime, DynamoDB Local."""

import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import urllib3

from storage.table import SessionsTable
from tests.support.contract import assert_schema
from tests.support.sessions import as_of_now, minutes, session
from tests.support.tables import item_with, put

AT_ONCE = 32


@pytest.fixture
def sessions_url(api_url: str, table: SessionsTable) -> str:
    """Where the sessions are, with a table behind it."""
    assert table.name
    return f"{api_url}/api/messaging/sessions"


def call(method: str, url: str, **sent: Any) -> tuple[int, Any]:
    """The status and the body; an error is in the contract's shape."""
    headers = sent.pop("headers", {})
    response = urllib3.request(method, url, headers=headers, timeout=60, **sent)
    assert response.headers["Cache-Control"] == "no-store"
    if response.status >= 400:
        assert_schema("Error", response.json())
    return response.status, response.json()


def body_of(user_id: str, **fields: Any) -> dict[str, Any]:
    return {"agentId": str(uuid.uuid4()), "userId": user_id, **fields}


def test_a_session_lives_from_its_creation_to_its_deletion(sessions_url: str) -> None:
    user_id = str(uuid.uuid4())
    metadata = {"a": [1.5, 10**30, None, "é😀"], "": {"deep": [[[]]]}}
    status, created = call("POST", sessions_url, json=body_of(user_id, metadata=metadata))
    assert status == 201
    assert_schema("CreatedSession", created)
    one = f"{sessions_url}/{created['sessionId']}"

    status, read = call("GET", one)
    assert_schema("SessionInfo", read)
    assert (status, read["metadata"]) == (200, metadata)

    status, renewed = call("POST", f"{one}/heartbeat", headers={"Idempotency-Key": "1"})
    assert (status, renewed["renewalCount"]) == (200, 1)

    status, page = call("GET", sessions_url, fields={"userId": user_id, "limit": "1"})
    assert_schema("SessionPage", page)
    assert [each["sessionId"] for each in page["sessions"]] == [created["sessionId"]]
    status, rest = call(
        "GET", sessions_url, fields={"userId": user_id, "limit": "1", "cursor": page["cursor"]}
    )
    assert (status, rest["sessions"]) == (200, [])
    assert call("GET", sessions_url, fields={"cursor": page["cursor"]})[0] == 400

    limits = {"timeoutMinutes": 10, "maxDurationMinutes": 10}
    status, changed = call("PATCH", f"{one}/timeout", json=limits)
    assert status == 200
    assert changed["timeRemaining"] <= minutes(10)
    assert call("POST", f"{one}/renew", headers={"Idempotency-Key": "renew"})[0] == 422

    assert call("DELETE", one) == (200, {"success": True, "message": "Session deleted"})
    assert call("GET", one)[0] == 404
    assert call("DELETE", one)[0] == 404


def test_the_functions_start_with_the_templates_defaults(sessions_url: str) -> None:
    _, created = call("POST", sessions_url, json=body_of(str(uuid.uuid4())))
    assert created["timeoutConfig"] == {
        "timeoutMinutes": 30,
        "autoRenew": True,
        "maxDurationMinutes": 720,
        "warningThresholdMinutes": 5,
    }


def test_health_is_not_a_session(sessions_url: str) -> None:
    status, health = call("GET", f"{sessions_url}/health")
    assert status == 200
    assert_schema("Health", health)


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"json": {"agentId": "a"}}, 400),
        ({"body": "{", "headers": {"Content-Type": "application/json"}}, 400),
        ({"body": "{}", "headers": {"Content-Type": "text/plain"}}, 415),
        ({"body": "x" * 70_000, "headers": {"Content-Type": "application/json"}}, 413),
    ],
    ids=["a-wrong-field", "broken-json", "not-json", "too-large"],
)
def test_a_wrong_body_is_refused(sessions_url: str, sent: dict[str, Any], status: int) -> None:
    assert call("POST", sessions_url, **sent)[0] == status


def test_deliveries_of_one_creation_at_once_make_one_session(sessions_url: str) -> None:
    body = body_of(str(uuid.uuid4()))

    def create(_: int) -> tuple[int, Any]:
        return call("POST", sessions_url, json=body, headers={"Idempotency-Key": "one"})

    with ThreadPoolExecutor(AT_ONCE) as threads:
        answers = list(threads.map(create, range(AT_ONCE)))
    assert Counter(status for status, _ in answers) == {201: AT_ONCE}
    assert len({created["sessionId"] for _, created in answers}) == 1


def test_an_expired_session_can_be_deleted_and_nothing_else(
    sessions_url: str, table: SessionsTable
) -> None:
    put(table, as_of_now(session("expired", expires=-1)))
    one = f"{sessions_url}/expired"
    assert call("GET", one)[0] == 410
    assert call("POST", f"{one}/heartbeat")[0] == 410
    assert call("PATCH", f"{one}/timeout", json={"timeoutMinutes": 60})[0] == 410
    assert call("DELETE", one)[0] == 200
    assert item_with(table, "expired") == {}
