"""Instances of the Lambda functions, each with a clock of its own, whose every call is recorded."""

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from domain.timeout import TimeoutChange
from runtime.clock import epoch_ms
from storage.faults import StorageUnavailable
from storage.item import TIMEOUT_ATTRIBUTES
from storage.table import P, Reply, SessionsTable
from storage.timer_update import mark_announced
from tests.support.api_events import LAMBDA_CONTEXT, SESSIONS, api_event
from tests.support.functions import renew_function, sessions_function
from tests.support.histories import NO_CHANGE, UNAVAILABLE, Attempt, Kind
from tests.support.session_specification import NOT_EXPIRED

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


@dataclass(frozen=True)
class _CountingTable(SessionsTable):
    """A table whose calls count in the trace of the thread that makes them."""

    current: _Current = field(kw_only=True)

    def call(self, operation: Callable[P, Reply], *args: P.args, **kwargs: P.kwargs) -> Reply:
        """Count the operation, and each request that is made for it."""
        trace = self.current.trace
        trace.operations += 1

        def request(*args: P.args, **kwargs: P.kwargs) -> Reply:
            trace.requests += 1
            return operation(*args, **kwargs)

        return super().call(request, *args, **kwargs)


class FunctionInstance:
    """All functions in one instance of Lambda, for any number of threads.

    Its clock is ``skew_ms`` before the true time, or behind it if that is negative.
    """

    def __init__(self, table: SessionsTable, skew_ms: int) -> None:
        self.table = table
        self._skew_ms = skew_ms
        self._current = _Current()
        self._counting = _CountingTable(
            table.client, table.name, table.retention_seconds, current=self._current
        )
        self._renew = renew_function(self._counting, self._clock_ms)
        self._sessions = sessions_function(self._counting, self._clock_ms)

    def attempt(
        self, kind: Kind, session_id: str, key: str, change: TimeoutChange = NO_CHANGE
    ) -> Attempt:
        """Send one request, and record it."""
        if kind is Kind.ANNOUNCEMENT:
            return self._announcement(session_id)
        method, path = ROUTES[kind]
        body = {TIMEOUT_ATTRIBUTES[name]: limit for name, limit in change.given.items()} or None
        event = api_event(method, path, session_id=session_id, body=body, key=key)
        event["requestContext"]["timeEpoch"] = epoch_ms()
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

    def _announcement(self, session_id: str) -> Attempt:
        """Mark the session as announced if it has expired, as the timers do, and record it."""
        self._current.trace = trace = _Trace()
        started_ns = time.perf_counter_ns()
        try:
            stored = mark_announced(self._counting, session_id, self._clock_ms())
        except StorageUnavailable:
            status, announced_at_ms = UNAVAILABLE, None
        else:
            announced_at_ms = stored and stored.announced_at_ms
            refused = 404 if stored is None else NOT_EXPIRED
            status = refused if announced_at_ms is None else 200
        ended_ns = time.perf_counter_ns()
        body = {} if announced_at_ms is None else {"announcedAt": announced_at_ms}
        repeats = trace.requests - trace.operations
        return Attempt(started_ns, ended_ns, tuple(trace.clocks_ms), status, body, repeats)

    def _clock_ms(self) -> int:
        now_ms = epoch_ms() + self._skew_ms
        self._current.trace.clocks_ms.append(now_ms)
        return now_ms
