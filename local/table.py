"""The table that the local server works on: embedded, or in another DynamoDB."""

import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from moto import mock_aws

from local.demo import put_demo_sessions
from local.removals import Stream, Sweeper
from local.settings import LocalServerError, LocalSettings
from local.template import Template
from storage.table import SessionsTable

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient


@dataclass(frozen=True)
class OpenTable:
    """The table: what tells of its removals, and the lock to hold around each call of a handler.

    The embedded engine is moto, which is not atomic between threads. Another DynamoDB needs no
    lock, and may have no stream to read.
    """

    removals: Sweeper | Stream | None
    lock: AbstractContextManager[object]


@contextmanager
def open_table(settings: LocalSettings, retention_seconds: int) -> Iterator[OpenTable]:
    """Have the table there for as long as the context lasts, with the demo sessions in it.

    Raises:
        LocalServerError: the endpoint does not answer as DynamoDB, or its table is another.
    """
    os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
    if settings.endpoint_url is None:
        # Nothing of the developer's own AWS set-up may lead past the embedded engine.
        os.environ["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"] = "true"
        os.environ.pop("AWS_PROFILE", None)
        with mock_aws():
            client, lock = boto3.client("dynamodb"), threading.Lock()
            Template().create_table(client, settings.SESSIONS_TABLE, with_stream=False)
            put_demo_sessions(SessionsTable(client, settings.SESSIONS_TABLE, retention_seconds))
            yield OpenTable(Sweeper(client, settings.SESSIONS_TABLE, lock), lock)
    else:
        try:
            _use_any_credentials()
            limits = Config(connect_timeout=2, read_timeout=10, retries={"total_max_attempts": 2})
            client = boto3.client("dynamodb", endpoint_url=settings.endpoint_url, config=limits)
            stream_arn = _have_table(client, settings.SESSIONS_TABLE)
            streams = boto3.client(
                "dynamodbstreams", endpoint_url=settings.endpoint_url, config=limits
            )
            put_demo_sessions(SessionsTable(client, settings.SESSIONS_TABLE, retention_seconds))
        # What answers with a page, not as DynamoDB, is read by botocore as an empty answer.
        except (BotoCoreError, ClientError, KeyError, ValueError) as error:
            raise LocalServerError(
                f"AWS_ENDPOINT_URL_DYNAMODB={settings.endpoint_url} does not answer as DynamoDB: "
                f"{type(error).__name__}: {error}"
            ) from None
        # Streams have an endpoint of their own in AWS.
        removals = None
        with suppress(BotoCoreError, ClientError):
            removals = Stream(streams, stream_arn) if stream_arn else None
        yield OpenTable(removals, nullcontext())


def _use_any_credentials() -> None:
    """DynamoDB Local takes any credentials, but not none; AWS takes the developer's own."""
    os.environ.setdefault("AWS_EC2_METADATA_DISABLED", "true")
    if boto3.Session().get_credentials() is None:
        os.environ.update(AWS_ACCESS_KEY_ID="local", AWS_SECRET_ACCESS_KEY="local")  # noqa: S106 - no secret


def _have_table(client: "DynamoDBClient", name: str) -> str | None:
    """Make the table if it is missing; the ARN of its stream, if it has one."""
    template = Template()
    try:
        client.describe_table(TableName=name)
    except client.exceptions.ResourceNotFoundException:
        # Two servers may start at once: the second one waits for the first one's table.
        with suppress(client.exceptions.ResourceInUseException):
            template.create_table(client, name)
    client.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1})
    found = client.describe_table(TableName=name)["Table"]
    wanted = template.properties("SessionsTable")
    if _keys(found) != _keys(wanted):
        raise LocalServerError(
            f"SESSIONS_TABLE={name}: a table of this name exists and is not one of sessions"
        )
    return found.get("LatestStreamArn")


def _keys(table: Mapping[str, Any]) -> dict[str, Any]:
    """The keys of the table and of each of its indexes."""
    indexes = table.get("GlobalSecondaryIndexes", [])
    return {"": table["KeySchema"]} | {each["IndexName"]: each["KeySchema"] for each in indexes}
