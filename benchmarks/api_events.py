"""The calls of the API as events of API Gateway."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from api.responses import Handler, Response
from benchmarks.measured_sessions import AGENT_ID, METADATA_JSON, USER_ID
from local.gateway import LambdaContext
from runtime.clock import epoch_ms

Event = dict[str, Any]

SESSIONS = "/api/messaging/sessions"
SESSION = f"{SESSIONS}/{{sessionId}}"

EVENTS = Path(__file__).parent.parent / "events"
SAMPLE: Event = json.loads((EVENTS / "renew.json").read_text())


def event(
    route_key: str, number: int, session_id: str = "", headers: Mapping[str, str] | None = None
) -> Event:
    """The event of a call without a body. The number makes its request ID."""
    method, _, path = route_key.partition(" ")
    path = path.replace("{sessionId}", session_id)
    context = SAMPLE["requestContext"]
    made = SAMPLE | {
        "routeKey": route_key,
        "rawPath": path,
        "headers": SAMPLE["headers"] | (headers or {}),
        "pathParameters": {"sessionId": session_id},
        "requestContext": context
        | {
            "requestId": f"request-{number}",
            "routeKey": route_key,
            "timeEpoch": epoch_ms(),
            "http": context["http"] | {"method": method, "path": path},
        },
    }
    if not session_id:
        del made["pathParameters"]
    return made


def renewal(number: int, session_id: str) -> Event:
    """A renewal."""
    return event(f"POST {SESSION}/renew", number, session_id)


def heartbeat(number: int, session_id: str) -> Event:
    """A heartbeat."""
    return event(f"POST {SESSION}/heartbeat", number, session_id)


def reading(number: int, session_id: str) -> Event:
    """A read of one session."""
    return event(f"GET {SESSION}", number, session_id)


def deletion(number: int, session_id: str) -> Event:
    """A deletion."""
    return event(f"DELETE {SESSION}", number, session_id)


def creation(number: int, key: str = "", metadata_json: str = METADATA_JSON) -> Event:
    """A creation, with an ``Idempotency-Key`` if one is given."""
    ids = f'"agentId": "{AGENT_ID}", "userId": "{USER_ID}"'
    return _with_body(
        event(f"POST {SESSIONS}", number, headers={"idempotency-key": key} if key else {}),
        f'{{{ids}, "metadata": {metadata_json}}}',
    )


def timeout_change(number: int, session_id: str, timeout_minutes: int) -> Event:
    """A change of the timeout."""
    return _with_body(
        event(f"PATCH {SESSION}/timeout", number, session_id),
        json.dumps({"timeoutMinutes": timeout_minutes}),
    )


def page(number: int, **query: str) -> Event:
    """A page of a list."""
    made = event(f"GET {SESSIONS}", number)
    return {**made, "queryStringParameters": query} if query else made


def health(number: int) -> Event:
    """A health check."""
    return event(f"GET {SESSIONS}/health", number)


def invoke(handler: Handler, sent: Event) -> Response:
    """The function's response."""
    return handler(sent, LambdaContext("benchmark"))


def succeed(handler: Handler, sent: Event) -> None:
    """Invoke the function, and check that the call succeeds: a refusal has another cost."""
    response = invoke(handler, sent)
    assert response["statusCode"] < 400, response["body"]


def _with_body(sent: Event, body: str) -> Event:
    headers = {"content-type": "application/json", "content-length": str(len(body))}
    return {**sent, "headers": sent["headers"] | headers, "body": body}
