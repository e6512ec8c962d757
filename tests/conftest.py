"""What claims are made against: the two engines, tables in them, and the contract."""

import io
import logging
import os
import sys
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, NoReturn, cast

import boto3
import pytest
from hypothesis import settings
from moto import mock_aws

from handlers.observability import logger
from local.dynamodb_local import DynamoDBLocalUnavailable, dynamodb_local
from local.template import Template
from storage.table import SessionsTable
from tests.queues import BUS, Queue, create_queue, subscribe
from tests.sessions import SIGNING_KEY

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

RETENTION_SECONDS = 24 * 3600

# Never a real account, whatever the developer's own environment holds.
os.environ.update(
    Template().environment(),
    AWS_ACCESS_KEY_ID="testing",
    AWS_SECRET_ACCESS_KEY="testing",  # noqa: S106 - no secret
    AWS_DEFAULT_REGION="eu-west-1",
    DEAD_LETTER_QUEUE_URL="dead-letters",
    SESSIONS_TABLE="sessions",
    SIGNING_KEY=SIGNING_KEY,
)
for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_DYNAMODB", "AWS_SESSION_TOKEN"):
    os.environ.pop(name, None)

settings.register_profile("suite", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("suite")


class CurrentStdout(io.TextIOBase):
    """Standard output as it is at the moment: pytest gives each test one of its own."""

    def write(self, text: str) -> int:
        """Write to it."""
        return sys.stdout.write(text)


cast("logging.StreamHandler[CurrentStdout]", logger.registered_handler).setStream(CurrentStdout())


def unavailable(reason: str) -> NoReturn:
    """Skip what this machine cannot run, and say why; in CI, fail."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@contextmanager
def running_dynamodb_local() -> Iterator[str]:
    """DynamoDB Local, where this machine can run it."""
    with ExitStack() as stack:
        try:
            endpoint = stack.enter_context(dynamodb_local())
        except DynamoDBLocalUnavailable as missing:
            unavailable(str(missing))
        yield endpoint


@pytest.fixture(scope="session")
def dynamodb_local_endpoint() -> Iterator[str]:
    """DynamoDB Local, for the whole run."""
    with running_dynamodb_local() as endpoint:
        yield endpoint


@pytest.fixture
def ttl_endpoint() -> Iterator[str]:
    """A DynamoDB Local for one test of its TTL: it comes to no more than seven tables at a time."""
    with running_dynamodb_local() as endpoint:
        yield endpoint


def create_table(client: "DynamoDBClient") -> SessionsTable:
    """A new table of the template's definition."""
    name = f"sessions-{uuid.uuid4()}"
    Template().create_table(client, name)
    return SessionsTable(client, name, RETENTION_SECONDS)


@pytest.fixture(scope="session")
def table_on_dynamodb_local(dynamodb_local_endpoint: str) -> SessionsTable:
    """A table in AWS's own engine, the judge of conditions and of concurrency."""
    return create_table(boto3.client("dynamodb", endpoint_url=dynamodb_local_endpoint))


@pytest.fixture(scope="session")
def table_on_moto() -> Iterator[SessionsTable]:
    """A table in moto: fast, and not atomic between threads."""
    with mock_aws():
        yield create_table(boto3.client("dynamodb"))


@pytest.fixture(scope="session", params=["dynamodb_local", "moto"])
def table(request: pytest.FixtureRequest) -> SessionsTable:
    """A table in each of the two engines."""
    on_engine: SessionsTable = request.getfixturevalue(f"table_on_{request.param}")
    return on_engine


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
