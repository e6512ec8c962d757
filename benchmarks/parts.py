"""The parts of the measurements. Each is measured in a process of its own."""

import multiprocessing
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import Any

from benchmarks import (
    cold_starts,
    contention,
    cpu,
    expiry_batches,
    growth,
    poison,
    request_counts,
    timer_batches,
    write_units,
)
from benchmarks.measurements import Part
from benchmarks.progress import Progress
from benchmarks.provenance import provenance

Measure = Callable[[Progress], Any]
"""Measures a part. Returns its figures, or ``None`` where they cannot be taken."""


def parts(seed: int) -> Mapping[str, Measure]:
    """All parts by name, in the order in which they are measured."""
    return {
        "requests": request_counts.measure,
        "write-units": write_units.measure,
        "cpu": cpu.measure,
        "expiry-batches": expiry_batches.measure,
        "timer-batches": timer_batches.measure,
        "poison": poison.measure,
        "cold-starts": cold_starts.measure,
        "contention": partial(contention.measure, seed=seed),
        "growth": growth.measure,
    }


def measure_part(measure: Measure, progress: Progress) -> Part | None:
    """Measure in a new process, which finds nothing of the part before."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as process:
        return process.submit(_measured, measure, progress).result()


def _measured(measure: Measure, progress: Progress) -> Part | None:
    before = time.monotonic()
    figures = measure(progress)
    if figures is None:
        return None
    seconds = round(time.monotonic() - before)
    return {"taken": provenance(), "seconds": seconds, "figures": figures}
