"""Events of API Gateway, payload 2.0, and what the function answers to them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from local.gateway import LambdaContext
from tests.support.sessions import NOON_MS

EVENTS = Path(__file__).parent.parent.parent / "events"


LAMBDA_CONTEXT = LambdaContext("lambda-request")


def renewal_event(
    session_id: str = "a-session",
    *,
    request_id: str = "request-1",
    headers: dict[str, str] | None = None,
    **fields: Any,
) -> dict[str, Any]:
    """The event of a renewal, with any of its fields replaced."""
    event: dict[str, Any] = json.loads((EVENTS / "renew.json").read_text())
    event["pathParameters"] = {"sessionId": session_id}
    event["requestContext"] |= {"requestId": request_id, "timeEpoch": NOON_MS}
    event["headers"] |= headers or {}
    return {**event, **fields}


SESSIONS = "/api/messaging/sessions"


def api_event(  # noqa: PLR0913 - what a request is made of
    method: str,
    path: str = SESSIONS,
    *,
    session_id: str | None = None,
    body: object = None,
    query: Mapping[str, str] | None = None,
    key: str | None = None,
    request_id: str = "request-1",
) -> dict[str, Any]:
    """The event of any call: a route of the template, and what the client sent to it."""
    event = renewal_event(request_id=request_id, routeKey=f"{method} {path}")
    event["requestContext"]["http"]["method"] = method
    del event["pathParameters"]
    if session_id is not None:
        event["pathParameters"] = {"sessionId": session_id}
    if body is not None:
        event["body"] = body if isinstance(body, str) else json.dumps(body)
        event["headers"]["content-type"] = "application/json"
    if query:
        event["queryStringParameters"] = dict(query)
    if key is not None:
        event["headers"]["idempotency-key"] = key
    return event


@dataclass
class Answered:
    """A response of a function. Its body is read when a claim asks for it."""

    response: dict[str, Any]

    @property
    def status(self) -> int:
        """The HTTP status."""
        status: int = self.response["statusCode"]
        return status

    @property
    def headers(self) -> dict[str, str]:
        """The headers."""
        headers: dict[str, str] = self.response["headers"]
        return headers

    @cached_property
    def body(self) -> dict[str, Any]:
        """The body, read."""
        body: dict[str, Any] = json.loads(self.response["body"])
        return body

    @property
    def code(self) -> str:
        """The error's code."""
        code: str = self.body["error"]["code"]
        return code
