"""CPU time of the calls, as ratios to the same requests made by a plain boto3 client."""

import time
from collections.abc import Callable, Mapping
from functools import partial
from statistics import median

from benchmarks.calls import COMPARED, RENEWAL, Compared
from benchmarks.events import success
from benchmarks.output import print_ratios, quietly
from benchmarks.sessions import put_a_page_and_more, put_one_for_each_outcome
from handlers.http import Handler
from storage.table import SessionsTable

ROUNDS = 20
CALLS_PER_ROUND = 30

Measured = Callable[[], object]
Prepare = Callable[[int], Measured]
"""Makes a call ready, and returns what is to be measured of it. No number comes twice."""


def print_cpu_per_renewal(table: SessionsTable, ways: Mapping[str, Handler]) -> None:
    """CPU time of a renewal, each way, as a ratio to a bare ``update_item``."""
    put_one_for_each_outcome(table)
    ratios = {way: ratios_of(RENEWAL, table, handler) for way, handler in ways.items()}
    print_ratios("CPU per renewal, to a bare `update_item`", ratios)


def print_cpu_per_call(table: SessionsTable, handler: Handler) -> None:
    """CPU time of each of the other calls, as a ratio to its bare call."""
    put_one_for_each_outcome(table)
    put_a_page_and_more(table)
    ratios = {compared.name: ratios_of(compared, table, handler) for compared in COMPARED}
    print_ratios("CPU per call, to its bare call", ratios)


def ratios_of(compared: Compared, table: SessionsTable, handler: Handler) -> list[float]:
    """The ratio of each round; a first round, to warm up, is not kept."""

    def bare(number: int) -> Measured:
        compared.before(table)
        return compared.bare(table, number)

    def call(number: int) -> Measured:
        compared.before(table)
        return partial(success, handler, compared.event(number))

    with quietly():
        return [ratio_of_a_round(call, bare) for _ in range(ROUNDS + 1)][1:]


def ratio_of_a_round(call: Prepare, bare: Prepare) -> float:
    """The ratio of the medians of two calls, made in turns.

    Two, and never a third between them: each is as cold as the other leaves it.
    """
    of_call, of_bare = list[float](), list[float]()
    for _ in range(CALLS_PER_ROUND):
        of_bare.append(cpu_seconds_of(bare(time.time_ns())))
        of_call.append(cpu_seconds_of(call(time.time_ns())))
    return median(of_call) / median(of_bare)


def cpu_seconds_of(measured: Measured) -> float:
    """The CPU seconds that it takes this process."""
    before = time.process_time()
    measured()
    return time.process_time() - before
