"""A process of workers: threads that renew a session each, one renewal after the other."""

import itertools
import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from benchmarks import api_events
from benchmarks.contention_runs import Share
from benchmarks.implementations import MODULES, handler_of, own_event_loop
from benchmarks.output import quietly
from benchmarks.sent_requests import recorded_requests

_numbers = itertools.count()


@dataclass(frozen=True)
class Work:
    """What a driver's workers do, between two instants of the monotonic clock.

    That clock is the same in every process. ``session_ids`` has the session of each worker.
    """

    implementation: str
    session_ids: Sequence[str]
    starts_at: float
    ends_at: float


def import_implementations() -> None:
    """Import all of them, so that the first run of each need not."""
    for name in MODULES:
        handler_of(name)


def drive(work: Work) -> Share:
    """Have a thread for each worker, until the time is up. A renewal under way is finished."""
    total = Share(started_at=work.starts_at)
    with (
        quietly(),
        recorded_requests() as sent,
        ThreadPoolExecutor(len(work.session_ids)) as workers,
    ):
        for share in workers.map(renew_in_turns, itertools.repeat(work), work.session_ids):
            total.ended_at = max(total.ended_at, share.ended_at)
            total.statuses += share.statuses
            total.latencies_ms += share.latencies_ms
    total.requests = len(sent)
    return total


def renew_in_turns(work: Work, session_id: str) -> Share:
    """One worker: renewals of the session, each with an ID of its own."""
    handler = handler_of(work.implementation)
    share = Share(started_at=work.starts_at)
    with own_event_loop():
        time.sleep(max(work.starts_at - time.monotonic(), 0))
        while (started_at := time.monotonic()) < work.ends_at:
            number = os.getpid() * 10**9 + next(_numbers)
            response = api_events.invoke(handler, api_events.renewal(number, session_id))
            share.add(response["statusCode"], started_at, time.monotonic())
    return share
