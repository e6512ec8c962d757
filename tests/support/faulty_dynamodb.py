"""DynamoDB behind a proxy that fails as it is told to."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import urllib3


class FaultyDynamoDB(ThreadingHTTPServer):
    """In front of DynamoDB Local. It takes one of ``faults`` a request; the last one stays."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, upstream: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.upstream = upstream
        self.faults: list[Fault] = [pass_on]
        self.requests = 0
        self.back = threading.Event()

    @property
    def endpoint(self) -> str:
        """Where clients reach it."""
        return f"http://127.0.0.1:{self.server_port}"

    def next_fault(self) -> "Fault":
        """The fault of the next request."""
        self.requests += 1
        return self.faults.pop(0) if len(self.faults) > 1 else self.faults[0]


class _Handler(BaseHTTPRequestHandler):
    server: FaultyDynamoDB
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.next_fault()(self)

    def forward(self) -> urllib3.BaseHTTPResponse:
        """Have DynamoDB Local carry the request out."""
        return urllib3.request(
            "POST", self.server.upstream, body=self.body, headers=dict(self.headers.items())
        )

    def reply(self, status: int, body: bytes, request_id: str | None = None) -> None:
        self.send_response(status)
        if request_id is not None:
            self.send_header("x-amzn-RequestId", request_id)
        self.send_header("Content-Type", "application/x-amz-json-1.0")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing to say."""


Fault = Callable[[_Handler], None]


def pass_on(request: _Handler) -> None:
    """No fault."""
    answer = request.forward()
    request.reply(answer.status, answer.data, answer.headers["x-amzn-RequestId"])


def lose_the_reply(request: _Handler) -> None:
    """Carry the request out, and hang up before the answer."""
    request.forward()
    request.close_connection = True


def cut_the_reply_short(request: _Handler) -> None:
    """Carry the request out, and hang up in the middle of the answer."""
    answer = request.forward()
    request.send_response(answer.status)
    request.send_header("Content-Length", str(len(answer.data)))
    request.send_header("x-amz-crc32", answer.headers["x-amz-crc32"])
    request.end_headers()
    request.wfile.write(answer.data[: len(answer.data) // 2])
    request.close_connection = True


def end_within_a_character(request: _Handler) -> None:
    """Answer with a body that is cut within a character of two bytes."""
    request.reply(200, '{"Attributes": {"metadata": {"S": "é'.encode()[:-1], "request-1")


def hang_up(request: _Handler) -> None:
    """Hang up before the request is carried out."""
    request.close_connection = True


def stall(request: _Handler) -> None:
    """Do not answer for as long as the proxy runs."""
    request.server.back.wait(60)
    request.close_connection = True


def fail(request: _Handler) -> None:
    """DynamoDB's own failure."""
    request.reply(500, _error("com.amazonaws.dynamodb.v20120810#InternalServerError"))


def fail_in_html(request: _Handler) -> None:
    """The failure of something between here and DynamoDB."""
    request.reply(502, b"<html><body>Bad Gateway</body></html>")


def succeed_in_html(request: _Handler) -> None:
    """The welcome page of something that is not DynamoDB."""
    request.reply(200, b"<html><body>Welcome</body></html>")


def refuse_with(code: str) -> Fault:
    """Answer with one of DynamoDB's errors that are about load."""

    def fault(request: _Handler) -> None:
        request.reply(400, _error(f"com.amazonaws.dynamodb.v20120810#{code}"))

    fault.__name__ = code
    return fault


def deny(request: _Handler) -> None:
    """A deployment without the permission."""
    request.reply(400, _error("com.amazon.coral.service#AccessDeniedException"))


def _error(kind: str) -> bytes:
    return json.dumps({"__type": kind, "message": "secret-table-name"}).encode()


@contextmanager
def faulty_dynamodb(upstream: str) -> Iterator[FaultyDynamoDB]:
    """The proxy, serving for as long as the context lasts."""
    with FaultyDynamoDB(upstream) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.back.set()
            server.shutdown()
            thread.join()
