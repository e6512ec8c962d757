"""Who may call the API, where the deployment has keys."""

import json
from typing import Any

import pytest

from api.access import Access
from api.collection_routes import HEALTH_ROUTE
from local.template import Template
from storage.table import SessionsTable
from tests.support.api_events import LAMBDA_CONTEXT, Answered, api_event
from tests.support.contract import assert_schema
from tests.support.functions import renew_function, sessions_function
from tests.support.sessions import NOON_MS, session
from tests.support.tables import put, requests_to

KEYS = ("the-key-of-yesterday", "the-key-of-tomorrow-")
WRONG_KEYS = {
    "none": None,
    "empty": "",
    "another": "the-key-of-nobody--",
    "its beginning": KEYS[0][:-1],
    "more than it": f"{KEYS[0]}y",
    "both at once": ",".join(KEYS),
    "in another case": KEYS[0].upper(),
    "not ASCII": "the-key-of-yesterd\xe4y",
    "a lone surrogate": "\ud800",
    "not a text": ["the-key-of-yesterday"],
}
RENEWAL_PATH = "/api/messaging/sessions/{sessionId}/renew"
ROUTES = [(route.method, route.path) for route in Template().routes()]


def call(table: SessionsTable, method: str, path: str, access: Access, key: Any = None) -> Answered:
    event = api_event(method, path, session_id="a-session", body={"timeoutMinutes": 20})
    if key is not None:
        event["headers"]["x-api-key"] = key
    function = renew_function if path == RENEWAL_PATH else sessions_function
    return Answered(function(table, lambda: NOON_MS, access)(event, LAMBDA_CONTEXT))


@pytest.mark.parametrize("key", WRONG_KEYS.values(), ids=WRONG_KEYS)
@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_no_route_is_open_to_a_request_without_a_valid_key(
    table_on_moto: SessionsTable, method: str, path: str, key: Any
) -> None:
    with requests_to(table_on_moto) as requests:
        answer = call(table_on_moto, method, path, Access(KEYS), key)
    assert (answer.status, answer.code, requests) == (401, "UNAUTHORIZED", [])
    assert answer.headers["WWW-Authenticate"] == "X-API-KEY"
    assert_schema("Error", answer.body)


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_each_of_the_keys_opens_every_route(
    table_on_moto: SessionsTable, method: str, path: str, key: str
) -> None:
    put(table_on_moto, session())
    assert call(table_on_moto, method, path, Access(KEYS), key).status != 401


@pytest.mark.parametrize("path", [RENEWAL_PATH, "/api/messaging/sessions", "$default"])
def test_a_preflight_needs_no_key(table_on_moto: SessionsTable, path: str) -> None:
    event = api_event("ANY", path)
    event["requestContext"]["http"]["method"] = "OPTIONS"
    function = renew_function if path == RENEWAL_PATH else sessions_function
    response = function(table_on_moto, lambda: NOON_MS, Access(KEYS))(event, LAMBDA_CONTEXT)
    assert response["statusCode"] == 204


def test_health_alone_may_be_public(table_on_moto: SessionsTable) -> None:
    access = Access(KEYS, [HEALTH_ROUTE])
    public = {
        (method, path)
        for method, path in ROUTES
        if call(table_on_moto, method, path, access).status != 401
    }
    assert {f"{method} {path}" for method, path in public} == {HEALTH_ROUTE}


def test_the_log_counts_the_refusal_and_shows_no_key(
    table_on_moto: SessionsTable, capsys: pytest.CaptureFixture[str]
) -> None:
    call(table_on_moto, "POST", RENEWAL_PATH, Access(KEYS), "a-secret-of-another-place")
    call(table_on_moto, "POST", RENEWAL_PATH, Access(KEYS), KEYS[0])
    refusal, _ = (output := capsys.readouterr().out).splitlines()
    line = json.loads(refusal)
    assert (line["outcome"], line["reason"], line["Refusals"]) == ("UNAUTHORIZED",) * 2 + ([1.0],)
    assert not [key for key in (*KEYS, "a-secret-of-another-place") if key in output]
