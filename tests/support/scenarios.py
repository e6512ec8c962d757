"""Every outcome of every call: what is stored, and the requests that meet it."""

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import EndpointConnectionError

from storage.table import SessionsTable
from tests.support.api_events import LAMBDA_CONTEXT, SESSIONS, api_event
from tests.support.functions import renew_function, sessions_function
from tests.support.sessions import AGENT_ID, NOON_MS, USER_ID, minutes, session
from tests.support.tables import put

ONE = f"{SESSIONS}/{{sessionId}}"
OTHER_ID = "00000000-0000-4000-8000-000000000000"
BODY = {"agentId": AGENT_ID, "userId": USER_ID}
CONFIG = {
    "timeoutMinutes": 7,
    "autoRenew": False,
    "maxDurationMinutes": 9,
    "warningThresholdMinutes": 1,
}
NEAR_MAXIMUM: dict[str, Any] = {"created": -710, "active": -20, "expires": 5}
AT_MAXIMUM: dict[str, Any] = {"created": -710, "expires": 10}
NOT_A_SESSION: dict[str, Any] = {"sessionId": {"S": "a-session"}, "secret": {"S": "hush"}}
ODD_METADATA = r'{"a":1.0,"b":1E400,"c":-0,"d":[[],{}],"e":null,"f":"\ud800 é 😀"}'


@dataclass(frozen=True)
class Call:
    """A request, and when it comes: ``minute`` counts from noon."""

    method: str
    path: str = SESSIONS
    sent: Mapping[str, Any] = field(default_factory=dict)
    minute: float = 0


@dataclass(frozen=True)
class Scenario:
    """Calls in turn, on what is stored before them. ``down``: DynamoDB cannot be reached."""

    calls: tuple[Call, ...]
    stored: tuple[Any, ...] = ()
    down: bool = False


def create(**sent: Any) -> Call:
    return Call("POST", sent={"body": BODY, **sent})


def on(method: str, path: str = "", minute: float = 0, **sent: Any) -> Call:
    return Call(method, ONE + path, {"session_id": "a-session", **sent}, minute)


def listing(**query: str) -> Call:
    return Call("GET", sent={"query": query})


def change(minute: float = 0, **limits: Any) -> Call:
    return on("PATCH", "/timeout", minute, body=limits)


READ, DELETE = on("GET"), on("DELETE")
RENEW, HEARTBEAT = on("POST", "/renew"), on("POST", "/heartbeat")
CHANGE = change(timeoutMinutes=20)
HEALTH = Call("GET", f"{SESSIONS}/health")
CALLS_ON_A_SESSION = {
    "renewal": RENEW,
    "heartbeat": HEARTBEAT,
    "timeout change": CHANGE,
    "read": READ,
    "deletion": DELETE,
}
STORED = {
    "live": session(renewal_count=3),
    "expired": session(expires=-1),
    "near its maximum": session(**NEAR_MAXIMUM),
    "at its maximum": session(**AT_MAXIMUM),
    "not automatic": session(auto_renew=False),
    "by a later clock": session(active=1, expires=31),
    "shorter by a later clock": session(active=1, expires=20),
    "not a session": NOT_A_SESSION,
    "nothing": None,
}

SCENARIOS: dict[str, Scenario] = {
    f"{call}, {state}": Scenario((request, READ), (stored,) if stored else ())
    for call, request in CALLS_ON_A_SESSION.items()
    for state, stored in STORED.items()
}
SCENARIOS |= {
    f"{call}, {what}": Scenario((on(request.method, request.path[len(ONE) :], session_id=odd),))
    for call, request in CALLS_ON_A_SESSION.items()
    if call != "timeout change"
    for what, odd in {"empty ID": "", "long ID": "x" * 2049, "odd ID": "a/b é"}.items()
}
SCENARIOS |= {
    f"{call}, retried": Scenario(
        (
            on(request.method, request.path[len(ONE) :], key="k", request_id="1"),
            on(request.method, request.path[len(ONE) :], 1, key="k", request_id="2"),
            on(request.method, request.path[len(ONE) :], 2, request_id="3"),
        ),
        (session(),),
    )
    for call, request in {"renewal": RENEW, "heartbeat": HEARTBEAT}.items()
}
TIMEOUT_CHANGES: dict[str, tuple[dict[str, Any], Any]] = {
    "both limits": ({"timeoutMinutes": 20, "maxDurationMinutes": 100}, session()),
    "the maximum": ({"maxDurationMinutes": 100}, session()),
    "cut at the maximum": ({"timeoutMinutes": 60}, session(created=-700)),
    "a later maximum": ({"maxDurationMinutes": 900}, session(**AT_MAXIMUM)),
    "neither limit": ({"autoRenew": False, "warningThresholdMinutes": 9}, session()),
    "nothing new": ({"timeoutMinutes": 30}, session()),
    "expired by it": ({"timeoutMinutes": 5}, session(active=-8, expires=22)),
    "maximum below the timeout": ({"maxDurationMinutes": 20}, session()),
    "timeout above the maximum": ({"timeoutMinutes": 721}, session()),
    "out of range": ({"timeoutMinutes": 4}, session()),
    "of another type": ({"timeoutMinutes": "30"}, session()),
    "null": ({"autoRenew": None}, session()),
    "unknown": ({"timeout": 30}, session()),
    "none": ({}, session()),
}
SCENARIOS |= {
    f"timeout change, {name}": Scenario((change(**limits), READ), (stored,))
    for name, (limits, stored) in TIMEOUT_CHANGES.items()
}
SCENARIOS |= {
    f"creation, {name}": Scenario(calls)
    for name, calls in {
        "plain": (create(),),
        "configured": (create(body={**BODY, "timeoutConfig": CONFIG}),),
        "one limit": (create(body={**BODY, "timeoutConfig": {"timeoutMinutes": 60}}),),
        "whole float": (
            create(body=f'{json.dumps(BODY)[:-1]}, "timeoutConfig": {{"timeoutMinutes": 6e1}}}}'),
        ),
        "odd metadata": (create(body=f'{json.dumps(BODY)[:-1]}, "metadata": {ODD_METADATA}}}'),),
        "upper case": (create(body={name: value.upper() for name, value in BODY.items()}),),
        "retried": (create(key="k"), Call("POST", sent={"body": BODY, "key": "k"}, minute=1)),
        "key reused": (create(key="k"), create(key="k", body={**BODY, "metadata": {"a": 1}})),
        "key of another user": (
            create(key="k"),
            create(key="k", body={**BODY, "userId": OTHER_ID}),
        ),
        "key expired": (
            create(key="k"),
            Call("POST", sent={"body": BODY, "key": "k"}, minute=1440),
        ),
        "no agent": (create(body={"userId": USER_ID}),),
        "no UUID": (create(body={**BODY, "agentId": "a"}),),
        "null agent": (create(body={**BODY, "agentId": None}),),
        "unknown member": (create(body={**BODY, "ttl": 1}),),
        "metadata a list": (create(body={**BODY, "metadata": []}),),
        "metadata too large": (create(body={**BODY, "metadata": {"a": "x" * 10_233}}),),
        "config a list": (create(body={**BODY, "timeoutConfig": []}),),
        "limit out of range": (create(body={**BODY, "timeoutConfig": {"timeoutMinutes": 1441}}),),
        "warning out of range": (
            create(body={**BODY, "timeoutConfig": {"warningThresholdMinutes": 0}}),
        ),
        "unknown limit": (create(body={**BODY, "timeoutConfig": {"timeout": 9}}),),
        "contradiction": (
            create(
                body={**BODY, "timeoutConfig": {"timeoutMinutes": 30, "maxDurationMinutes": 29}}
            ),
        ),
        "not an object": (create(body="[]"),),
        "empty": (create(body=""),),
        "cut": (create(body='{"agentId":'),),
        "NaN": (create(body='{"agentId":NaN}'),),
        "name twice": (create(body='{"agentId":1,"agentId":1}'),),
        "too large": (create(body="x" * 65_537),),
    }.items()
}
LISTED = tuple(
    session(f"listed-{each}", created=-each, active=-each, expires=30 - each)
    for each in range(1, 5)
)
SCENARIOS |= {
    f"list, {name}": Scenario((listing(**query),), LISTED)
    for name, query in {
        "of a user": {"userId": USER_ID},
        "of an agent": {"agentId": AGENT_ID.upper()},
        "of both": {"userId": USER_ID, "agentId": AGENT_ID},
        "of a stranger": {"userId": OTHER_ID},
        "first page": {"userId": USER_ID, "limit": "2"},
        "limit 0": {"limit": "0"},
        "limit 1001": {"limit": "1001"},
        "limit x": {"limit": "x"},
        "no UUID": {"userId": "a"},
        "wrong cursor": {"cursor": "x"},
        "unknown parameter": {"userId": USER_ID, "user": "a"},
    }.items()
}
SCENARIOS["list, of everyone"] = Scenario((listing(),), (LISTED[0], session("gone", expires=-1)))
SCENARIOS["list, with a broken item"] = Scenario(
    (listing(userId=USER_ID),),
    (
        LISTED[0],
        {
            "sessionId": {"S": "broken"},
            "userId": {"S": USER_ID},
            "createdAt": {"N": str(NOON_MS)},
        },
    ),
)
SCENARIOS |= {
    f"another method, {path}": Scenario((Call("ANY", path),))
    for path in (SESSIONS, ONE, f"{ONE}/renew", f"{ONE}/heartbeat", f"{ONE}/timeout")
}
SCENARIOS |= {
    "another path": Scenario((Call("$default", ""),)),
    "health": Scenario((HEALTH,)),
    "not JSON": Scenario((create(content_type="text/plain"),)),
    "preflight": Scenario((Call("OPTIONS"),)),
}
SCENARIOS |= {
    f"{call}, while DynamoDB is down": Scenario((request,), down=True)
    for call, request in {
        **CALLS_ON_A_SESSION,
        "creation": create(),
        "creation with a key": create(key="k"),
        "list": listing(userId=USER_ID),
        "list of everyone": listing(),
        "health": HEALTH,
    }.items()
}


@contextmanager
def unreachable(table: SessionsTable) -> Iterator[None]:
    """Have each request of the table fail before it is sent."""

    def fail(**_: Any) -> None:
        raise EndpointConnectionError(endpoint_url="https://dynamodb.example.com")

    events = table.client.meta.events
    events.register("before-call.dynamodb", fail)
    try:
        yield
    finally:
        events.unregister("before-call.dynamodb", fail)


def answer(table: SessionsTable, call: Call) -> dict[str, Any]:
    """The response to the call. What a health check counts is not part of it."""
    now_ms = NOON_MS + minutes(call.minute)
    sent = {"request_id": "request-1", **call.sent}
    content_type = sent.pop("content_type", None)
    event = api_event(call.method, call.path, **sent)
    if content_type:
        event["headers"]["content-type"] = content_type
    if call.method == "$default":
        event["routeKey"] = "$default"
    if call.path.endswith("/renew"):
        handler = renew_function(table, lambda: now_ms)
    else:
        handler = sessions_function(table, lambda: now_ms)
    response = handler(event, LAMBDA_CONTEXT)
    if call is HEALTH and response["statusCode"] == 200:
        response["body"] = json.dumps(json.loads(response["body"]) | {"activeSessions": 0})
    return response


def play(table: SessionsTable, scenario: Scenario) -> list[dict[str, Any]]:
    """What the calls of the scenario are answered."""
    for stored in scenario.stored:
        put(table, stored)
    with ExitStack() as stack:
        if scenario.down:
            stack.enter_context(unreachable(table))
        return [answer(table, call) for call in scenario.calls]
