"""The HTTP face of a function: API Gateway's payload 2.0 in, the contract's answers out."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from domain.errors import SessionNotFound
from domain.session import is_possible_session_id
from handlers.errors import ERRORS, INTERNAL_ERROR, MethodNotAllowed, RouteNotFound
from handlers.observability import count, loggable, logger
from storage.errors import StorageUnavailable

Response = dict[str, Any]
Handler = Callable[[Any, Any], Response]

MAX_PLAIN_RENEWAL_ID_CHARS = 64


@dataclass(frozen=True, slots=True)
class Request:
    """One event of API Gateway. Any field of it may be missing or of another type."""

    event: Any
    context: Any

    @property
    def session_id(self) -> str:
        """The decoded path parameter; empty where there is none."""
        return self._text("pathParameters", "sessionId")

    def possible_session_id(self) -> str:
        """The decoded path parameter, if a session may have it as its ID.

        Raises:
            SessionNotFound: none may.
        """
        if not is_possible_session_id(self.session_id):
            raise SessionNotFound(self.session_id)
        return self.session_id

    def facts(self, session_id: str) -> dict[str, str]:
        """What each of its log lines says: which request, which session. Both are bounded."""
        return {"correlation_id": loggable(self.request_id), "session_id": loggable(session_id)}

    @property
    def request_id(self) -> str:
        """API Gateway's ID of the request, else Lambda's."""
        lambda_request_id: str = getattr(self.context, "aws_request_id", "")
        return self._text("requestContext", "requestId") or lambda_request_id

    @property
    def idempotency_key(self) -> str:
        """What the client calls the request, so that a retry can be told; empty without a name."""
        return self.header("idempotency-key")

    @property
    def renewal_id(self) -> str:
        """What makes a retry the same renewal: the ``Idempotency-Key``, else the request ID.

        A key that is long or not plain ASCII is stood for by its digest: what is stored is
        bounded, whatever the client sends.
        """
        key = self.idempotency_key or self.request_id
        if len(key) <= MAX_PLAIN_RENEWAL_ID_CHARS and key.isascii():
            return key
        return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()

    @property
    def query(self) -> Mapping[str, Any]:
        """The decoded query parameters; those of one name are joined by commas."""
        return self._mapping("queryStringParameters")

    @property
    def body(self) -> tuple[str, bool]:
        """The body, empty where there is none, and whether it is in base64."""
        fields = self.event if isinstance(self.event, Mapping) else {}
        return self._text("body"), fields.get("isBase64Encoded") is True

    @property
    def route_key(self) -> str:
        """The template's route that the event came by: a method and a path, or ``$default``."""
        return self._text("routeKey")

    @property
    def is_preflight(self) -> bool:
        """Whether a browser asks what it may send: ``ANY`` and ``$default`` bring that, too."""
        return self._text("requestContext", "http", "method") == "OPTIONS"

    def header(self, name: str) -> str:
        """The header of this name, in lower case; empty where there is none."""
        # API Gateway sends the names in lower case, SAM CLI as the client spelt them.
        for header, value in self._mapping("headers").items():
            if header.lower() == name and isinstance(value, str):
                return value
        return ""

    def _mapping(self, name: str) -> Mapping[str, Any]:
        found = self.event.get(name) if isinstance(self.event, Mapping) else None
        return found if isinstance(found, Mapping) else {}

    def _text(self, *path: str) -> str:
        found = self.event
        for name in path:
            found = found.get(name) if isinstance(found, Mapping) else None
        return found if isinstance(found, str) else ""


@dataclass(frozen=True, slots=True)
class Answer:
    """A success: its body, and what the log and the metrics call it.

    ``session_id`` is for the log, where the path has none.
    """

    status: int
    body: str
    outcome: str
    metric: str
    session_id: str = ""


Call = Callable[[Request], Answer]

# API Gateway adds the headers that the template's CORS configuration says.
PREFLIGHT = Answer(204, "", outcome="preflight", metric="Preflights")


def http_handler(routes: Mapping[str, Call]) -> Handler:
    """The Lambda handler of these routes: whatever happens becomes one of the answers.

    Every request leaves one log line and one metric. The log has the cause of a failure, the
    response has none of it.
    """

    def handler(event: Any, context: Any) -> Response:
        request = Request(event, context)
        facts = request.facts(request.session_id)
        try:
            answered = _call(routes, request)(request)
        except Exception as error:  # noqa: BLE001 - the last to answer
            return _refuse(error, facts)
        facts["session_id"] = facts["session_id"] or answered.session_id
        logger.info(answered.outcome, extra={"outcome": answered.outcome, **facts})
        count(answered.metric)
        return _response(answered.status, answered.body)

    return handler


def _call(routes: Mapping[str, Call], request: Request) -> Call:
    """The call that the route is for, or a refusal of what the template's other routes bring.

    Raises:
        RouteNotFound: the event came by no path of these (``$default``).
        MethodNotAllowed: it came by one of the paths, with a method that is none of its own.
    """
    if request.is_preflight:
        return lambda _: PREFLIGHT
    call = routes.get(request.route_key)
    if call is not None:
        return call
    path = request.route_key.partition(" ")[2]
    known = (route.partition(" ") for route in routes)
    allowed = sorted(method for method, _, known_path in known if known_path == path)
    if not allowed:
        raise RouteNotFound
    raise MethodNotAllowed(", ".join(allowed))


def _refuse(error: Exception, facts: Mapping[str, str]) -> Response:
    row = ERRORS.get(type(error), INTERNAL_ERROR)
    facts = {"outcome": row.code, **facts}
    if isinstance(error, StorageUnavailable):
        logger.error(row.message, extra={"cause": error.reason, **facts})
    elif row is INTERNAL_ERROR:
        logger.error(row.message, exc_info=error, extra=facts)
    else:
        logger.info(row.message, extra=facts)
    count(row.metric, reason=row.code)
    problem = {"code": row.code, "message": row.message, "details": row.details(error)}
    body = json.dumps({"success": False, "error": problem, **row.beside(error)})
    return _response(row.status, body, row.headers(error))


def _response(status: int, body: str, headers: Mapping[str, str] | None = None) -> Response:
    return {
        "statusCode": status,
        "headers": {
            "Content-Type": "application/json",
            "Cache-Control": "no-store",
            **(headers or {}),
        },
        "body": body,
    }
