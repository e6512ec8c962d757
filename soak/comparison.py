"""The same faults and clients for two other implementations, and for more than is promised."""

import asyncio
import importlib
import threading
from typing import Any

from api.responses import Handler, Response
from soak.fleet import Fleet, fleet_of, lambda_fleet
from soak.runs import OpenFleet, Run, run_plan
from soak.schedule import Plan, as_told

RENEWALS = 10_000
MAX_SECONDS = 240.0


def compare(seed: int, upstream: str) -> list[Run]:
    """Renewals alone, by each implementation and in each way."""
    plan = Plan(seed, RENEWALS, MAX_SECONDS, other_calls=False)
    as_long = Plan(seed, RENEWALS, MAX_SECONDS, other_calls=False, pause=as_told)
    hammered = Plan(
        seed, RENEWALS, 60, other_calls=False, sessions=1, active=1, per_second=1e6, clients=12
    )
    return [
        run_plan("this project", plan, upstream, lambda_fleet),
        run_plan("read, then write", plan, upstream, fleet_in("conventional"), checked=False),
        run_plan("version-guarded", plan, upstream, fleet_in("version_guarded"), checked=False),
        run_plan("this project, Retry-After obeyed", as_long, upstream, lambda_fleet),
        run_plan("this project, 12 clients without pause", hammered, upstream, lambda_fleet),
    ]


def fleet_in(module: str) -> OpenFleet:
    """The implementation in this module of ``benchmarks``, which reads the environment."""

    def open_fleet(_: str, size: int) -> Fleet:
        handler: Handler = importlib.import_module(f"benchmarks.{module}").handler
        return fleet_of(_with_event_loop(handler), size)

    return open_fleet


def _with_event_loop(handler: Handler) -> Handler:
    """The handler, for any thread: Mangum expects the event loop that only the main one has."""
    loops = threading.local()

    def handle(event: Any, context: Any) -> Response:
        if not hasattr(loops, "own"):
            loops.own = asyncio.new_event_loop()
            asyncio.set_event_loop(loops.own)
        return handler(event, context)

    return handle
