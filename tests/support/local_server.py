"""The local server in a process of its own, as ``make run`` starts it."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import urllib3

from tests.support.sessions import AGENT_ID, USER_ID

ROOT = Path(__file__).parent.parent.parent


@dataclass
class Server:
    """A running server: where it is and what it printed when it started."""

    process: subprocess.Popen[str]
    url: str
    curls: list[tuple[int, str]]

    def renew(self, session_id: str, **headers: str) -> urllib3.BaseHTTPResponse:
        """Renew a session over HTTP."""
        url = f"{self.url}/api/messaging/sessions/{session_id}/renew"
        return urllib3.request("POST", url, headers=headers, timeout=30)

    def create(self, **headers: str) -> urllib3.BaseHTTPResponse:
        """Create a session over HTTP."""
        body = {"agentId": AGENT_ID, "userId": USER_ID}
        return urllib3.request(
            "POST", f"{self.url}/api/messaging/sessions", json=body, headers=headers
        )

    def printed(self, text: str) -> str:
        """The next line with this text, which comes within a minute."""
        assert self.process.stdout is not None
        patience = threading.Timer(60, self.process.kill)
        patience.start()
        try:
            return next(line for line in self.process.stdout if text in line)
        finally:
            patience.cancel()

    def stop(self) -> str:
        """Stop it as Ctrl-C does; the rest of what it printed, none of it as an error."""
        self.process.send_signal(signal.SIGINT)
        output, errors = self.process.communicate(timeout=20)
        assert errors == ""
        return output


def start(environment: Mapping[str, str]) -> subprocess.Popen[str]:
    """``make run`` in this environment, without make."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if name not in ("SESSIONS_TABLE", "SIGNING_KEY", "CI", "COVERAGE_PROCESS_CONFIG")
    }
    return subprocess.Popen(
        [sys.executable, "-m", "local"],
        cwd=ROOT,
        env={**inherited, "PYTHONPATH": "src", "PORT": "0", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextmanager
def serving(**environment: str) -> Iterator[Server]:
    """A server, until the context ends."""
    with start(environment) as process:
        try:
            yield started(process)
        finally:
            process.kill()


def started(process: subprocess.Popen[str]) -> Server:
    """The server, once it has printed its address and its lines of curl."""
    assert process.stdout is not None
    curls: list[tuple[int, str]] = []
    url, status = "", 0
    for line in process.stdout:
        if line.startswith("Serving "):
            url = line.split()[1].removesuffix("/api/messaging/sessions")
        elif line.startswith("# "):
            status = int(line[2:5])
        elif line.startswith("curl "):
            curls.append((status, line.strip()))
        elif curls and line == "\n":
            break
    return Server(process, url, curls)
