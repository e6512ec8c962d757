"""Every call of the API as a client makes it, and the permissions without which it fails."""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import urllib3

from domain.session import Session
from tests.support.api_events import SESSIONS
from tests.support.deployed_stack import DeployedStack, Permission
from tests.support.sessions import as_of_now, session
from tests.support.tables import put

ONE = f"{SESSIONS}/{{sessionId}}"
TABLE = "table/SessionsTable"


def on_table(*actions: str) -> frozenset[Permission]:
    """The permission for each of these actions of DynamoDB on the table itself."""
    return frozenset((f"dynamodb:{action}", TABLE) for action in actions)


def query_of(index: str) -> frozenset[Permission]:
    """The permission to query the index."""
    return frozenset({("dynamodb:Query", f"{TABLE}/index/{index}")})


def nothing(_: Session) -> Mapping[str, Any]:
    """A request without a body or a query."""
    return {}


def creation(stored: Session) -> Mapping[str, Any]:
    """The body of a creation for the same agent and user."""
    return {"json": {"agentId": stored.agent_id, "userId": stored.user_id}}


def creation_with_a_key(stored: Session) -> Mapping[str, Any]:
    """A creation that a retry does not repeat."""
    return {**creation(stored), "headers": {"Idempotency-Key": stored.session_id}}


@dataclass(frozen=True)
class DeployedCall:
    """A call, and what it is answered.

    ``needs`` are the permissions of the call's function without any of which the call fails.
    ``sent`` makes the other arguments of the request from a session that is stored for this call.
    """

    method: str
    path: str
    status: int
    schema: str
    needs: frozenset[Permission] = frozenset()
    sent: Callable[[Session], Mapping[str, Any]] = nothing

    @property
    def function(self) -> str:
        """The function that answers it."""
        return "RenewFunction" if self.path.endswith("/renew") else "SessionsFunction"

    def make(self, stack: DeployedStack) -> urllib3.BaseHTTPResponse:
        """Store a session, make the call on it, and return the answer."""
        session_id, agent_id, user_id = (str(uuid.uuid4()) for _ in range(3))
        stored = as_of_now(session(session_id, agent_id=agent_id, user_id=user_id))
        put(stack.table, stored)
        path = self.path.replace("{sessionId}", session_id)
        return stack.request(self.method, path, **self.sent(stored))


CALLS = {
    "renewal": DeployedCall("POST", f"{ONE}/renew", 200, "SessionInfo", on_table("UpdateItem")),
    "creation": DeployedCall(
        "POST", SESSIONS, 201, "CreatedSession", on_table("PutItem"), creation
    ),
    "creation with a key": DeployedCall(
        "POST", SESSIONS, 201, "CreatedSession", on_table("PutItem"), creation_with_a_key
    ),
    "list of a user": DeployedCall(
        "GET",
        SESSIONS,
        200,
        "SessionPage",
        on_table("BatchGetItem") | query_of("byUser"),
        lambda stored: {"fields": {"userId": stored.user_id}},
    ),
    "list of an agent": DeployedCall(
        "GET",
        SESSIONS,
        200,
        "SessionPage",
        on_table("BatchGetItem") | query_of("byAgent"),
        lambda stored: {"fields": {"agentId": stored.agent_id}},
    ),
    "list of everyone": DeployedCall("GET", SESSIONS, 200, "SessionPage", on_table("Scan")),
    "health": DeployedCall("GET", f"{SESSIONS}/health", 200, "Health", on_table("DescribeTable")),
    "read": DeployedCall("GET", ONE, 200, "SessionInfo", on_table("GetItem")),
    "heartbeat": DeployedCall(
        "POST", f"{ONE}/heartbeat", 200, "SessionInfo", on_table("UpdateItem")
    ),
    "timeout change": DeployedCall(
        "PATCH",
        f"{ONE}/timeout",
        200,
        "SessionInfo",
        on_table("GetItem", "UpdateItem"),
        lambda _: {"json": {"timeoutMinutes": 40}},
    ),
    "timeout change to an earlier expiry": DeployedCall(
        "PATCH",
        f"{ONE}/timeout",
        200,
        "SessionInfo",
        on_table("GetItem", "PutItem", "UpdateItem"),
        lambda _: {"json": {"timeoutMinutes": 20}},
    ),
    "deletion": DeployedCall("DELETE", ONE, 200, "Deleted", on_table("DeleteItem")),
    "another method": DeployedCall("PUT", ONE, 405, "Error"),
    "another method of a renewal": DeployedCall("PUT", f"{ONE}/renew", 405, "Error"),
    "another path": DeployedCall("GET", "/api/messaging", 404, "Error"),
}


def failing_calls(stack: DeployedStack) -> set[str]:
    """The calls that are answered with a server error."""
    return {name for name, call in CALLS.items() if call.make(stack).status >= 500}
