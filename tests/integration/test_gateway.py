"""API Gateway's part, played on a laptop."""

import base64
from typing import Any
from urllib.parse import quote

import pytest
from starlette.requests import Request

from local.gateway import event_of
from local.template import Route, Template

ONE = "/api/messaging/sessions/{sessionId}"
RENEW = Route("POST", f"{ONE}/renew", "handlers.renew.handler")


def request(path: str = "/", headers: list[tuple[bytes, bytes]] | None = None) -> Request:
    raw, _, query = path.partition("?")
    return Request(
        {
            "type": "http",
            "method": "POST",
            "http_version": "1.1",
            "scheme": "http",
            "server": ("localhost", 3000),
            "client": ("127.0.0.1", 5000),
            "path": raw,
            "raw_path": raw.encode(),
            "query_string": query.encode(),
            "headers": headers or [],
        }
    )


@pytest.mark.parametrize(
    "session_id", ["a", "a/b", "..", "a b?c#d", "'\"\\", "\x00\n", "é😀", "%2F"]
)
def test_a_path_parameter_arrives_decoded_whatever_is_in_it(session_id: str) -> None:
    path = f"/api/messaging/sessions/{quote(session_id, safe='')}/renew"
    assert RENEW.match("POST", path) == {"sessionId": session_id}


@pytest.mark.parametrize("path", ["/sessions//renew", "/sessions/a/b/renew", "/sessions/a/renew/"])
def test_a_parameter_is_one_segment_that_is_not_empty(path: str) -> None:
    assert RENEW.match("POST", f"/api/messaging{path}") is None


@pytest.mark.parametrize(
    ("method", "path", "key"),
    [
        ("POST", "/api/messaging/sessions/a/renew", RENEW.key),
        ("GET", "/api/messaging/sessions/a/renew", RENEW.key.replace("POST", "ANY")),
        ("GET", "/api/messaging/sessions/a", f"GET {ONE}"),
        ("POST", "/api/messaging/sessions/a", f"ANY {ONE}"),
        ("GET", "/api/messaging/sessions/health", "GET /api/messaging/sessions/health"),
        ("DELETE", "/api/messaging/sessions/health", "ANY /api/messaging/sessions/health"),
        ("GET", "/api/messaging/sessions/a/b", "$default"),
        ("GET", "/", "$default"),
    ],
)
def test_the_most_specific_route_of_the_template_takes_the_request(
    method: str, path: str, key: str
) -> None:
    first = next(route for route in Template().routes() if route.match(method, path) is not None)
    assert first.key == key


def test_an_event_has_payload_2_0s_fields() -> None:
    headers = [(b"Idempotency-Key".lower(), b"k"), (b"x-many", b"1"), (b"x-many", b"2")]
    event = event_of(request("/a%2Fb?q=1&q=2", headers), RENEW, {"sessionId": "a/b"}, b"")
    assert event["version"] == "2.0"
    assert event["routeKey"] == event["requestContext"]["routeKey"] == RENEW.key
    assert event["headers"] == {"idempotency-key": "k", "x-many": "1,2"}
    assert event["rawQueryString"] == "q=1&q=2"
    assert event["queryStringParameters"] == {"q": "1,2"}
    assert event["pathParameters"] == {"sessionId": "a/b"}
    assert event["requestContext"]["http"]["method"] == "POST"
    assert "body" not in event


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        (b"{}", {"body": "{}", "isBase64Encoded": False}),
        (b"\xff", {"body": base64.b64encode(b"\xff").decode(), "isBase64Encoded": True}),
    ],
)
def test_a_body_that_is_not_text_is_in_base64(body: bytes, fields: dict[str, Any]) -> None:
    event = event_of(request(), RENEW, {}, body)
    assert {name: event[name] for name in fields} == fields


def test_each_request_has_an_id_of_its_own() -> None:
    ids = {event_of(request(), RENEW, {}, b"")["requestContext"]["requestId"] for _ in range(9)}
    assert len(ids) == 9
