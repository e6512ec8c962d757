"""The checks of ``make load``: what counts as a failure, and what may be so after a lost answer."""

import json
from typing import Any

import pytest

from load.checks import (
    INFO_FIELDS,
    BrokenContract,
    OwnSession,
    Unavailable,
    answer_of,
    created_session,
)

NO_STORE = {"Cache-Control": "no-store"}
REQUEST = {"agentId": "agent-1", "userId": "user-1", "metadata": {"load": "agent-1"}}
CREATED: dict[str, Any] = {
    **REQUEST,
    "sessionId": "session-1",
    "createdAt": "2026-01-31T12:00:00.000Z",
    "expiresAt": "2026-01-31T12:30:00.000Z",
    "timeoutConfig": {},
}


def info(**fields: Any) -> dict[str, Any]:
    """A SessionInfo of the session after its first renewal, with some fields replaced."""
    info = (
        dict.fromkeys(INFO_FIELDS, "") | CREATED | {"renewalCount": 1, "timeRemaining": 1_800_000}
    )
    return info | {"expiresAt": "2026-01-31T12:40:00.000Z"} | fields


def own_session(renewals_sent: int = 1) -> OwnSession:
    own = created_session(CREATED, REQUEST)
    for _ in range(renewals_sent):
        own.expect_renewal()
    return own


def error_body(code: str) -> str:
    return json.dumps({"success": False, "error": {"code": code, "message": "m", "details": "d"}})


def test_an_expected_answer_is_its_body() -> None:
    assert answer_of(200, NO_STORE, '{"success": true}', {200}) == {"success": True}


@pytest.mark.parametrize(
    ("status", "text", "said"),
    [
        (429, '{"message": "Too Many Requests"}', "429"),
        (503, error_body("SERVICE_UNAVAILABLE"), "503 SERVICE_UNAVAILABLE"),
        (0, "", "no answer"),
    ],
)
def test_what_is_to_be_retried_is_told_apart(status: int, text: str, said: str) -> None:
    with pytest.raises(Unavailable) as unavailable:
        answer_of(status, {}, text, {200})
    assert str(unavailable.value) == said


@pytest.mark.parametrize(
    ("header", "seconds"), [("3", 3), ("600", 5), ("soon", 1), ("-1", 1), ("²", 1)]
)
def test_a_retry_comes_when_the_api_asks_for_it_but_soon(header: str, seconds: int) -> None:
    with pytest.raises(Unavailable) as unavailable:
        answer_of(503, {"Retry-After": header}, "", {200})
    assert unavailable.value.retry_seconds == seconds


@pytest.mark.parametrize(
    ("status", "headers", "text", "said"),
    [
        (500, NO_STORE, error_body("INTERNAL_SERVER_ERROR"), "status 500 INTERNAL_SERVER_ERROR"),
        (404, NO_STORE, error_body("SESSION_NOT_FOUND"), "status 404 SESSION_NOT_FOUND"),
        (502, NO_STORE, "<html>", "status 502"),
        (502, NO_STORE, '{"error": "text"}', "status 502"),
        (200, {}, "{}", "Cache-Control"),
    ],
)
def test_any_other_answer_breaks_the_contract(
    status: int, headers: dict[str, str], text: str, said: str
) -> None:
    with pytest.raises(BrokenContract, match=said):
        answer_of(status, headers, text, {200})


def test_a_created_session_is_what_was_asked_for() -> None:
    assert created_session(CREATED, REQUEST) == OwnSession(
        "session-1", "user-1", CREATED["expiresAt"]
    )
    with pytest.raises(BrokenContract, match="userId is not what was sent"):
        created_session(CREATED, REQUEST | {"userId": "user-2"})
    with pytest.raises(BrokenContract, match="missing: expiresAt"):
        created_session({name: CREATED[name] for name in CREATED if name != "expiresAt"}, REQUEST)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"renewalCount": 0}, "renewalCount is 0, not 1 to 1"),
        ({"renewalCount": 2}, "renewalCount is 2, not 1 to 1"),
        ({"expiresAt": "2026-01-31T12:29:59.999Z"}, "moved expiresAt back"),
        ({"timeRemaining": 0}, "timeRemaining is 0"),
        ({"sessionId": "session-2"}, "another session"),
        ({"userId": "user-2"}, "another session"),
    ],
)
def test_a_renewal_that_does_not_fit_breaks_the_contract(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(BrokenContract, match=said):
        own_session().check_info(info(**fields), renewed=True)


def test_a_renewal_counts_once() -> None:
    own = own_session()
    own.check_info(info(), renewed=True)
    own.check_info(info())
    assert (own.min_renewals, own.max_renewals) == (1, 1)
    with pytest.raises(BrokenContract):
        own.check_info(info(), renewed=True)


@pytest.mark.parametrize("count", [1, 2])
def test_a_renewal_without_an_answer_may_have_counted(count: int) -> None:
    own = own_session(renewals_sent=2)
    own.check_info(info(renewalCount=count), renewed=True)
    assert (own.min_renewals, own.max_renewals) == (count, count)


def test_a_list_has_no_session_of_another_user() -> None:
    own = own_session()
    own.check_list({"sessions": [info()], "total": 1})
    own.check_list({"sessions": [], "total": 0})
    with pytest.raises(BrokenContract, match="another session"):
        own.check_list({"sessions": [info(userId="user-2")], "total": 1})
    with pytest.raises(BrokenContract, match="total is 2"):
        own.check_list({"sessions": [info()], "total": 2})
