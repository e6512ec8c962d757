"""Integration tests: an isolated environment, two databases, and a log that can be captured."""

import io
import logging
import sys
from typing import cast

from runtime.observability import logger
from tests.support.fixtures import (
    consumer,
    dead_letters,
    deployed,
    dynamodb,
    dynamodb_local_endpoint,
    isolate_from_aws,
    server,
    table,
    table_behind_faults,
    table_on_dynamodb_local,
    table_on_moto,
    ttl_endpoint,
)

__all__ = [
    "consumer",
    "dead_letters",
    "deployed",
    "dynamodb",
    "dynamodb_local_endpoint",
    "server",
    "table",
    "table_behind_faults",
    "table_on_dynamodb_local",
    "table_on_moto",
    "ttl_endpoint",
]

isolate_from_aws()


class CurrentStdout(io.TextIOBase):
    """Standard output as it is at the moment: pytest gives each test one of its own."""

    def write(self, text: str) -> int:
        """Write to it."""
        return sys.stdout.write(text)


cast("logging.StreamHandler[CurrentStdout]", logger.registered_handler).setStream(CurrentStdout())
