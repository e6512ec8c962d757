"""Everything that the functions write to their logs: a line for each outcome that there is."""

import io
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import replace
from typing import Any
from unittest.mock import patch

from api.access import Access
from domain.session import Session
from publishing import expiry_publisher, timer_step
from publishing.dead_letters import DeadLetterQueue
from publishing.event_bus import MAX_BYTES, MAX_ENTRIES
from publishing.expiry_publisher import MAX_WAIT_MS
from publishing.failures import ServiceUnavailable
from storage.attribute_values import Item
from storage.faults import StorageUnavailable
from storage.item import item_of
from storage.table import SessionsTable
from tests.support.alarms import Metric
from tests.support.api_events import LAMBDA_CONTEXT, renewal_event
from tests.support.functions import expiry_function, renew_function, timer_function
from tests.support.queues import Queue
from tests.support.scenarios import NOT_A_SESSION, RENEW, SCENARIOS, Call, answer, on, play
from tests.support.scripted_eventbridge import (
    Answer,
    ScriptedEventBridge,
    disconnect,
    refuse,
    take,
)
from tests.support.scripted_sqs import ScriptedSqs, fail
from tests.support.sessions import NOON_MS, session
from tests.support.stream_records import (
    Invocation,
    expired_session,
    ttl_deletion,
    ttl_deletions,
)
from tests.support.tables import put
from tests.support.timer_deliveries import delivery, start

Line = dict[str, Any]
Lines = Mapping[str, list[Line]]
"""The lines of each function, by its logical ID."""

LATE_MS = NOON_MS + 100 * MAX_WAIT_MS
"""When any made-up record has waited for too long."""

WITH_KEYS = Access(("a-key",))
"""An API that refuses who brings no key."""

CENTURIES_MINUTES = -60 * 24 * 365 * 200
"""By this much, a clock is years off."""


@contextmanager
def captured_lines() -> Iterator[list[Line]]:
    """The lines that were logged within the context, once it has ended."""
    output, lines = io.StringIO(), list[Line]()
    with redirect_stdout(output):
        yield lines
    lines += map(json.loads, output.getvalue().splitlines())


def counted(lines: Iterable[Line]) -> dict[Metric, float]:
    """What CloudWatch makes of the lines: each metric, and the sum of its values."""
    sums: dict[Metric, float] = {}
    for line in lines:
        for directive in line.get("_aws", {}).get("CloudWatchMetrics", []):
            for names in directive["Dimensions"]:
                dimensions = frozenset((name, line[name]) for name in names)
                for each in directive["Metrics"]:
                    metric = Metric(directive["Namespace"], each["Name"], dimensions)
                    sums[metric] = sums.get(metric, 0) + sum(line[each["Name"]])
    return sums


def every_line(table: SessionsTable, dead_letters: Queue) -> Lines:
    """The lines of every outcome of every call and of every record. Pauses take no time."""
    lines: dict[str, list[Line]] = {
        "RenewFunction": [],
        "SessionsFunction": [],
        "ExpiryFunction": [],
        "TimerFunction": [],
    }
    with patch.object(time, "sleep"):
        for call, written in _lines_of_calls(table):
            is_renewal = call.path.endswith("/renew")
            lines["RenewFunction" if is_renewal else "SessionsFunction"] += written
        with captured_lines() as written:
            _play_expiries(dead_letters)
        lines["ExpiryFunction"] += written
        with captured_lines() as written:
            _play_timers(table)
        lines["TimerFunction"] += written
    return lines


def _lines_of_calls(table: SessionsTable) -> Iterator[tuple[Call, list[Line]]]:
    for scenario in SCENARIOS.values():
        table.client.delete_item(TableName=table.name, Key={"sessionId": {"S": "a-session"}})
        play(table, type(scenario)((), scenario.stored))
        for call in scenario.calls:
            with captured_lines() as lines:
                play(table, type(scenario)((call,), down=scenario.down))
            yield call, lines
    for path in ("/renew", "/heartbeat"):
        call = on("POST", path, CENTURIES_MINUTES)
        with captured_lines() as lines:
            answer(table, call)
        yield call, lines
    with captured_lines() as lines:
        renew_function(table, lambda: NOON_MS, WITH_KEYS)(renewal_event(), LAMBDA_CONTEXT)
    yield RENEW, lines


def _play_expiries(dead_letters: Queue) -> None:
    def publish(
        records: list[Any],
        eventbridge: Answer = take,
        now_ms: int = 0,
        invocation: Callable[[], Invocation] = Invocation,
    ) -> None:
        client = ScriptedEventBridge([eventbridge]).client
        expiry_function(client, dead_letters, now_ms)({"Records": records}, invocation())

    large = expired_session(2, metadata_json=json.dumps({"text": "x" * MAX_BYTES}))
    item = item_of(expired_session(3), 0)
    not_a_session = {name: item[name] for name in ("sessionId", "ttl")}
    publish([*ttl_deletions(1), ttl_deletion(large, 2), ttl_deletion(not_a_session, 3), None])
    publish([{"eventName": "INSERT", "dynamodb": {"Keys": {"sessionId": {"S": "new"}}}}])
    publish(ttl_deletions(4), refuse("MalformedDetail"))
    publish(ttl_deletions(5), disconnect)
    publish(ttl_deletions(6), disconnect, now_ms=LATE_MS)
    more_than_a_request = ttl_deletions(*range(11, 12 + MAX_ENTRIES))
    publish(more_than_a_request, invocation=lambda: Invocation((300_000, 0)))
    with patch.object(expiry_publisher, "removal_of", side_effect=RuntimeError):
        publish(ttl_deletions(9))
    unavailable = ServiceUnavailable("SQS", "it is down")
    with patch.object(DeadLetterQueue, "send", return_value=[unavailable]):
        publish([ttl_deletion(not_a_session, 10)])


def _play_timers(table: SessionsTable) -> None:
    def ring(
        stored: Session | Item | None,
        *messages: Any,
        eventbridge: Answer = take,
        queue: ScriptedSqs | None = None,
    ) -> None:
        key = {"sessionId": {"S": "a-session"}}
        table.client.delete_item(TableName=table.name, Key=key)
        if stored is not None:
            put(table, stored)
        sqs = (queue or ScriptedSqs()).client
        bus = ScriptedEventBridge([eventbridge]).client
        function = timer_function(table, bus, sqs, ScriptedSqs().client, lambda: NOON_MS)
        function({"Records": messages or [start()]}, Invocation((30_000,)))

    live, near, over = session(), session(expires=4), session(expires=-1)
    for stored in (live, near, over, None, NOT_A_SESSION):
        ring(stored)
    ring(over, start(), delivery("no message"))
    for answer_of_bus in (refuse("MalformedDetail"), disconnect):
        ring(over, eventbridge=answer_of_bus)
    ring(replace(over, metadata_json=json.dumps({"text": "x" * MAX_BYTES})))
    ring(live, queue=ScriptedSqs([fail]))
    with patch.object(timer_step, "due", side_effect=RuntimeError):
        ring(live)
    with patch.object(SessionsTable, "update", side_effect=StorageUnavailable("it is down")):
        ring(live)
