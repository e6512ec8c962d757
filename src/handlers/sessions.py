"""SessionsFunction: every call of the API but the renewal, which has a function of its own."""

import json
import os
import uuid
from collections.abc import Callable

from domain.creation import create
from domain.timeout import TimeoutPolicy
from handlers.clock import epoch_ms
from handlers.cursors import seal, unseal
from handlers.errors import Unhealthy
from handlers.http import Answer, Handler, Request, http_handler
from handlers.observability import logger
from handlers.session_info import created_session_json, rfc3339, session_info_json
from handlers.settings import Settings, signing_key_from, timeout_policy_from
from handlers.validation import read_creation, read_page_query, read_timeout_change
from storage.creation import create_session, create_session_once, memory_id_of
from storage.deletion import delete_session
from storage.errors import StorageUnavailable
from storage.heartbeat import beat
from storage.listing import read_page
from storage.reading import approximate_count, read_session
from storage.table import SessionsTable, dynamodb_client
from storage.timeout import change_timeout


def sessions_handler(
    table: SessionsTable, policy: TimeoutPolicy, signing_key: str, clock_ms: Callable[[], int]
) -> Handler:
    """The function over this table, by this clock (epoch milliseconds)."""

    def create_one(request: Request) -> Answer:
        creation = read_creation(request, policy)
        config = creation.timeout.applied_to(policy.default)
        session = create(creation, config, session_id=str(uuid.uuid4()), now_ms=clock_ms())
        outcome, metric = "created", "Creations"
        if not request.idempotency_key:
            create_session(table, session)
        else:
            memory_id = memory_id_of(creation, request.idempotency_key, signing_key)
            once = create_session_once(table, session, creation, memory_id)
            session = once.session
            if not once.changed:
                outcome, metric = "replayed", "Replays"
        return Answer(201, created_session_json(session), outcome, metric, session.session_id)

    def list_page(request: Request) -> Answer:
        query = read_page_query(request, policy)
        owner, now_ms = query.owner, clock_ms()
        after = None if query.cursor is None else unseal(signing_key, owner, query.cursor)
        page = read_page(table, owner, int(query.limit), after, now_ms)
        for item in page.invalid:
            facts = request.facts(item.session_id)
            logger.error("Not a session", extra={"cause": item.defect, **facts})
        fields: dict[str, object] = {"total": len(page.sessions)}
        if page.next_position is not None:
            fields["cursor"] = seal(signing_key, owner, page.next_position)
        infos = ", ".join(session_info_json(each.session, each.at_ms) for each in page.sessions)
        body = f'{{"sessions": [{infos}], {json.dumps(fields)[1:]}'
        return Answer(200, body, outcome="listed", metric="Lists")

    def check_health(_: Request) -> Answer:
        now_ms = clock_ms()
        try:
            count = approximate_count(table)
        except StorageUnavailable as unavailable:
            raise Unhealthy(unavailable.reason, now_ms) from unavailable
        health = {"status": "healthy", "activeSessions": count, "timestamp": rfc3339(now_ms)}
        return Answer(200, json.dumps(health), outcome="healthy", metric="HealthChecks")

    def read_one(request: Request) -> Answer:
        read = read_session(table, request.possible_session_id(), clock_ms())
        body = session_info_json(read.session, read.at_ms)
        return Answer(200, body, outcome="read", metric="Reads")

    def delete_one(request: Request) -> Answer:
        delete_session(table, request.possible_session_id())
        body = json.dumps({"success": True, "message": "Session deleted"})
        return Answer(200, body, outcome="deleted", metric="Deletions")

    def note_activity(request: Request) -> Answer:
        heartbeat = beat(table, request.possible_session_id(), clock_ms(), request.renewal_id)
        body = session_info_json(heartbeat.session, heartbeat.at_ms)
        return Answer(200, body, outcome="active", metric="Heartbeats")

    def change_limits(request: Request) -> Answer:
        change = read_timeout_change(request, policy)
        changed = change_timeout(table, request.possible_session_id(), clock_ms(), change)
        body = session_info_json(changed.session, changed.at_ms)
        return Answer(200, body, outcome="timeout changed", metric="TimeoutChanges")

    return http_handler(
        {
            "POST /api/messaging/sessions": create_one,
            "GET /api/messaging/sessions": list_page,
            "GET /api/messaging/sessions/health": check_health,
            "GET /api/messaging/sessions/{sessionId}": read_one,
            "DELETE /api/messaging/sessions/{sessionId}": delete_one,
            "POST /api/messaging/sessions/{sessionId}/heartbeat": note_activity,
            "PATCH /api/messaging/sessions/{sessionId}/timeout": change_limits,
        }
    )


settings = Settings.from_environment(os.environ)
handler = sessions_handler(
    SessionsTable(dynamodb_client(), settings.sessions_table, settings.retention_seconds),
    timeout_policy_from(os.environ),
    signing_key_from(os.environ),
    epoch_ms,
)
