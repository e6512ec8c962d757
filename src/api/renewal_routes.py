"""The renewal, which is most of the traffic: RenewFunction imports no more than this needs."""

from api.request import Request
from api.responses import Routes, Success
from domain.session_json import session_info_json
from storage.renewal_update import renew_session
from storage.table import SessionsTable


def renew(request: Request, table: SessionsTable) -> Success:
    """Renew a session."""
    outcome = renew_session(table, request.session_id, request.now_ms, request.renewal_id)
    body = session_info_json(outcome)
    if outcome.changed:
        return Success(200, body, outcome="renewed", metric="Renewals")
    return Success(200, body, outcome="replayed", metric="Replays")


RENEWAL_ROUTES: Routes = {"POST /api/messaging/sessions/{sessionId}/renew": renew}
