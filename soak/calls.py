"""The calls of a soak: their events, and the answers that the contract allows for each."""

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from benchmarks import api_events
from benchmarks.api_events import SESSION, SESSIONS
from runtime.clock import epoch_ms
from tests.support.sessions import AGENT_ID, USER_ID


class Kind(StrEnum):
    """What a call is, by the name that the report has for it."""

    RENEWAL = "renewal"
    HEARTBEAT = "heartbeat"
    READ = "read"
    CHANGE = "timeout change"
    CREATION = "creation"
    DELETION = "deletion"


COUNTED = frozenset({Kind.RENEWAL, Kind.HEARTBEAT})
"""The calls that a session counts, as long as ``autoRenew`` is true."""

ROUTES = {
    Kind.RENEWAL: f"POST {SESSION}/renew",
    Kind.HEARTBEAT: f"POST {SESSION}/heartbeat",
    Kind.READ: f"GET {SESSION}",
    Kind.CHANGE: f"PATCH {SESSION}/timeout",
    Kind.CREATION: f"POST {SESSIONS}",
    Kind.DELETION: f"DELETE {SESSION}",
}

SUCCESSES: Mapping[tuple[Kind, int], str] = {
    (Kind.RENEWAL, 200): "SessionInfo",
    (Kind.HEARTBEAT, 200): "SessionInfo",
    (Kind.READ, 200): "SessionInfo",
    (Kind.CHANGE, 200): "SessionInfo",
    (Kind.CREATION, 201): "CreatedSession",
    (Kind.DELETION, 200): "Deleted",
}
"""The schema of each call's success."""

REFUSALS = frozenset({(Kind.DELETION, 404)})
"""The refusals that a call on a live session may meet: an attempt whose reply was lost deleted it.

A 503 may answer any call. No other answer is expected.
"""


@dataclass(frozen=True)
class Call:
    """A call that a client makes, and repeats with the same key until it is answered."""

    kind: Kind
    session_id: str
    key: str
    body: Mapping[str, Any] | None = None

    def event(self) -> dict[str, Any]:
        """The event of one attempt. API Gateway gives each one a request ID of its own."""
        headers = {"idempotency-key": self.key}
        event = api_events.event(ROUTES[self.kind], 0, self.session_id, headers)
        event["requestContext"] |= {"requestId": str(uuid.uuid4()), "timeEpoch": epoch_ms()}
        if self.body is not None:
            event["headers"]["content-type"] = "application/json"
            event["body"] = json.dumps(self.body)
        return event


def creation(key: str) -> Call:
    """A creation of a session with little metadata."""
    body = {"agentId": AGENT_ID, "userId": USER_ID, "metadata": {"channel": "web"}}
    return Call(Kind.CREATION, "", key, body)
