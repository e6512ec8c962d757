"""A renewal over HTTP: SAM CLI's API, AWS's runtime, DynamoDB Local."""

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
import urllib3

from domain.session import Session
from storage.table import SessionsTable
from tests.support.contract import answered, assert_schema
from tests.support.sam import Sam
from tests.support.sessions import as_of_now, minutes, session
from tests.support.tables import item_with, put

AT_ONCE = 64


def renew(api_url: str, session_id: str, key: str) -> urllib3.BaseHTTPResponse:
    """Renew over HTTP, always with a key: SAM CLI gives all its requests one and the same ID."""
    return urllib3.request(
        "POST",
        f"{api_url}/api/messaging/sessions/{session_id}/renew",
        headers={"Idempotency-Key": key},
        timeout=60,
    )


@pytest.mark.parametrize(
    ("stored", "status", "code"),
    [
        (session("live"), 200, None),
        (session("near-maximum", created=-710, active=-20, expires=5), 200, None),
        (session("expired", expires=-1), 410, "SESSION_EXPIRED"),
        (session("at-maximum", created=-710, expires=10), 422, "SESSION_RENEWAL_FAILED"),
    ],
    ids=lambda value: getattr(value, "session_id", None),
)
def test_each_outcome_of_a_renewal(
    api_url: str, table: SessionsTable, stored: Session, status: int, code: str | None
) -> None:
    put(table, as_of_now(stored))
    response = renew(api_url, stored.session_id, "key-1")
    assert response.status == status
    assert response.headers["Cache-Control"] == "no-store"
    body = response.json()
    assert_schema("Error" if code else "SessionInfo", body)
    if code:
        assert body["error"]["code"] == code
    else:
        assert body["renewalCount"] == 1


def test_a_session_near_its_maximum_is_extended_to_it_exactly(
    api_url: str, table: SessionsTable
) -> None:
    put(table, as_of_now(session(created=-710, active=-20, expires=5)))
    assert renew(api_url, "a-session", "key-1").status == 200
    item = item_with(table, "a-session")
    assert item["expiresAt"] == item["maxExpiresAt"]
    assert renew(api_url, "a-session", "key-2").status == 422


def test_an_unknown_session_is_not_found(api_url: str) -> None:
    response = renew(api_url, "nobodys", "key-1")
    assert response.status == 404
    assert response.json()["error"]["code"] == "SESSION_NOT_FOUND"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/messaging/sessions/a/renew", 405),
        ("DELETE", "/api/messaging/sessions/a/renew", 405),
        ("POST", "/api/messaging/sessions/a", 405),
        ("GET", "/", 404),
    ],
)
def test_another_method_or_path_is_answered_in_the_contracts_shape(
    api_url: str, method: str, path: str, status: int
) -> None:
    response = urllib3.request(method, api_url + path, timeout=60)
    assert response.status == status
    assert_schema("Error", response.json())


def test_64_renewals_at_once_all_count(api_url: str, table: SessionsTable) -> None:
    put(table, as_of_now(session()))
    with ThreadPoolExecutor(AT_ONCE) as threads:
        keys = [f"key-{number}" for number in range(AT_ONCE)]
        answers = list(threads.map(lambda key: renew(api_url, "a-session", key), keys))
    assert Counter(answer.status for answer in answers) == {200: AT_ONCE}
    assert item_with(table, "a-session")["renewalCount"] == {"N": str(AT_ONCE)}


def test_64_deliveries_of_one_renewal_count_once(api_url: str, table: SessionsTable) -> None:
    put(table, as_of_now(session()))
    with ThreadPoolExecutor(AT_ONCE) as threads:
        answers = list(threads.map(lambda _: renew(api_url, "a-session", "one"), range(AT_ONCE)))
    assert Counter(answer.status for answer in answers) == {200: AT_ONCE}
    assert item_with(table, "a-session")["renewalCount"] == {"N": "1"}


def test_an_event_invokes_the_function(
    sam: Sam, local_options: list[str], table: SessionsTable
) -> None:
    put(table, as_of_now(session("demo-live")))
    invoke = sam("local", "invoke", "RenewFunction", "-e", "events/renew.json", *local_options)
    answer = answered(json.loads(invoke.stdout.splitlines()[-1]))
    assert answer.status == 200
    assert answer.body["timeRemaining"] == minutes(30)
