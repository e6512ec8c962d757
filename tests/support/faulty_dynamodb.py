"""DynamoDB behind a proxy that fails as it is told to."""

import json
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import urllib3

MAX_CONNECTIONS = 64
"""How many connections to DynamoDB Local are kept open."""


class FaultyDynamoDB(ThreadingHTTPServer):
    """In front of DynamoDB Local. It takes one of ``faults`` a request; the last one stays.

    With ``choose_fault``, that chooses each request's fault instead. Connections on both sides are
    kept open: the proxy is fast enough for a soak.
    """

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, upstream: str, choose_fault: "Callable[[], Fault] | None" = None) -> None:
        super().__init__(("127.0.0.1", 0), ProxiedRequest)
        self.upstream = urllib3.connection_from_url(upstream, maxsize=MAX_CONNECTIONS)
        self.faults: list[Fault] = [pass_on]
        self.requests = 0
        self.back = threading.Event()
        self.choose_fault = choose_fault or self._next_of_the_list
        self._under_way = 0
        self._changed = threading.Condition()

    @property
    def endpoint(self) -> str:
        """Where clients reach it."""
        return f"http://127.0.0.1:{self.server_port}"

    def next_fault(self) -> "Fault":
        """The fault of the next request. Requests come from many threads at once."""
        with self._changed:
            self.requests += 1
            return self.choose_fault()

    @contextmanager
    def under_way(self) -> "Iterator[None]":
        """A request is being dealt with, though its client may long have given up."""
        with self._changed:
            self._under_way += 1
        try:
            yield
        finally:
            with self._changed:
                self._under_way -= 1
                self._changed.notify_all()

    def wait_until_idle(self) -> None:
        """Wait for the last request to be dealt with: no write is still to come."""
        with self._changed:
            self._changed.wait_for(lambda: self._under_way == 0)

    def server_close(self) -> None:
        """Close the connections to DynamoDB Local, too."""
        super().server_close()
        self.upstream.close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that gave up is the point of some faults. Anything else is a bug: show it."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    def _next_of_the_list(self) -> "Fault":
        return self.faults.pop(0) if len(self.faults) > 1 else self.faults[0]


class ProxiedRequest(BaseHTTPRequestHandler):
    """A request, for a fault to do with as it likes. A connection has one after the other."""

    server: FaultyDynamoDB
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body leave in one packet
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        self.body = self.rfile.read(int(self.headers["Content-Length"]))
        with self.server.under_way():
            self.server.next_fault()(self)

    def forward(self) -> urllib3.BaseHTTPResponse:
        """Have DynamoDB Local carry the request out."""
        return self.server.upstream.urlopen(
            "POST", "/", body=self.body, headers=dict(self.headers.items())
        )

    def reply(
        self,
        status: int,
        body: bytes,
        request_id: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Answer with this body, and with these headers besides the usual ones."""
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if request_id is not None:
            self.send_header("x-amzn-RequestId", request_id)
        self.send_header("Content-Type", "application/x-amz-json-1.0")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing to say."""


Fault = Callable[[ProxiedRequest], None]


def pass_on(request: ProxiedRequest) -> None:
    """No fault."""
    answer = request.forward()
    request.reply(answer.status, answer.data, answer.headers["x-amzn-RequestId"])


def pass_on_and_hang_up(request: ProxiedRequest) -> None:
    """No fault yet, but the connection is closed that the client keeps for its next request."""
    pass_on(request)
    request.close_connection = True


def lose_the_reply(request: ProxiedRequest) -> None:
    """Carry the request out, and hang up before the answer."""
    request.forward()
    request.close_connection = True


def cut_the_reply_short(request: ProxiedRequest) -> None:
    """Carry the request out, and hang up in the middle of the answer."""
    answer = request.forward()
    request.send_response(answer.status)
    request.send_header("Content-Length", str(len(answer.data)))
    request.send_header("x-amz-crc32", answer.headers["x-amz-crc32"])
    request.end_headers()
    request.wfile.write(answer.data[: len(answer.data) // 2])
    request.close_connection = True


def end_within_a_character(request: ProxiedRequest) -> None:
    """Answer with a body that is cut within a character of two bytes."""
    request.reply(200, '{"Attributes": {"metadata": {"S": "é'.encode()[:-1], "request-1")


def hang_up(request: ProxiedRequest) -> None:
    """Hang up before the request is carried out."""
    request.close_connection = True


def stall(request: ProxiedRequest) -> None:
    """Do not answer for as long as the proxy runs."""
    request.server.back.wait(60)
    request.close_connection = True


def fail(request: ProxiedRequest) -> None:
    """DynamoDB's own failure."""
    request.reply(500, error_body("com.amazonaws.dynamodb.v20120810#InternalServerError"))


def fail_in_html(request: ProxiedRequest) -> None:
    """The failure of something between here and DynamoDB."""
    request.reply(502, b"<html><body>Bad Gateway</body></html>")


def succeed_in_html(request: ProxiedRequest) -> None:
    """The welcome page of something that is not DynamoDB."""
    request.reply(200, b"<html><body>Welcome</body></html>")


def refuse_with(code: str) -> Fault:
    """Answer with one of DynamoDB's errors that are about load."""

    def fault(request: ProxiedRequest) -> None:
        request.reply(400, error_body(f"com.amazonaws.dynamodb.v20120810#{code}"))

    fault.__name__ = code
    return fault


def deny(request: ProxiedRequest) -> None:
    """A deployment without the permission."""
    request.reply(400, error_body("com.amazon.coral.service#AccessDeniedException"))


def error_body(kind: str) -> bytes:
    """The body of an error of this kind."""
    return json.dumps({"__type": kind, "message": "secret-table-name"}).encode()


@contextmanager
def faulty_dynamodb(
    upstream: str, choose_fault: Callable[[], Fault] | None = None
) -> Iterator[FaultyDynamoDB]:
    """The proxy, serving for as long as the context lasts."""
    with FaultyDynamoDB(upstream, choose_fault) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.back.set()
            server.shutdown()
            thread.join()
