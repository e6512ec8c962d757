"""API Gateway on a laptop: HTTP requests in, events of payload 2.0 to the handlers."""

import base64
import json
import time
import uuid
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from api.responses import Handler
from local.event_feed import EventFeed
from local.template import Route, Template

MAX_BODY_BYTES = 10 * 1024 * 1024  # API Gateway's own limit
MAX_LOGGED_PATH_CHARS = 160

REFRESH_HEADER = "local-page-refresh"
"""What the page at ``/`` sends when it reads by itself: only failures of that are logged."""


@dataclass(frozen=True)
class LambdaContext:
    """As much of Lambda's context as the handlers read."""

    aws_request_id: str
    remaining_seconds: float = 300

    def get_remaining_time_in_millis(self) -> int:
        """Always the same: nothing stops a function here."""
        return int(self.remaining_seconds * 1000)


class Gateway:
    """The routes of template.yaml in front of their handlers, as an ASGI application."""

    def __init__(
        self, template: Template, lock: AbstractContextManager[object], feed: EventFeed
    ) -> None:
        self._routes = [(route, route.load_handler()) for route in template.routes()]
        self._lock = lock
        self._feed = feed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, and log it in one line. The page is told which session changed."""
        started = time.perf_counter()
        request = Request(scope, receive)
        try:
            response = await self._answer(request)
        except ClientDisconnect:
            response = JSONResponse({"message": "The client hung up"}, 400)  # for the log alone
        await response(scope, receive, send)
        if request.method != "GET" and response.status_code < 400:
            session_id = request.path_params.get("sessionId") or created_session(response)
            self._feed.tell_of_change(session_id, deleted=request.method == "DELETE")
        if REFRESH_HEADER in request.headers and response.status_code < 500:
            return
        milliseconds = (time.perf_counter() - started) * 1000
        path = raw_path(request)[:MAX_LOGGED_PATH_CHARS]
        print(
            f"{time.strftime('%H:%M:%S')}  {response.status_code} {request.method} {path}"
            f"  {error_code(response)}{milliseconds:.1f} ms",
            flush=True,
        )

    async def _answer(self, request: Request) -> Response:
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BODY_BYTES:
                return JSONResponse({"message": "Request Entity Too Large"}, 413)
        for route, handler in self._routes:
            parameters = route.match(request.method, raw_path(request))
            if parameters is not None:
                request.scope["path_params"] = parameters
                event = event_of(request, route, parameters, body)
                answer = await run_in_threadpool(self._invoke, handler, event)
                return Response(answer["body"], answer["statusCode"], answer["headers"])
        return JSONResponse({"message": "Not Found"}, 404)

    def _invoke(self, handler: Handler, event: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            return handler(event, LambdaContext(str(uuid.uuid4())))


def event_of(
    request: Request, route: Route, parameters: dict[str, str], body: bytes
) -> dict[str, Any]:
    """The request as API Gateway would send it to the function: payload format 2.0."""
    now = datetime.now(UTC)
    source_ip = request.client.host if request.client else ""
    path = request.url.path
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": route.key,
        "rawPath": path,
        "rawQueryString": request.url.query,
        "headers": {name: ",".join(request.headers.getlist(name)) for name in request.headers},
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "local",
            "domainName": request.url.hostname,
            "domainPrefix": "local",
            "http": {
                "method": request.method,
                "path": path,
                "protocol": f"HTTP/{request.scope['http_version']}",
                "sourceIp": source_ip,
                "userAgent": request.headers.get("user-agent", ""),
            },
            "requestId": str(uuid.uuid4()),
            "routeKey": route.key,
            "stage": "$default",
            "time": now.strftime("%d/%b/%Y:%H:%M:%S +0000"),
            "timeEpoch": int(now.timestamp() * 1000),
        },
        "isBase64Encoded": False,
    }
    if parameters:
        event["pathParameters"] = parameters
    if request.query_params:
        event["queryStringParameters"] = {
            name: ",".join(request.query_params.getlist(name)) for name in request.query_params
        }
    if request.cookies:
        event["cookies"] = [f"{name}={value}" for name, value in request.cookies.items()]
    if body:
        try:
            event["body"] = body.decode()
        except UnicodeDecodeError:
            event["body"] = base64.b64encode(body).decode()
            event["isBase64Encoded"] = True
    return event


def raw_path(request: Request) -> str:
    """The path as the client sent it: a slash in a parameter is still encoded."""
    path: bytes = request.scope["raw_path"]
    return path.decode("ascii", "backslashreplace")


def created_session(response: Response) -> str:
    """The ID of the session that was created."""
    session_id: str = json.loads(bytes(response.body))["sessionId"]
    return session_id


def error_code(response: Response) -> str:
    """The code of a refusal, for the log."""
    if response.status_code < 400:
        return ""
    body = json.loads(bytes(response.body))
    return f"{body['error']['code']} " if "error" in body else ""
