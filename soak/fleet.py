"""Instances of the Lambda functions: each serves one request at a time, by a clock of its own."""

import queue
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from api.responses import Handler, Response
from runtime.clock import epoch_ms
from storage.table import SessionsTable, dynamodb_client
from tests.support.api_events import LAMBDA_CONTEXT
from tests.support.functions import renew_function, sessions_function
from tests.support.tables import RETENTION_SECONDS

MAX_SKEW_MS = 2000
"""How far a clock is from the true one, at most."""


@dataclass
class Instance:
    """One instance of the functions, and how many requests it has sent to DynamoDB."""

    handler: Handler
    requests: int = 0

    def count_request(self, **_: object) -> None:
        """Called by botocore before it sends a request."""
        self.requests += 1


@dataclass(frozen=True)
class Answer:
    """A response, how long it took, and how many requests to DynamoDB it needed."""

    response: Response
    seconds: float
    requests: int

    @property
    def status(self) -> int:
        """The HTTP status."""
        status: int = self.response["statusCode"]
        return status


class Fleet:
    """Lambda: an idle instance serves the next request. Requests meet the clocks in turn."""

    def __init__(self, instances: Sequence[Instance]) -> None:
        self._idle = queue.SimpleQueue[Instance]()
        for instance in instances:
            self._idle.put(instance)

    def invoke(self, event: dict[str, Any]) -> Answer:
        """Have one instance answer."""
        instance = self._idle.get()
        before, started = instance.requests, time.monotonic()
        try:
            response = instance.handler(event, LAMBDA_CONTEXT)
            seconds = time.monotonic() - started
            return Answer(response, seconds, instance.requests - before)
        finally:
            self._idle.put(instance)


def lambda_fleet(table_name: str, size: int) -> Fleet:
    """So many instances of RenewFunction and SessionsFunction, on clocks up to 2 s off.

    They reach DynamoDB where the environment says.
    """
    last = max(size - 1, 1)
    skews = [MAX_SKEW_MS * (2 * number - last) // last for number in range(size)]
    return Fleet([_lambda_instance(table_name, skew_ms) for skew_ms in skews])


def fleet_of(handler: Handler, size: int) -> Fleet:
    """So many requests at once for a handler that has a client and a clock of its own."""
    return Fleet([Instance(handler) for _ in range(size)])


def _lambda_instance(table_name: str, skew_ms: int) -> Instance:
    client = dynamodb_client()
    table = SessionsTable(client, table_name, RETENTION_SECONDS)

    def clock_ms() -> int:
        return epoch_ms() + skew_ms

    renew = renew_function(table, clock_ms)
    others = sessions_function(table, clock_ms)

    def handler(event: Any, context: Any) -> Response:
        function = renew if event["routeKey"].endswith("/renew") else others
        return function(event, context)

    instance = Instance(handler)
    client.meta.events.register("before-send.dynamodb", instance.count_request)
    return instance
