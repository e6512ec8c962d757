"""The table that the local server works on: embedded, or in another DynamoDB."""

import os
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from moto import mock_aws

from local.settings import LocalServerError, LocalSettings
from local.template import Template

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient


@contextmanager
def table_of(settings: LocalSettings) -> Iterator[AbstractContextManager[object]]:
    """Have the table there for as long as the context lasts.

    Yields the lock to hold around each call of a handler: the embedded engine is moto, which
    is not atomic between threads. Another DynamoDB needs none.

    Raises:
        LocalServerError: the endpoint does not answer as DynamoDB, or its table is another.
    """
    os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
    if settings.endpoint_url is None:
        # Nothing of the developer's own AWS set-up may lead past the embedded engine.
        os.environ["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"] = "true"
        os.environ.pop("AWS_PROFILE", None)
        with mock_aws():
            Template().create_table(boto3.client("dynamodb"), settings.SESSIONS_TABLE)
            yield threading.Lock()
    else:
        _use_any_credentials()
        _open(settings.endpoint_url, settings.SESSIONS_TABLE)
        yield nullcontext()


def _use_any_credentials() -> None:
    """DynamoDB Local takes any credentials, but not none; AWS takes the developer's own."""
    os.environ.setdefault("AWS_EC2_METADATA_DISABLED", "true")
    if boto3.Session().get_credentials() is None:
        os.environ.update(AWS_ACCESS_KEY_ID="local", AWS_SECRET_ACCESS_KEY="local")  # noqa: S106


def _open(endpoint_url: str, name: str) -> None:
    limits = Config(connect_timeout=2, read_timeout=10, retries={"total_max_attempts": 2})
    client = boto3.client("dynamodb", endpoint_url=endpoint_url, config=limits)
    try:
        _create_if_missing(client, name)
    except (BotoCoreError, ClientError) as error:
        raise LocalServerError(
            f"AWS_ENDPOINT_URL_DYNAMODB={endpoint_url} does not answer as DynamoDB: {error}"
        ) from None


def _create_if_missing(client: "DynamoDBClient", name: str) -> None:
    template = Template()
    try:
        key = client.describe_table(TableName=name)["Table"]["KeySchema"]
    except client.exceptions.ResourceNotFoundException:
        template.create_table(client, name)
        return
    if key != template.properties("SessionsTable")["KeySchema"]:
        raise LocalServerError(
            f"SESSIONS_TABLE={name}: a table of this name exists and is not one of sessions"
        )
