"""Measure, and print the tables of docs/performance.md: ``make bench``."""

import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager

import boto3

from api.responses import Handler
from benchmarks.cold_starts import print_cold_starts
from benchmarks.cpu import print_cpu_per_call, print_cpu_per_renewal
from benchmarks.expiry_batches import print_expiry_batches
from benchmarks.request_counts import print_requests_per_call, print_requests_per_renewal
from benchmarks.write_units import print_write_units
from local.dynamodb_local import dynamodb_local
from local.template import Template
from storage.table import SessionsTable

TABLE = "sessions"
RETENTION_HOURS = 24


def main() -> None:
    """Run every measurement, against one DynamoDB Local."""
    with measured_table() as table:
        # These read the environment when they are imported.
        from benchmarks import conventional  # noqa: PLC0415 - as above
        from handlers import renew, sessions  # noqa: PLC0415 - as above

        implementations: dict[str, Handler] = {
            "this function": renew.handler,
            "conventional implementation": conventional.handler,
        }
        print(f"Python {platform.python_version()}, {os.cpu_count()} cores, {time.strftime('%F')}")
        print_requests_per_renewal(table, implementations)
        print_requests_per_call(table, sessions.handler)
        print_write_units(table)
        print_cpu_per_renewal(table, implementations)
        print_cpu_per_call(table, sessions.handler)
        print_expiry_batches()
        print_cold_starts()


@contextmanager
def measured_table() -> Iterator[SessionsTable]:
    """The template's table on DynamoDB Local, with the environment that the functions need.

    The client of the table is a plain one: it makes the bare calls.
    """
    with dynamodb_local() as endpoint:
        os.environ.update(
            Template().environment(),
            AWS_ACCESS_KEY_ID="benchmark",
            AWS_SECRET_ACCESS_KEY="benchmark",  # noqa: S106 - not a secret
            AWS_DEFAULT_REGION="eu-west-1",
            AWS_ENDPOINT_URL_DYNAMODB=endpoint,
            DEAD_LETTER_QUEUE_URL="dead-letters",
            SIGNING_KEY="not a secret: it signs cursors of a benchmark",
            SESSIONS_TABLE=TABLE,
            RETENTION_HOURS=str(RETENTION_HOURS),
            PYTHONPATH=os.pathsep.join(("src", ".")),
        )
        client = boto3.client("dynamodb")
        Template().create_table(client, TABLE)
        yield SessionsTable(client, TABLE, RETENTION_HOURS * 3600)


if __name__ == "__main__":
    main()
