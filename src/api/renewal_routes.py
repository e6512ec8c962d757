"""The renewal, which is most of the traffic: RenewFunction imports no more than this needs."""

from collections.abc import Callable

from api.request import Request
from api.responses import Routes, Success
from domain.session_json import session_info_json
from storage.renewal_update import renew_session
from storage.table import SessionsTable


def renewal_routes(table: SessionsTable, clock_ms: Callable[[], int]) -> Routes:
    """The calls of RenewFunction. ``clock_ms`` tells the current epoch milliseconds."""

    def renew(request: Request) -> Success:
        outcome = renew_session(table, request.session_id, clock_ms(), request.renewal_id)
        body = session_info_json(outcome)
        if outcome.changed:
            return Success(200, body, outcome="renewed", metric="Renewals")
        return Success(200, body, outcome="replayed", metric="Replays")

    return {"POST /api/messaging/sessions/{sessionId}/renew": renew}
