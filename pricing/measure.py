"""Measures what each call consumes, and writes docs/cost-units.json: ``make cost-units``.

The functions run in this process, against DynamoDB Local and moto's EventBridge.
"""

import json
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from api.responses import Handler
from benchmarks import api_events
from benchmarks.cold_starts import cpu_seconds_of, deployed_package, module_of
from benchmarks.expiry_batches import batch_of, publish
from benchmarks.measured_table import measured_table
from benchmarks.provenance import provenance
from benchmarks.timer_batches import STEPS, Step, event_of, put_timed, timer_queue
from local.gateway import LambdaContext
from local.template import Template
from pricing.metering import Consumed, captured_output, log_bytes, metered, metrics_of
from pricing.sample_calls import (
    SampleCall,
    put_a_page_and_one_more,
    sample_calls,
    with_gateway_id,
)
from pricing.stored_bytes import delete_everything, stored_bytes_of_a_session
from pricing.stream_batches import insertions, removals_of_the_published
from pricing.units import CallUnits, Units
from pricing.worst_calls import (
    put_what_is_queried,
    put_what_is_scanned,
    worst_calls,
    worst_lists,
)
from storage.table import SessionsTable

TIMED_CALLS = 100
TIMED_WORST_CALLS = 20
STARTS = 5
BATCH_SIZES = (1, 10)
BATCH_ORDER = (
    "timer start",
    "timer step",
    "warning",
    "expiry on time",
    "removal of an expired session",
    "expiry by TTL",
)


def main() -> None:
    """Measure everything, with its progress on the standard error."""
    calls: dict[str, CallUnits] = {}
    with measured_table() as table, timer_queue():
        worst = units_of_worst_calls(table)
        delete_everything(table)
        stored = stored_bytes_of_a_session(table)
        put_a_page_and_one_more(table)
        for call in sample_calls():
            show(call.name)
            calls[call.name] = units_of_call(call, table)
        calls |= units_of_batches(table)
        starts = {name: start_cpu_ms(name) for name in Template().functions()}
    Units(provenance(), stored, starts, calls, worst).save()


def show(step: str) -> None:
    """Say what is being measured."""
    print(step, file=sys.stderr, flush=True)


def units_of_worst_calls(table: SessionsTable) -> Mapping[str, CallUnits]:
    """What the dearest requests consume, or one of their reads."""
    everyones, users = worst_lists()
    measured: dict[str, CallUnits] = {}
    for fill, call in (
        (put_what_is_scanned, everyones),
        (put_what_is_queried, users),
        *((None, each) for each in worst_calls()),
    ):
        show(f"{call.name}, at its worst")
        if fill is not None:
            fill(table)
        measured[call.name] = units_of_call(call, table, TIMED_WORST_CALLS)
    return measured


def units_of_call(
    call: SampleCall, table: SessionsTable, timed_calls: int = TIMED_CALLS
) -> CallUnits:
    """What the call consumes: once for its units, and then so many times for its time."""
    from handlers import renew, sessions  # noqa: PLC0415 - they read the environment

    module = renew if call.function == "RenewFunction" else sessions
    number = 0

    def prepare() -> api_events.Event:
        nonlocal number
        number += 1
        with captured_output():
            return with_gateway_id(call.prepare(table, number), number)

    invoke(module.handler, prepare())  # the first makes the connection
    event = prepare()
    with metered(module.table.client) as consumed, captured_output() as lines:
        response = api_events.invoke(module.handler, event)
    assert response["statusCode"] == call.status, (call.name, response)
    cpu_ms = median(cpu_ms_of(module.handler, prepare()) for _ in range(timed_calls))
    return call_units(call.function, 1, consumed, lines, event, response_bytes(response), cpu_ms)


def units_of_batches(table: SessionsTable) -> dict[str, CallUnits]:
    """What batches of stream records and of timer messages consume."""
    from handlers import expiry, timer  # noqa: PLC0415 - they read the environment

    of_stream = Batched("ExpiryFunction", expiry.handler, (expiry.bus.client, expiry.sqs))
    of_queue = Batched(
        "TimerFunction", timer.handler, (timer.table.client, timer.bus.client, timer.sqs)
    )
    calls: dict[str, CallUnits] = {}
    for size in BATCH_SIZES:
        for name, make in stream_batches().items():
            show(f"{name}, {size} at once")
            calls[f"{name}, {size} at once"] = of_stream.units(make, size)
        for step in STEPS:
            show(f"{step.name}, {size} at once")
            calls[f"{step.name}, {size} at once"] = of_queue.units(messages(table, step), size)
    return dict(sorted(calls.items(), key=lambda each: BATCH_ORDER.index(each[0].split(",")[0])))


@dataclass(frozen=True)
class Batched:
    """A function that gets batches, and the clients that it makes requests with."""

    function: str
    handler: Callable[[Any, Any], Any]
    clients: tuple[Any, ...]

    def units(self, make: Callable[[int, int], api_events.Event], size: int) -> CallUnits:
        """What a batch of this size consumes, which ``make`` makes: the second number differs."""
        publish_quietly(self.handler, make(size, 0))
        batch = make(size, size)
        with metered(*self.clients) as consumed, captured_output() as lines:
            publish(self.handler, batch)
        batches = (make(size, size * number) for number in range(2, TIMED_CALLS + 2))
        cpu_ms = median(cpu_ms_of(self.handler, each) for each in batches)
        return call_units(self.function, size, consumed, lines, batch, 0, cpu_ms)


def messages(table: SessionsTable, step: Step) -> Callable[[int, int], api_events.Event]:
    """What makes batches of timer messages, whose sessions are at this step."""
    return lambda size, _: event_of(put_timed(table, step, size))


def stream_batches() -> Mapping[str, Callable[[int, int], api_events.Event]]:
    """What makes batches of stream records, by what they tell of."""
    return {
        "timer start": insertions,
        "expiry by TTL": batch_of,
        "removal of an expired session": removals_of_the_published,
    }


def call_units(  # noqa: PLR0913, PLR0917 - each is one of the measured things
    function: str,
    times: int,
    consumed: Consumed,
    lines: list[str],
    event: api_events.Event,
    response_size: int,
    cpu_ms: float,
) -> CallUnits:
    """The units, put together."""
    return CallUnits(
        function=function,
        times=times,
        requests=dict(consumed.requests),
        write_units=consumed.write_units,
        read_units=consumed.read_units,
        refused_writes=consumed.refused_writes,
        event_chunks=consumed.event_chunks,
        cpu_ms=round(cpu_ms, 2),
        function_log_bytes=log_bytes(lines),
        metrics=metrics_of(lines),
        event_bytes=len(json.dumps(event).encode()),
        response_bytes=response_size,
    )


def publish_quietly(handler: Callable[[Any, Any], Any], batch: api_events.Event) -> None:
    """Have the function handle the batch, and discard what it logs."""
    with captured_output():
        publish(handler, batch)


def invoke(handler: Handler, event: api_events.Event) -> None:
    """Invoke the function, and discard what it logs."""
    with captured_output():
        api_events.invoke(handler, event)


def cpu_ms_of(handler: Callable[[Any, Any], Any], event: api_events.Event) -> float:
    """The CPU time of this process for one invocation."""
    context = LambdaContext("invocation")
    with captured_output():
        before = time.process_time_ns()
        handler(event, context)
        return (time.process_time_ns() - before) / 1e6


def response_bytes(response: Mapping[str, Any]) -> int:
    """The bytes of the function's headers, as HTTP/1.1 has them, and of its body."""
    headers = "".join(f"{name}: {value}\r\n" for name, value in response["headers"].items())
    return len((headers + response["body"]).encode())


def start_cpu_ms(function: str) -> float:
    """The CPU time of importing a function's module from its built package."""
    code = f"import {module_of(function)}"
    with TemporaryDirectory() as folder:
        package, _ = deployed_package(function, Path(folder))
        starts = [cpu_seconds_of(code, str(package), None) for _ in range(STARTS)]
    return round(1000 * median(starts), 1)


if __name__ == "__main__":
    main()
