"""Renewals by many workers at once, of one session and of many, by three implementations."""

import multiprocessing
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, wait
from contextlib import ExitStack
from typing import Any

from benchmarks.contention_driver import Work, drive, import_implementations
from benchmarks.contention_runs import DRIVERS, Setting, figures, shuffled_settings
from benchmarks.implementations import MODULES, THIS_PROJECT
from benchmarks.measured_sessions import conventional_item, session
from benchmarks.measured_table import measured_table
from benchmarks.measurements import Figures
from benchmarks.progress import Progress
from storage.item import item_of
from storage.table import SessionsTable

SECONDS = 2.0

LEAD_SECONDS = 0.05
"""How long before a run begins its drivers are told of it."""

WARM_UP_SECONDS = 2.0
WARM_UP_WORKERS = 16


def measure(progress: Progress, seed: int) -> Figures:
    """Every setting, three times, in a new order each time."""
    plan = shuffled_settings(seed)
    progress.begin(len(MODULES) + len(plan))
    context = multiprocessing.get_context("spawn")
    with measured_table() as table, ExitStack() as stack:
        drivers = [
            stack.enter_context(ProcessPoolExecutor(1, mp_context=context)) for _ in range(DRIVERS)
        ]
        wait([driver.submit(import_implementations) for driver in drivers])
        for name in MODULES:
            progress.step(f"warm-up of {name}")
            run(Setting(name, WARM_UP_WORKERS, one_session=False), table, drivers, WARM_UP_SECONDS)
        runs = []
        for setting in plan:
            where = "one session" if setting.one_session else "a session each"
            progress.step(f"{setting.implementation}, {setting.workers} at once on {where}")
            runs.append(run(setting, table, drivers, SECONDS))
    return {"seed": seed, "secondsPerRun": SECONDS, "drivers": DRIVERS, "runs": runs}


def run(
    setting: Setting,
    table: SessionsTable,
    drivers: Sequence[ProcessPoolExecutor],
    seconds: float,
) -> Figures:
    """Have the workers renew new sessions for so long, and compare the stored counts."""
    store_sessions(setting, table)
    starts_at = time.monotonic() + LEAD_SECONDS
    work = [
        Work(setting.implementation, ids, starts_at, starts_at + seconds) for ids in setting.shares
    ]
    futures = [driver.submit(drive, each) for driver, each in zip(drivers, work, strict=False)]
    shares = [future.result() for future in futures]
    return figures(setting, shares, stored_count(setting, table))


def store_sessions(setting: Setting, table: SessionsTable) -> None:
    """Store the sessions anew, each as its implementation would have stored it."""
    for session_id in set(setting.session_ids):
        new = session(session_id)
        make = item_of if setting.implementation == THIS_PROJECT else conventional_item
        table.client.put_item(TableName=table.name, Item=make(new, table.retention_seconds))


def stored_count(setting: Setting, table: SessionsTable) -> int:
    """The ``renewalCount`` of all sessions together."""
    items: list[Any] = [table.get(session_id) for session_id in set(setting.session_ids)]
    return sum(int(item["renewalCount"]["N"]) for item in items)
