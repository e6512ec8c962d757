"""MiniStack: an AWS on this machine that checks each request against the caller's IAM policies."""

import os
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3

from local.dynamodb_local import wait_until_it_listens
from tests.support.tables import skip_or_fail

PYTHON = Path(__file__).parent.parent.parent / ".venv-ministack" / "bin" / "python"
PROGRAM = Path(__file__).with_name("ministack.py")
STARTUP_SECONDS = 60
STOP_SECONDS = 10
CREDENTIALS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION")
"""What the emulator takes for the account's root user: the made-up credentials of the tests."""


@dataclass(frozen=True)
class Emulator:
    """A running emulator. It listens on 127.0.0.1 only."""

    endpoint: str
    _clients: dict[str, Any] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        """A client of one of its services, as the account's root user."""
        if service not in self._clients:
            make: Any = boto3.client  # whose overloads ask for a literal service
            self._clients[service] = make(service, endpoint_url=self.endpoint)
        return self._clients[service]

    def api_url(self, api_id: str) -> str:
        """Where it serves the default stage of an HTTP API."""
        return f"{self.endpoint}/_aws/execute-api/{api_id}/$default"


@contextmanager
def running_emulator(folder: Path) -> Iterator[Emulator]:
    """An emulator with nothing in it, for as long as the context lasts.

    ``folder`` gets its log and its temporary files.
    """
    if not PYTHON.exists():
        skip_or_fail("MiniStack is not installed: run make e2e")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    log = folder / "ministack.log"
    with (
        log.open("w") as output,
        subprocess.Popen(
            [PYTHON, "-P", PROGRAM],  # -P: its imports must not find the modules beside it
            cwd=folder,
            env=_environment(folder, port),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as process,
    ):
        try:
            if not wait_until_it_listens(process, port, STARTUP_SECONDS):
                raise RuntimeError(f"MiniStack did not start:\n{log.read_text()}")
            yield Emulator(f"http://127.0.0.1:{port}")
        finally:
            _stop(process)


def _environment(folder: Path, port: int) -> Mapping[str, str]:
    """Its own settings and nothing of the tests': the functions that it runs inherit it."""
    return {
        **{name: os.environ[name] for name in ("PATH", *CREDENTIALS)},
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "AUTH": "true",
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "MINISTACK_REGION": os.environ["AWS_DEFAULT_REGION"],
        # Without these it would listen on other ports, too, and look for containers of its own.
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "DOCKER_HOST": f"unix://{folder}/no-docker.sock",
    }


def _stop(process: "subprocess.Popen[bytes]") -> None:
    """Stop it and the functions' processes: they are in a group of their own."""
    with suppress(ProcessLookupError):  # it has ended by itself
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
