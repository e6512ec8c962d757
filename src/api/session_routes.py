"""The calls on one session, except for its renewal."""

import json
from collections.abc import Callable

from api.request import Request
from api.responses import Routes, Success
from api.validation import read_timeout_change
from domain.session_json import session_info_json
from domain.timeout import TimeoutPolicy
from storage.heartbeat_update import record_heartbeat
from storage.session_deletion import delete_session
from storage.session_reading import read_session
from storage.table import SessionsTable
from storage.timeout_update import change_timeout


def session_routes(
    table: SessionsTable, policy: TimeoutPolicy, clock_ms: Callable[[], int]
) -> Routes:
    """The calls on one session. ``clock_ms`` tells the current epoch milliseconds."""

    def read(request: Request) -> Success:
        body = session_info_json(read_session(table, request.session_id, clock_ms()))
        return Success(200, body, outcome="read", metric="Reads")

    def delete(request: Request) -> Success:
        delete_session(table, request.session_id)
        body = json.dumps({"success": True, "message": "Session deleted"})
        return Success(200, body, outcome="deleted", metric="Deletions")

    def heartbeat(request: Request) -> Success:
        outcome = record_heartbeat(table, request.session_id, clock_ms(), request.renewal_id)
        return Success(200, session_info_json(outcome), outcome="active", metric="Heartbeats")

    def change(request: Request) -> Success:
        limits = read_timeout_change(request, policy)
        body = session_info_json(change_timeout(table, request.session_id, clock_ms(), limits))
        return Success(200, body, outcome="timeout changed", metric="TimeoutChanges")

    return {
        "GET /api/messaging/sessions/{sessionId}": read,
        "DELETE /api/messaging/sessions/{sessionId}": delete,
        "POST /api/messaging/sessions/{sessionId}/heartbeat": heartbeat,
        "PATCH /api/messaging/sessions/{sessionId}/timeout": change,
    }
