"""Fixtures for tests that need a database, a queue or a bus. A conftest imports those it offers."""

import os
import uuid
from collections.abc import Iterator

import boto3
import pytest
from moto import mock_aws

from local.template import Template
from storage.table import SessionsTable, dynamodb_client
from tests.support.faulty_dynamodb import FaultyDynamoDB, faulty_dynamodb
from tests.support.local_server import Server, serving
from tests.support.queues import BUS, Queue, create_queue, subscribe
from tests.support.recorded_deployment import RecordedDeployment, recorded_deployment
from tests.support.sessions import SIGNING_KEY, session
from tests.support.tables import create_table, put, running_dynamodb_local


def isolate_from_aws() -> None:
    """Set the functions' environment. It never leads to a real account, whatever it held before."""
    os.environ.update(
        Template().environment(),
        AWS_ACCESS_KEY_ID="testing",
        AWS_SECRET_ACCESS_KEY="testing",  # noqa: S106 - no secret
        AWS_DEFAULT_REGION="eu-west-1",
        DEAD_LETTER_QUEUE_URL="dead-letters",
        POWERTOOLS_SERVICE_NAME="session-renewal",
        SESSIONS_TABLE="sessions",
        SIGNING_KEY=SIGNING_KEY,
        TIMER_QUEUE_URL="timers",
    )
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_DYNAMODB"):
        os.environ.pop(name, None)
    os.environ.pop("AWS_SESSION_TOKEN", None)


@pytest.fixture(scope="session")
def dynamodb_local_endpoint() -> Iterator[str]:
    """DynamoDB Local, for the whole run."""
    with running_dynamodb_local() as endpoint:
        yield endpoint


@pytest.fixture
def ttl_endpoint() -> Iterator[str]:
    """A DynamoDB Local for one test: its TTL serves no more than seven tables at a time."""
    with running_dynamodb_local() as endpoint:
        yield endpoint


@pytest.fixture(scope="session")
def table_on_dynamodb_local(dynamodb_local_endpoint: str) -> SessionsTable:
    """A table in AWS's own implementation, the judge of conditions and of concurrency."""
    return create_table(boto3.client("dynamodb", endpoint_url=dynamodb_local_endpoint))


@pytest.fixture(scope="module")
def table_on_moto() -> Iterator[SessionsTable]:
    """A table in moto, which is not atomic between threads, and copies it for a transaction."""
    with mock_aws():
        yield create_table(boto3.client("dynamodb"))


@pytest.fixture(scope="module", params=["dynamodb_local", "moto"])
def table(request: pytest.FixtureRequest) -> SessionsTable:
    """A table in each of the two."""
    found: SessionsTable = request.getfixturevalue(f"table_on_{request.param}")
    return found


@pytest.fixture
def dead_letters() -> Iterator[Queue]:
    """A dead-letter queue, in moto."""
    with mock_aws():
        yield create_queue(boto3.client("sqs"), f"dead-letters-{uuid.uuid4()}")


@pytest.fixture
def consumer() -> Iterator[Queue]:
    """The queue of a consumer of expiries, in moto."""
    with mock_aws():
        queue = create_queue(boto3.client("sqs"), f"consumer-{uuid.uuid4()}")
        events = boto3.client("events")
        events.create_event_bus(Name=BUS)
        subscribe(events, BUS, queue)
        yield queue
        events.remove_targets(Rule="expiries", EventBusName=BUS, Ids=["consumer"])
        events.delete_rule(Name="expiries", EventBusName=BUS)
        events.delete_event_bus(Name=BUS)


@pytest.fixture
def dynamodb(dynamodb_local_endpoint: str) -> Iterator[FaultyDynamoDB]:
    """DynamoDB Local behind a proxy that fails when told to."""
    with faulty_dynamodb(dynamodb_local_endpoint) as proxy:
        yield proxy


@pytest.fixture
def table_behind_faults(
    table_on_dynamodb_local: SessionsTable,
    dynamodb: FaultyDynamoDB,
    monkeypatch: pytest.MonkeyPatch,
) -> SessionsTable:
    """The table through the client that is deployed, behind the proxy, with a live session."""
    put(table_on_dynamodb_local, session())
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", dynamodb.endpoint)
    deployed = table_on_dynamodb_local
    return SessionsTable(dynamodb_client(), deployed.name, deployed.retention_seconds)


@pytest.fixture(scope="module")
def deployed(
    dynamodb_local_endpoint: str, table_on_dynamodb_local: SessionsTable
) -> Iterator[RecordedDeployment]:
    """The functions in several instances, behind a proxy that each test gives its faults."""
    with recorded_deployment(dynamodb_local_endpoint, table_on_dynamodb_local) as deployment:
        yield deployment


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """One local server for the claims that leave its demo sessions as they are."""
    with serving() as running:
        yield running
