"""The table that is measured, on a DynamoDB Local of its own."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import boto3

from local.dynamodb_local import dynamodb_local
from local.template import Template
from storage.table import SessionsTable

TABLE = "sessions"
RETENTION_HOURS = 24


def set_environment(**more: str) -> None:
    """What the functions read when their modules are imported, and nothing that leads to AWS."""
    os.environ.update(
        Template().environment(),
        AWS_ACCESS_KEY_ID="benchmark",
        AWS_SECRET_ACCESS_KEY="benchmark",  # noqa: S106 - not a secret
        AWS_DEFAULT_REGION="eu-west-1",
        DEAD_LETTER_QUEUE_URL="no record fails here",
        TIMER_QUEUE_URL="no timer starts here",
        POWERTOOLS_SERVICE_NAME="session-renewal",
        SIGNING_KEY="not a secret: it signs cursors of a benchmark",
        SESSIONS_TABLE=TABLE,
        RETENTION_HOURS=str(RETENTION_HOURS),
    )
    os.environ.update(more)


@contextmanager
def measured_table() -> Iterator[SessionsTable]:
    """The template's table on DynamoDB Local, with the environment that the functions need.

    Import the functions within the context. The client of the table is a plain one: it makes the
    bare calls. The table has no stream: nobody reads it, and DynamoDB Local would keep all of it.
    """
    with dynamodb_local() as endpoint:
        set_environment(AWS_ENDPOINT_URL_DYNAMODB=endpoint)
        yield new_table(TABLE)


def new_table(name: str) -> SessionsTable:
    """Another table of the template's definition, where the environment says."""
    client = boto3.client("dynamodb")
    Template().create_table(client, name, with_stream=False)
    return SessionsTable(client, name, RETENTION_HOURS * 3600)
