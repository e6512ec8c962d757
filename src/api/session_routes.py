"""The calls on one session, except for its renewal."""

import json

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


def session_routes(policy: TimeoutPolicy) -> Routes:
    """The calls on one session."""

    def read(request: Request, table: SessionsTable) -> Success:
        body = session_info_json(read_session(table, request.session_id, request.now_ms))
        return Success(200, body, outcome="read", metric="Reads")

    def delete(request: Request, table: SessionsTable) -> Success:
        delete_session(table, request.session_id)
        body = json.dumps({"success": True, "message": "Session deleted"})
        return Success(200, body, outcome="deleted", metric="Deletions")

    def heartbeat(request: Request, table: SessionsTable) -> Success:
        outcome = record_heartbeat(table, request.session_id, request.now_ms, request.renewal_id)
        return Success(200, session_info_json(outcome), outcome="active", metric="Heartbeats")

    def change(request: Request, table: SessionsTable) -> Success:
        limits = read_timeout_change(request, policy)
        body = session_info_json(change_timeout(table, request.session_id, request.now_ms, limits))
        return Success(200, body, outcome="timeout changed", metric="TimeoutChanges")

    return {
        "GET /api/messaging/sessions/{sessionId}": read,
        "DELETE /api/messaging/sessions/{sessionId}": delete,
        "POST /api/messaging/sessions/{sessionId}/heartbeat": heartbeat,
        "PATCH /api/messaging/sessions/{sessionId}/timeout": change,
    }
