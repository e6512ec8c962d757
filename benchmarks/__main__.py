"""Measure, and print docs/performance.md's tables: ``make bench``."""

import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager

import boto3

from benchmarks.cpu import print_cpu_per_call, print_cpu_per_renewal
from benchmarks.expiry import print_expiry
from benchmarks.imports import print_cold_imports
from benchmarks.requests import print_requests_of_other_calls, print_requests_of_renewals
from benchmarks.write_units import print_write_units
from handlers.http import Handler
from local.dynamodb_local import dynamodb_local
from local.template import Template
from storage.table import SessionsTable

TABLE = "sessions"
RETENTION_HOURS = 24


def main() -> None:
    """Run every measurement in one process, against one DynamoDB Local."""
    with measured_table() as table:
        # These read their environment when they are imported.
        from benchmarks import usual_way  # noqa: PLC0415 - as above
        from handlers import renew, sessions  # noqa: PLC0415 - as above

        ways: dict[str, Handler] = {
            "this function": renew.handler,
            "the usual way": usual_way.handler,
        }
        print(f"Python {platform.python_version()}, {os.cpu_count()} cores, {time.strftime('%F')}")
        print_requests_of_renewals(table, ways)
        print_requests_of_other_calls(table, sessions.handler)
        print_write_units(table)
        print_cpu_per_renewal(table, ways)
        print_cpu_per_call(table, sessions.handler)
        print_expiry()
        print_cold_imports()


@contextmanager
def measured_table() -> Iterator[SessionsTable]:
    """The template's table on DynamoDB Local, and the functions' environment, led to it.

    The table's own client is a plain one: it makes the bare calls.
    """
    with dynamodb_local() as endpoint:
        os.environ.update(
            Template().environment(),
            AWS_ACCESS_KEY_ID="benchmark",
            AWS_SECRET_ACCESS_KEY="benchmark",  # noqa: S106 - no secret
            AWS_DEFAULT_REGION="eu-west-1",
            AWS_ENDPOINT_URL_DYNAMODB=endpoint,
            SIGNING_KEY="a benchmark's cursors need no secret",
            SESSIONS_TABLE=TABLE,
            RETENTION_HOURS=str(RETENTION_HOURS),
            PYTHONPATH=os.pathsep.join(("src", ".")),
        )
        client = boto3.client("dynamodb")
        Template().create_table(client, TABLE)
        yield SessionsTable(client, TABLE, RETENTION_HOURS * 3600)


if __name__ == "__main__":
    main()
