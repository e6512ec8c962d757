"""EventBridge and SQS that take a stated time, and refuse events that are marked as poison.

A process of its own: ``python -m benchmarks.refusing_services PORT``. It reads no more of a request
than it must, so that what is measured is the function.
"""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from local.dynamodb_local import wait_until_it_listens

SECONDS_A_REQUEST = 0.005
"""How long each request takes at the least: an assumption, as of a service in the same region."""

POISON = "poison"
"""A member of an event's metadata with this name has EventBridge refuse the event for good."""

MARK = json.dumps({POISON: True}, separators=(",", ":"))


def answer(operation: str, request: Any) -> dict[str, Any]:
    """The reply to ``PutEvents`` or to ``SendMessageBatch``."""
    if operation == "AmazonSQS.SendMessageBatch":
        sent = [{"Id": entry["Id"], "MessageId": entry["Id"]} for entry in request["Entries"]]
        return {"Successful": sent, "Failed": []}
    results = [
        {"ErrorCode": "MalformedDetail", "ErrorMessage": "poison"}
        if MARK in entry["Detail"]
        else {"EventId": "1"}
        for entry in request["Entries"]
    ]
    return {"FailedEntryCount": sum("ErrorCode" in each for each in results), "Entries": results}


class _Service(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # so that connections are kept
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        due_seconds = time.monotonic() + SECONDS_A_REQUEST
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        reply = json.dumps(answer(self.headers["X-Amz-Target"], request)).encode()
        time.sleep(max(0, due_seconds - time.monotonic()))
        head = (
            "HTTP/1.1 200 OK\r\n"
            "Content-Type: application/x-amz-json-1.0\r\n"
            f"Content-Length: {len(reply)}\r\n\r\n"
        )
        self.wfile.write(head.encode() + reply)

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@contextmanager
def refusing_services() -> Iterator[str]:
    """Both services. Yields their endpoint."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "benchmarks.refusing_services", str(port)]
    with subprocess.Popen(command) as process:
        try:
            assert wait_until_it_listens(process, port)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), _Service).serve_forever()
