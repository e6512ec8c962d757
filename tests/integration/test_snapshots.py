"""SnapStart: nothing that a snapshot holds is stale, or shared by those restored from it."""

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from local.gateway import LambdaContext
from storage.table import SessionsTable, dynamodb_client
from tests.support.api_events import renewal_event
from tests.support.contract import answered
from tests.support.faulty_dynamodb import FaultyDynamoDB, pass_on, pass_on_and_hang_up
from tests.support.functions import renew_function
from tests.support.sessions import NOON_MS

ROOT = Path(__file__).parent.parent.parent
UNREACHABLE = "http://127.0.0.1:1"
CONNECTIONS = """
import gc, socket, threading
connections = [each for each in gc.get_objects() if isinstance(each, socket.socket)]
print(len(connections), threading.active_count())
"""


def python(*arguments: str) -> str:
    """What an interpreter prints that finds the sources, and a DynamoDB that is unreachable."""
    environment = {"PYTHONPATH": f"src{os.pathsep}.", "AWS_ENDPOINT_URL_DYNAMODB": UNREACHABLE}
    run = subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


@pytest.mark.parametrize("module", ["renew", "sessions", "expiry"])
def test_a_snapshot_holds_no_connection_and_no_thread(module: str) -> None:
    """But for the one by which credentials came: see below."""
    assert python("-c", f"import handlers.{module}\n{CONNECTIONS}") == "0 1\n"


@pytest.fixture(scope="module")
def restored() -> list[dict[str, list[Any]]]:
    """What two instances drew at random, that were restored from one snapshot."""
    if not hasattr(os, "fork"):
        pytest.skip("two instances of one snapshot are forks")
    lines = map(json.loads, python("-m", "tests.support.restored_instances").splitlines())
    return [line for line in lines if "pauses" in line]


@pytest.mark.parametrize("drawn", ["pauses", "session IDs"])
def test_restored_instances_draw_different_values(
    restored: list[dict[str, list[Any]]], drawn: str
) -> None:
    one, other = (set(instance[drawn]) for instance in restored)
    assert min(len(one), len(other)) >= 20
    assert one.isdisjoint(other)


def test_restored_instances_send_clients_away_for_different_times(
    restored: list[dict[str, list[Any]]],
) -> None:
    one, other = (instance["Retry-After"] for instance in restored)
    assert one != other


class Credentials(BaseHTTPRequestHandler):
    """Where a restored function finds credentials. The first have expired since the snapshot.

    A connection that the client keeps is closed after each answer, as if by the restoring.
    """

    protocol_version = "HTTP/1.1"
    given = 0

    def do_GET(self) -> None:
        type(self).given += 1
        credentials = {
            "AccessKeyId": f"KEY{self.given}",
            "SecretAccessKey": "testing",
            "Token": self.headers["Authorization"],
            "Expiration": "2020-01-01T00:00:00Z" if self.given == 1 else "2199-01-01T00:00:00Z",
        }
        body = json.dumps(credentials).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Nothing to say."""


@pytest.fixture
def container_credentials(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The environment of a function with SnapStart: an address in place of the credentials."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, os.devnull)
    monkeypatch.setattr(Credentials, "given", 0)
    with ThreadingHTTPServer(("127.0.0.1", 0), Credentials) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}/credentials"
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", url)
        monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "token")
        yield
        server.shutdown()
        thread.join()


@pytest.mark.usefixtures("container_credentials")
def test_credentials_that_expired_since_the_snapshot_are_fetched_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", UNREACHABLE)
    client = dynamodb_client()
    assert Credentials.given == 1
    signed: list[str] = []
    client.meta.events.register(
        "before-send.dynamodb",
        lambda request, **_: signed.append(request.headers["Authorization"].decode()),
    )
    status_of_a_renewal(SessionsTable(client, "sessions", 0))
    assert {re.findall("Credential=(.*?)/", each)[0] for each in signed} == {"KEY2"}


def test_a_connection_that_was_closed_meanwhile_is_replaced(
    table_behind_faults: SessionsTable, dynamodb: FaultyDynamoDB
) -> None:
    """Lambda freezes an instance between two requests, for as long as it likes."""
    dynamodb.faults = [pass_on_and_hang_up, pass_on]
    assert [status_of_a_renewal(table_behind_faults, key) for key in ("1", "2")] == [200, 200]


def status_of_a_renewal(table: SessionsTable, key: str = "1") -> int:
    event = renewal_event(headers={"idempotency-key": key})
    context = LambdaContext("lambda-request", 12)
    return answered(renew_function(table, lambda: NOON_MS)(event, context)).status
