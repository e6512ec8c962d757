"""The calls on all sessions: create one, list them, ask whether the table is healthy."""

import json
import uuid
from collections.abc import Iterable

from api.cursors import sign_cursor, verify_cursor
from api.error_responses import Unhealthy
from api.request import Request
from api.responses import Routes, Success, log_invalid_item
from api.validation import read_creation, read_page_query
from domain.creation import create
from domain.session import Snapshot
from domain.session_json import (
    created_session_json,
    rfc3339,
    session_info_json,
    session_page_json,
)
from domain.timeout import TimeoutPolicy
from storage.faults import StorageUnavailable
from storage.idempotency import idempotency_record_id
from storage.session_creation import create_session, create_session_once
from storage.session_listing import list_sessions, position_of
from storage.session_reading import approximate_count
from storage.table import SessionsTable

MAX_PAGE_BYTES = 4_000_000
"""The most that the sessions of a page take. Lambda refuses a response of more than 6 MB."""


COUNT_KEPT_MS = 60_000
"""How long the health call answers with what the table last said. Its errors are not kept."""

HEALTH_ROUTE = "GET /api/messaging/sessions/health"


def collection_routes(policy: TimeoutPolicy, signing_key: str) -> Routes:
    """The calls on all sessions."""

    def create_one(request: Request, table: SessionsTable) -> Success:
        wanted = read_creation(request, policy)
        config = wanted.timeout.completed_by(policy.default)
        session = create(wanted, config, session_id=str(uuid.uuid4()), now_ms=request.now_ms)
        outcome, metric = "created", "Creations"
        if not request.idempotency_key:
            create_session(table, session)
        else:
            record_id = idempotency_record_id(wanted, request.idempotency_key, signing_key)
            once = create_session_once(table, session, wanted, record_id)
            session = once.session
            if not once.changed:
                outcome, metric = "replayed", "Replays"
        return Success(201, created_session_json(session), outcome, metric, session.session_id)

    def list_page(request: Request, table: SessionsTable) -> Success:
        query = read_page_query(request, policy)
        owner = query.owner
        after = None if query.cursor is None else verify_cursor(signing_key, owner, query.cursor)
        page = list_sessions(table, owner, query.limit, after, request.now_ms)
        for item in page.invalid:
            log_invalid_item(request, item)
        next_position = page.next_position
        session_infos = session_infos_that_fit(page.sessions)
        if len(session_infos) < len(page.sessions):
            next_position = position_of(page.sessions[len(session_infos) - 1], owner)
        cursor = None if next_position is None else sign_cursor(signing_key, owner, next_position)
        body = session_page_json(session_infos, cursor)
        return Success(200, body, outcome="listed", metric="Lists")

    counted_until_ms, count = 0, 0

    def check_health(request: Request, table: SessionsTable) -> Success:
        nonlocal counted_until_ms, count
        now_ms = request.now_ms
        if not counted_until_ms - COUNT_KEPT_MS <= now_ms < counted_until_ms:
            try:
                count = approximate_count(table)
            except StorageUnavailable as unavailable:
                raise Unhealthy(unavailable.reason, now_ms) from unavailable
            counted_until_ms = now_ms + COUNT_KEPT_MS
        health = {"status": "healthy", "activeSessions": count, "timestamp": rfc3339(now_ms)}
        return Success(200, json.dumps(health), outcome="healthy", metric="HealthChecks")

    return {
        "POST /api/messaging/sessions": create_one,
        "GET /api/messaging/sessions": list_page,
        HEALTH_ROUTE: check_health,
    }


_string_encoder = json.JSONEncoder(ensure_ascii=False)


def session_infos_that_fit(sessions: Iterable[Snapshot]) -> list[str]:
    """The SessionInfos of the first of these sessions, as many as fit into a page.

    They count as they stand in the function's response, of which the body is one JSON string, with
    its quotes escaped.
    """
    page: list[str] = []
    page_bytes = 0
    for session in sessions:
        info = session_info_json(session)
        page_bytes += len(_string_encoder.encode(info).encode())
        if page_bytes > MAX_PAGE_BYTES:
            break
        page.append(info)
    return page
