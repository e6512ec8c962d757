"""CPU time of the calls, beside that of the same requests made by a plain boto3 client."""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from statistics import median

from api.responses import Handler
from benchmarks.api_events import succeed
from benchmarks.calls import CONVENTIONAL_RENEWAL, RENEWAL, Comparison, other_calls
from benchmarks.implementations import CONVENTIONAL, THIS_PROJECT, handler_of
from benchmarks.measured_sessions import put_a_page_and_more, put_one_for_each_outcome
from benchmarks.measured_table import measured_table
from benchmarks.measurements import Figures
from benchmarks.output import quietly
from benchmarks.progress import Progress
from storage.table import SessionsTable

ROUNDS = 16
TURNS_PER_ROUND = 4
CALLS_PER_TURN = 8
WARMING_CALLS = 3

Measured = Callable[[], object]
Prepare = Callable[[int], Measured]
"""Prepares a call and returns the part to be measured. The number is different every time."""


@dataclass(frozen=True)
class Pair:
    """A call, and the bare call that it is compared with. ``before`` runs before each of them."""

    call: Prepare
    bare: Prepare
    before: Callable[[], object] = lambda: None


Timings = dict[str, list[float]]
"""Milliseconds, one value a round: CPU of the call, of its bare call, and what the call lasts."""


def measure(progress: Progress) -> Figures:
    """A renewal in two implementations, and each of the other calls."""
    with measured_table() as table:
        from handlers import sessions  # noqa: PLC0415 - it reads the environment

        put_one_for_each_outcome(table)
        put_a_page_and_more(table)
        pairs = {
            THIS_PROJECT: pair(RENEWAL, table, handler_of(THIS_PROJECT)),
            CONVENTIONAL: pair(CONVENTIONAL_RENEWAL, table, handler_of(CONVENTIONAL)),
            **{each.name: pair(each, table, sessions.handler) for each in other_calls()},
        }
        return measure_rounds(pairs, progress)


def pair(comparison: Comparison, table: SessionsTable, handler: Handler) -> Pair:
    """The two calls of a comparison."""
    return Pair(
        call=lambda number: partial(succeed, handler, comparison.event(number)),
        bare=partial(comparison.bare, table),
        before=partial(comparison.setup, table),
    )


def measure_rounds(
    pairs: Mapping[str, Pair], progress: Progress, rounds: int = ROUNDS
) -> dict[str, Timings]:
    """The medians of each round, by name.

    What disturbs the machine for a while disturbs a round of each pair, rather than all rounds of
    one. The first round warms up.
    """
    timings: dict[str, Timings] = {
        name: {"callMs": [], "bareMs": [], "elapsedMs": []} for name in pairs
    }
    progress.begin((rounds + 1) * len(pairs))
    with quietly(), on_one_processor():
        for number in range(rounds + 1):
            for name, compared in pairs.items():
                progress.step(name)
                measured = _measure_round(compared)
                for each, figure in measured.items() if number else ():
                    timings[name][each].append(figure)
    return timings


@contextmanager
def on_one_processor() -> Iterator[None]:
    """Keep this process on one processor, and leave the others to the servers that it calls.

    A function of 512 MB has a share of one. Where it has two, a call's thread wakes on the other.
    """
    if not hasattr(os, "sched_setaffinity"):  # as on macOS
        yield
        return
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


def _measure_round(compared: Pair) -> dict[str, float]:
    """The medians of the two calls, made in turns, a few at a time.

    The first few of each warm the processor's caches, which the others have left cold: an instance
    of a function makes no calls but its own.
    """
    taken: Timings = {"callMs": [], "bareMs": [], "elapsedMs": []}
    for _ in range(TURNS_PER_ROUND):
        taken["bareMs"] += [cpu_ms for cpu_ms, _ in _take_turn(compared.bare, compared.before)]
        for cpu_ms, elapsed_ms in _take_turn(compared.call, compared.before):
            taken["callMs"].append(cpu_ms)
            taken["elapsedMs"].append(elapsed_ms)
    return {name: round(median(figures), 4) for name, figures in taken.items()}


def _take_turn(prepare: Prepare, before: Callable[[], object]) -> list[tuple[float, float]]:
    """What each of a few calls takes. All are prepared first: that, too, would cool the caches."""
    prepared = [prepare(time.time_ns()) for _ in range(CALLS_PER_TURN)]
    taken = []
    for measured in prepared:
        before()
        taken.append(_time(measured))
    return taken[WARMING_CALLS:]


def _time(measured: Measured) -> tuple[float, float]:
    """The milliseconds of CPU, and those that passed."""
    started_ns, cpu_ns = time.perf_counter_ns(), time.process_time_ns()
    measured()
    cpu_ns, elapsed_ns = time.process_time_ns() - cpu_ns, time.perf_counter_ns() - started_ns
    return cpu_ns / 1e6, elapsed_ns / 1e6
