"""CPU time of the calls, beside that of the same requests made by a plain boto3 client."""

import time
from collections.abc import Callable, Mapping
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

ROUNDS = 20
CALLS_PER_ROUND = 30

Measured = Callable[[], object]
Prepare = Callable[[int], Measured]
"""Prepares a call and returns the part to be measured. The number is different every time."""

Pair = tuple[Prepare, Prepare]
"""A call, and the bare call that it is compared with."""

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

    def call(number: int) -> Measured:
        comparison.setup(table)
        return partial(succeed, handler, comparison.event(number))

    def bare(number: int) -> Measured:
        comparison.setup(table)
        return comparison.bare(table, number)

    return call, bare


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
    with quietly():
        for number in range(rounds + 1):
            for name, (call, bare) in pairs.items():
                progress.step(name)
                measured = _measure_round(call, bare)
                for each, figure in measured.items() if number else ():
                    timings[name][each].append(figure)
    return timings


def _measure_round(call: Prepare, bare: Prepare) -> dict[str, float]:
    """The medians of the two calls, made in turns.

    There are only two: a third call between them would leave colder caches to the one after it.
    """
    taken: Timings = {"callMs": [], "bareMs": [], "elapsedMs": []}
    for _ in range(CALLS_PER_ROUND):
        bare_ms, _ = _time(bare(time.time_ns()))
        call_ms, elapsed_ms = _time(call(time.time_ns()))
        for name, figure in zip(taken, (call_ms, bare_ms, elapsed_ms), strict=True):
            taken[name].append(figure)
    return {name: round(median(figures), 4) for name, figures in taken.items()}


def _time(measured: Measured) -> tuple[float, float]:
    """The milliseconds of CPU, and those that passed."""
    started_ns, cpu_ns = time.perf_counter_ns(), time.process_time_ns()
    measured()
    cpu_ns, elapsed_ns = time.process_time_ns() - cpu_ns, time.perf_counter_ns() - started_ns
    return cpu_ns / 1e6, elapsed_ns / 1e6
