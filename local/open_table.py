"""The table of the local server: embedded in the process, or in another DynamoDB."""

import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from moto import mock_aws

from local.demo import put_demo_sessions
from local.embedded_table import EmbeddedTableLock, make_embedded
from local.server_settings import LocalServerError, LocalSettings
from local.stream import RecordSource, Stream, Sweeper
from local.template import Template
from storage.table import SessionsTable

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient


@dataclass(frozen=True)
class OpenTable:
    """The table, where its stream can be read, and the lock to hold around each call of a handler.

    The embedded table is moto's, which is not atomic between threads. Another DynamoDB needs no
    lock, and may have no stream to read.
    """

    sessions: SessionsTable
    record_source: RecordSource | None
    lock: AbstractContextManager[object]


@contextmanager
def open_table(settings: LocalSettings, retention_seconds: int) -> Iterator[OpenTable]:
    """Open the table, with the demo sessions in it, for as long as the context lasts.

    Raises:
        LocalServerError: the endpoint is not DynamoDB's, or its table is not one of sessions.
    """
    os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
    if settings.endpoint_url is None:
        # The developer's own AWS configuration must not lead away from the embedded table.
        os.environ["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"] = "true"
        os.environ.pop("AWS_PROFILE", None)
        with mock_aws():
            client, lock = boto3.client("dynamodb"), EmbeddedTableLock()
            Template().create_table(client, settings.SESSIONS_TABLE, with_stream=False)
            make_embedded(settings.SESSIONS_TABLE)
            sessions = SessionsTable(client, settings.SESSIONS_TABLE, retention_seconds)
            put_demo_sessions(sessions)
            yield OpenTable(sessions, Sweeper(client, settings.SESSIONS_TABLE, lock), lock)
    else:
        try:
            _use_any_credentials()
            limits = Config(connect_timeout=2, read_timeout=10, retries={"total_max_attempts": 2})
            client = boto3.client("dynamodb", endpoint_url=settings.endpoint_url, config=limits)
            stream_arn = _have_table(client, settings.SESSIONS_TABLE)
            streams = boto3.client(
                "dynamodbstreams", endpoint_url=settings.endpoint_url, config=limits
            )
            sessions = SessionsTable(client, settings.SESSIONS_TABLE, retention_seconds)
            # Streams have an endpoint of their own in AWS. What is new from here on is read.
            record_source = None
            with suppress(BotoCoreError, ClientError):
                record_source = Stream(streams, stream_arn) if stream_arn else None
            put_demo_sessions(sessions)
        # botocore treats a response that it cannot parse, such as a web page, as an empty one.
        except (BotoCoreError, ClientError, KeyError, ValueError) as error:
            raise LocalServerError(
                f"AWS_ENDPOINT_URL_DYNAMODB={settings.endpoint_url} does not answer as DynamoDB: "
                f"{type(error).__name__}: {error}"
            ) from None
        yield OpenTable(sessions, record_source, nullcontext())


def _use_any_credentials() -> None:
    """DynamoDB Local takes any credentials, but needs some; AWS takes the developer's own."""
    os.environ.setdefault("AWS_EC2_METADATA_DISABLED", "true")
    if boto3.Session().get_credentials() is None:
        os.environ.update(AWS_ACCESS_KEY_ID="local", AWS_SECRET_ACCESS_KEY="local")  # noqa: S106 - no secret


def _have_table(client: "DynamoDBClient", name: str) -> str | None:
    """Create the table if it is missing. Returns the ARN of its stream, if it has one."""
    template = Template()
    try:
        client.describe_table(TableName=name)["Table"]  # none if it is not DynamoDB that replies
    except client.exceptions.ResourceNotFoundException:
        # Of two servers that start at once, the second waits for the first one's table.
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
