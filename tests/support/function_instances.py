"""Instances of the Lambda functions, each with a clock of its own, whose every call is recorded."""

import json
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from domain.timeout import TimeoutChange
from runtime.clock import epoch_ms
from storage.item import TIMEOUT_ATTRIBUTES
from storage.table import SessionsTable
from tests.support.api_events import LAMBDA_CONTEXT, SESSIONS, api_event
from tests.support.functions import renew_function, sessions_function
from tests.support.histories import NO_CHANGE, Attempt, Kind

ONE = f"{SESSIONS}/{{sessionId}}"
ROUTES = {
    Kind.RENEWAL: ("POST", f"{ONE}/renew"),
    Kind.HEARTBEAT: ("POST", f"{ONE}/heartbeat"),
    Kind.TIMEOUT_CHANGE: ("PATCH", f"{ONE}/timeout"),
    Kind.READ: ("GET", ONE),
    Kind.DELETION: ("DELETE", ONE),
}


@dataclass
class _Trace:
    """What an attempt has done so far: with its clock, with its client, and with the network."""

    clocks_ms: list[int] = field(default_factory=list)
    operations: int = 0
    requests: int = 0


class _Current(threading.local):
    """The attempt of the current thread."""

    def __init__(self) -> None:
        self.trace = _Trace()


class FunctionInstance:
    """RenewFunction and SessionsFunction in one instance of Lambda, for any number of threads.

    Its clock is ``skew_ms`` before the true time, or behind it if that is negative.
    """

    def __init__(self, table: SessionsTable, skew_ms: int) -> None:
        self.table = table
        self._skew_ms = skew_ms
        self._current = _Current()
        self._renew = renew_function(table, self._clock_ms)
        self._sessions = sessions_function(table, self._clock_ms)
        events = table.client.meta.events
        events.register("before-call.dynamodb", self._count_operation)
        events.register("before-send.dynamodb", self._count_request)

    def attempt(
        self, kind: Kind, session_id: str, key: str, change: TimeoutChange = NO_CHANGE
    ) -> Attempt:
        """Send one request, and record it."""
        method, path = ROUTES[kind]
        body = {TIMEOUT_ATTRIBUTES[name]: limit for name, limit in change.given.items()} or None
        event = api_event(method, path, session_id=session_id, body=body, key=key)
        handler = self._renew if kind is Kind.RENEWAL else self._sessions
        self._current.trace = trace = _Trace()
        started_ns = time.perf_counter_ns()
        response = handler(event, LAMBDA_CONTEXT)
        ended_ns = time.perf_counter_ns()
        return Attempt(
            started_ns,
            ended_ns,
            tuple(trace.clocks_ms),
            response["statusCode"],
            json.loads(response["body"]),
            trace.requests - trace.operations,
        )

    def _clock_ms(self) -> int:
        now_ms = epoch_ms() + self._skew_ms
        self._current.trace.clocks_ms.append(now_ms)
        return now_ms

    def _count_operation(self, **_: Any) -> None:
        self._current.trace.operations += 1

    def _count_request(self, **_: Any) -> None:
        self._current.trace.requests += 1
