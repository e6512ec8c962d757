"""What is deployed, built by SAM CLI and run under AWS's runtime emulator, on DynamoDB Local."""

import ipaddress
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

from local.dynamodb_local import wait_until_it_listens
from local.template import Template
from storage.table import SessionsTable
from tests.support.deployed_stack import DeployedStack
from tests.support.deployed_timers import deployed_consumer
from tests.support.emulator import Emulator, running_emulator
from tests.support.fixtures import dynamodb_local_endpoint, isolate_from_aws
from tests.support.sam import ARCHITECTURE, Sam
from tests.support.tables import RETENTION_SECONDS, skip_or_fail
from tests.support.two_minutes import TwoMinutes, two_minutes_begin

__all__ = ["dynamodb_local_endpoint"]

isolate_from_aws()
# What a test has started ends with a run that is terminated, too.
signal.signal(signal.SIGTERM, signal.default_int_handler)

ROOT = Path(__file__).parent.parent.parent
TABLE = "SessionsTable"  # what SAM CLI makes of the template's reference to it
STARTUP_SECONDS = 180
SAM_SECONDS = 300

# SAM CLI prefers a variable of the shell to the template's, which the functions are to get.
OWN = {
    *("DEAD_LETTER_QUEUE_URL", "SESSIONS_TABLE", "SIGNING_KEY", "TIMER_QUEUE_URL"),
    *Template().environment(),
}
ENVIRONMENT = {name: value for name, value in os.environ.items() if name not in OWN}


@pytest.fixture(scope="session")
def sam() -> Sam:
    """SAM CLI, in the project's folder."""
    if shutil.which("sam") is None:
        skip_or_fail("SAM CLI is not installed: run make e2e")

    def run(
        *arguments: str, environment: Mapping[str, str] | None = None
    ) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            ["sam", *arguments],
            cwd=ROOT,
            env={**ENVIRONMENT, **(environment or {})},
            capture_output=True,
            text=True,
            check=False,
            timeout=SAM_SECONDS,
        )

    return run


@pytest.fixture(scope="session")
def built(sam: Sam) -> Path:
    """The deployment packages, as ``sam build`` makes them: a folder for each function."""
    try:
        subprocess.run(["python3.13", "--version"], capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        skip_or_fail("sam build needs a python3.13 on the PATH")
    build = sam("build")
    assert build.returncode == 0, build.stderr
    return ROOT / ".aws-sam" / "build"


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """An AWS that enforces IAM policies, for the whole run."""
    with running_emulator(tmp_path_factory.mktemp("ministack")) as emulator:
        yield emulator


@pytest.fixture(scope="session")
def stack(
    built: Path,  # noqa: ARG001 - sam deploy deploys what was built
    emulator: Emulator,
    sam: Sam,
) -> DeployedStack:
    """The template as it is, deployed for the first time."""
    stack = DeployedStack(emulator, sam, "sessions")
    stack.deploy(ARCHITECTURE)
    return stack


@pytest.fixture(scope="session")
def two_minutes(
    built: Path,  # noqa: ARG001 - sam deploy deploys what was built
    emulator: Emulator,
    sam: Sam,
) -> Iterator[TwoMinutes]:
    """Two minutes that begin now, on a stack and a bus of their own."""
    emulator.client("events").create_event_bus(Name="timed")
    consumer = deployed_consumer(emulator, "timed", "consumer-of-timed")
    stack = DeployedStack(emulator, sam, "timed")
    stack.deploy(ARCHITECTURE, "EventBusName=timed", "MinTimeoutMinutes=1")
    with two_minutes_begin(stack, consumer) as two_minutes:
        yield two_minutes


@pytest.fixture(scope="session")
def publishing_endpoint() -> Iterator[str]:
    """Moto's EventBridge and SQS, for the whole run."""
    server = ThreadedMotoServer(ip_address="0.0.0.0", port=0, verbose=False)  # noqa: S104 - for the container
    server.start()
    _, port = server.get_host_and_port()
    yield f"http://localhost:{port}"
    server.stop()


@pytest.fixture(scope="session")
def local_options(
    built: Path,  # noqa: ARG001 - sam local runs what was built
    dynamodb_local_endpoint: str,
    publishing_endpoint: str,
) -> list[str]:
    """What ``sam local`` needs to run the built functions against DynamoDB Local and moto."""
    docker = shutil.which("docker") and subprocess.run(
        ["docker", "info"], capture_output=True, check=False
    )
    if not docker or docker.returncode != 0:
        skip_or_fail("sam local needs a running Docker engine")
    dynamodb, publishing = (
        endpoint.replace("localhost", _host())
        for endpoint in (dynamodb_local_endpoint, publishing_endpoint)
    )
    return [
        "--skip-pull-image",
        "--parameter-overrides",
        f"{ARCHITECTURE} DynamoDBEndpointUrl={dynamodb} PublishingEndpointUrl={publishing}",
    ]


@pytest.fixture(scope="session")
def table(dynamodb_local_endpoint: str) -> SessionsTable:
    """The table that the deployed function finds in its environment."""
    client = boto3.client("dynamodb", endpoint_url=dynamodb_local_endpoint)
    Template().create_table(client, TABLE)
    return SessionsTable(client, TABLE, RETENTION_SECONDS)


@pytest.fixture(scope="session")
def api_url(
    local_options: list[str],
    table: SessionsTable,  # noqa: ARG001 - the function needs it to be there
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[str]:
    """The HTTP API, by ``sam local start-api``."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    log = tmp_path_factory.mktemp("sam") / "start-api.log"
    command = ["sam", "local", "start-api", "--port", str(port), *local_options]
    with (
        log.open("w") as output,
        subprocess.Popen(
            command, cwd=ROOT, env=ENVIRONMENT, stdout=output, stderr=subprocess.STDOUT
        ) as process,
    ):
        try:
            if not wait_until_it_listens(process, port, STARTUP_SECONDS):
                pytest.fail(f"sam local start-api did not start:\n{log.read_text()}")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()  # SIGINT is ignored where the tests run in the background


def _host() -> str:
    """The address of this machine, as a container reaches it."""
    if sys.platform != "linux":
        return "host.docker.internal"
    inspect = subprocess.run(
        ["docker", "network", "inspect", "bridge", "-f", "{{(index .IPAM.Config 0).Subnet}}"],
        capture_output=True,
        text=True,
        check=True,
    )
    return str(ipaddress.ip_network(inspect.stdout.strip())[1])
