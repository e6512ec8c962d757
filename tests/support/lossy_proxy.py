"""A proxy in front of the API that loses the answer to the first creation."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import urllib3


class LossyProxy(ThreadingHTTPServer):
    """Passes requests on, and hangs up instead of passing on the first 201."""

    daemon_threads = True

    def __init__(self, upstream_url: str) -> None:
        super().__init__(("127.0.0.1", 0), ForwardingHandler)
        self.upstream_url = upstream_url
        self.lost_an_answer = False

    @property
    def url(self) -> str:
        """Where clients reach it."""
        return f"http://127.0.0.1:{self.server_port}"


class ForwardingHandler(BaseHTTPRequestHandler):
    """A request to the API."""

    server: LossyProxy

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        names = ("Content-Type", "Idempotency-Key")
        headers = {name: self.headers[name] for name in names if name in self.headers}
        url = self.server.upstream_url + self.path
        answer = urllib3.request("POST", url, body=body, headers=headers)
        if answer.status == 201 and not self.server.lost_an_answer:
            self.server.lost_an_answer = True
            return
        self.send_response(answer.status)
        self.send_header("Content-Length", str(len(answer.data)))
        self.end_headers()
        self.wfile.write(answer.data)

    def log_message(self, *_: object) -> None:
        """Nothing to say."""


@contextmanager
def lossy_proxy(upstream_url: str) -> Iterator[LossyProxy]:
    """Such a proxy, until the context ends."""
    with LossyProxy(upstream_url) as proxy:
        threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.05}).start()
        try:
            yield proxy
        finally:
            proxy.shutdown()
