"""RenewFunction: ``POST /api/messaging/sessions/{sessionId}/renew``."""

import os
from collections.abc import Callable

from handlers.clock import epoch_ms
from handlers.http import Answer, Handler, Request, http_handler
from handlers.session_info import session_info_json
from handlers.settings import Settings
from storage.renewal import renew
from storage.table import SessionsTable, dynamodb_client


def renewal_handler(table: SessionsTable, clock_ms: Callable[[], int]) -> Handler:
    """The function over this table, by this clock (epoch milliseconds)."""

    def renew_session(request: Request) -> Answer:
        renewal = renew(table, request.possible_session_id(), clock_ms(), request.renewal_id)
        body = session_info_json(renewal.session, renewal.at_ms)
        if renewal.changed:
            return Answer(200, body, outcome="renewed", metric="Renewals")
        return Answer(200, body, outcome="replayed", metric="Replays")

    return http_handler({"POST /api/messaging/sessions/{sessionId}/renew": renew_session})


settings = Settings.from_environment(os.environ)
handler = renewal_handler(
    SessionsTable(dynamodb_client(), settings.sessions_table, settings.retention_seconds), epoch_ms
)
