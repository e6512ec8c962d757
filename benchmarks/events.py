"""The calls of the API as API Gateway's events."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.sessions import AGENT_ID, METADATA_JSON, USER_ID
from handlers.http import Handler, Response
from local.gateway import LambdaContext

Event = dict[str, Any]

SESSIONS = "/api/messaging/sessions"
A_SESSION = f"{SESSIONS}/{{sessionId}}"

EVENTS = Path(__file__).parent.parent / "events"
RENEWAL: Event = json.loads((EVENTS / "renew.json").read_text())


def event(
    route_key: str, number: int, session_id: str = "", headers: Mapping[str, str] | None = None
) -> Event:
    """The event of a call without a body, with a request ID of its own."""
    method, _, path = route_key.partition(" ")
    path = path.replace("{sessionId}", session_id)
    of_renewal = RENEWAL["requestContext"]
    called = RENEWAL | {
        "routeKey": route_key,
        "rawPath": path,
        "headers": RENEWAL["headers"] | (headers or {}),
        "pathParameters": {"sessionId": session_id},
        "requestContext": of_renewal
        | {
            "requestId": f"request-{number}",
            "routeKey": route_key,
            "http": of_renewal["http"] | {"method": method, "path": path},
        },
    }
    if not session_id:
        del called["pathParameters"]
    return called


def renewal(number: int, session_id: str) -> Event:
    """A renewal."""
    return event(f"POST {A_SESSION}/renew", number, session_id)


def heartbeat(number: int, session_id: str) -> Event:
    """A heartbeat."""
    return event(f"POST {A_SESSION}/heartbeat", number, session_id)


def reading(number: int, session_id: str) -> Event:
    """A read of one session."""
    return event(f"GET {A_SESSION}", number, session_id)


def deletion(number: int, session_id: str) -> Event:
    """A deletion."""
    return event(f"DELETE {A_SESSION}", number, session_id)


def creation(number: int, key: str = "", metadata_json: str = METADATA_JSON) -> Event:
    """A creation, with an ``Idempotency-Key`` where one is given."""
    ids = f'"agentId": "{AGENT_ID}", "userId": "{USER_ID}"'
    return _with_body(
        event(f"POST {SESSIONS}", number, headers={"idempotency-key": key} if key else {}),
        f'{{{ids}, "metadata": {metadata_json}}}',
    )


def timeout_change(number: int, session_id: str, timeout_minutes: int) -> Event:
    """A change of the timeout."""
    return _with_body(
        event(f"PATCH {A_SESSION}/timeout", number, session_id),
        json.dumps({"timeoutMinutes": timeout_minutes}),
    )


def page(number: int, **query: str) -> Event:
    """A list's page."""
    listed = event(f"GET {SESSIONS}", number)
    return {**listed, "queryStringParameters": query} if query else listed


def health(number: int) -> Event:
    """A health check."""
    return event(f"GET {SESSIONS}/health", number)


def answer(handler: Handler, called: Event) -> Response:
    """What the function answers."""
    return handler(called, LambdaContext("benchmark"))


def success(handler: Handler, called: Event) -> None:
    """Have the function answer, and well: what a refusal costs is something else."""
    response = answer(handler, called)
    assert response["statusCode"] < 400, response["body"]


def _with_body(called: Event, body: str) -> Event:
    headers = {"content-type": "application/json", "content-length": str(len(body))}
    return {**called, "headers": called["headers"] | headers, "body": body}
