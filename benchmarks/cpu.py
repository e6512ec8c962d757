"""CPU time of the calls, as ratios to the same requests made by a plain boto3 client."""

import time
from collections.abc import Callable, Mapping
from functools import partial
from statistics import median

from api.responses import Handler
from benchmarks.api_events import succeed
from benchmarks.calls import RENEWAL, Comparison, other_calls
from benchmarks.measured_sessions import put_a_page_and_more, put_one_for_each_outcome
from benchmarks.output import print_ratios, quietly
from storage.table import SessionsTable

ROUNDS = 20
CALLS_PER_ROUND = 30

Measured = Callable[[], object]
Prepare = Callable[[int], Measured]
"""Prepares a call and returns the part to be measured. The number is different every time."""


def print_cpu_per_renewal(table: SessionsTable, implementations: Mapping[str, Handler]) -> None:
    """CPU time of a renewal in each implementation, as a ratio to a bare ``update_item``."""
    put_one_for_each_outcome(table)
    ratios = {name: ratios_of(RENEWAL, table, handler) for name, handler in implementations.items()}
    print_ratios("CPU per renewal, to a bare `update_item`", ratios)


def print_cpu_per_call(table: SessionsTable, handler: Handler) -> None:
    """CPU time of each of the other calls, as a ratio to its bare call."""
    put_one_for_each_outcome(table)
    put_a_page_and_more(table)
    ratios = {each.name: ratios_of(each, table, handler) for each in other_calls()}
    print_ratios("CPU per call, to its bare call", ratios)


def ratios_of(comparison: Comparison, table: SessionsTable, handler: Handler) -> list[float]:
    """The ratios of a call of the API to its bare call."""

    def call(number: int) -> Measured:
        comparison.setup(table)
        return partial(succeed, handler, comparison.event(number))

    def bare(number: int) -> Measured:
        comparison.setup(table)
        return comparison.bare(table, number)

    return measure_ratios(call, bare)


def measure_ratios(call: Prepare, bare: Prepare) -> list[float]:
    """The ratio of each round but the first, which warms up."""
    with quietly():
        return [_measure_round(call, bare) for _ in range(ROUNDS + 1)][1:]


def _measure_round(call: Prepare, bare: Prepare) -> float:
    """The ratio of the medians of the two calls, made in turns.

    There are only two: a third call between them would leave colder caches to the one after it.
    """
    call_seconds, bare_seconds = list[float](), list[float]()
    for _ in range(CALLS_PER_ROUND):
        bare_seconds.append(_cpu_seconds_of(bare(time.time_ns())))
        call_seconds.append(_cpu_seconds_of(call(time.time_ns())))
    return median(call_seconds) / median(bare_seconds)


def _cpu_seconds_of(measured: Measured) -> float:
    before = time.process_time()
    measured()
    return time.process_time() - before
