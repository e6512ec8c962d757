"""The Lambda handler of an HTTP function: whatever happens, a response of the contract."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from api.access import OPEN, Access
from api.bad_requests import MethodNotAllowed, RouteNotFound
from api.clock_skew import ImplausibleClock, require_plausible_clock
from api.error_responses import ERRORS, INTERNAL_ERROR, ErrorResponse
from api.request import Request
from domain.session import MS_PER_SECOND
from runtime.clock import Stopwatch
from runtime.deadline import SECONDS_BEFORE_LAMBDA_STOPS, Deadline
from runtime.observability import count, loggable, logger
from storage.faults import InvalidItem, StorageUnavailable
from storage.table import SessionsTable

Response = dict[str, Any]
Handler = Callable[[Any, Any], Response]


@dataclass(frozen=True, slots=True)
class Success:
    """The body of a success, and the names by which the log and the metrics know it.

    ``session_id`` is for the log, where the path has none.
    """

    status: int
    body: str
    outcome: str
    metric: str
    session_id: str = ""


Call = Callable[[Request, SessionsTable], Success]
"""A call of the API. The table that it is given makes no request past the call's deadline."""

Routes = Mapping[str, Call]
"""The calls of a function, by the template's route key: ``POST /api/messaging/sessions``."""

# API Gateway adds the headers of the template's CORS configuration.
PREFLIGHT = Success(204, "", outcome="preflight", metric="Preflights")


MAX_REQUEST_SECONDS = 10
"""How long a request to the API may take, whatever DynamoDB does."""


def http_handler(
    table: SessionsTable, routes: Routes, clock_ms: Callable[[], int], access: Access = OPEN
) -> Handler:
    """The Lambda handler of these routes over the table, by this clock (epoch milliseconds).

    Every request leaves one metric, in a line of the log that carries its facts. What the server
    failed at leaves a line before it, with the cause, which the response has not.
    """
    cold_start = {"cold_start": True}

    def handler(event: Any, context: Any) -> Response:
        stopwatch = Stopwatch()
        request = Request(event, context, clock_ms())
        facts = log_facts(request, request.session_id)
        table_for_call = table.until(_deadline(context))
        try:
            access.require(request)
            require_plausible_clock(request)
            success = _call_for(routes, request)(request, table_for_call)
        except Exception as error:  # noqa: BLE001 - every request gets a response
            row = ERRORS.get(type(error), INTERNAL_ERROR)
            _log_failure(error, row, facts)
            outcome, metric, reason = row.code, row.metric, row.code
            response = _error_response(error, row)
        else:
            facts["session_id"] = facts["session_id"] or success.session_id
            outcome, metric, reason = success.outcome, success.metric, ""
            response = _response(success.status, success.body)
        measured = {
            "milliseconds": stopwatch.elapsed_ms,
            "database_requests": table_for_call.requests.sent,
            **cold_start,
        }
        cold_start.clear()
        count(metric, {"outcome": outcome, **facts, **measured}, reason)
        return response

    return handler


def log_facts(request: Request, session_id: str) -> dict[str, str]:
    """What each line of the log says of the request: which one, which session. Both are bounded."""
    return {"correlation_id": loggable(request.request_id), "session_id": loggable(session_id)}


def log_invalid_item(request: Request, item: InvalidItem) -> None:
    """Log an item that is not a session, where the request can do without it."""
    facts = log_facts(request, item.session_id)
    logger.error("not a session", extra={"cause": item.defect, **facts})


def _deadline(context: Any) -> Deadline:
    left_seconds = context.get_remaining_time_in_millis() / MS_PER_SECOND
    return Deadline.after(min(MAX_REQUEST_SECONDS, left_seconds - SECONDS_BEFORE_LAMBDA_STOPS))


def _call_for(routes: Routes, request: Request) -> Call:
    """The call that the event's route stands for.

    Raises:
        RouteNotFound: the event came by the template's route for all other paths.
        MethodNotAllowed: it came by a path's route for all other methods.
    """
    if request.is_preflight:
        return lambda *_: PREFLIGHT
    call = routes.get(request.route_key)
    if call is not None:
        return call
    path = request.route_key.partition(" ")[2]
    known = (route.partition(" ") for route in routes)
    allowed = sorted(method for method, _, known_path in known if known_path == path)
    if not allowed:
        raise RouteNotFound
    raise MethodNotAllowed(", ".join(allowed))


def _log_failure(error: Exception, row: ErrorResponse, facts: Mapping[str, str]) -> None:
    """Log what the server failed at. A refusal is none: its metric says all."""
    facts = {"outcome": row.code, **facts}
    if isinstance(error, StorageUnavailable):
        logger.error(row.summary, extra={"cause": error.reason, **facts})
    elif isinstance(error, ImplausibleClock):
        logger.error("the clock is years off", extra={"now_ms": error.now_ms, **facts})
    elif row is INTERNAL_ERROR:
        logger.error(row.summary, exc_info=error, extra=facts)


def _error_response(error: Exception, row: ErrorResponse) -> Response:
    fields = {"code": row.code, "message": row.message(error), "details": row.details(error)}
    body = json.dumps({"success": False, "error": fields, **row.extra_fields(error)})
    return _response(row.status, body, row.headers(error))


def _response(status: int, body: str, headers: Mapping[str, str] | None = None) -> Response:
    return {
        "statusCode": status,
        "headers": {
            "Content-Type": "application/json",
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
            **(headers or {}),
        },
        "body": body,
    }
