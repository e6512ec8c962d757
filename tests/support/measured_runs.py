"""Figures of the benchmarks to make claims about."""

from collections import Counter
from typing import Any

from benchmarks import contention_tables
from benchmarks.contention_runs import WORKERS, Share
from benchmarks.implementations import MODULES

USUAL = {
    "renewed": 100,
    "perSecond": 10.0,
    "requestsPerSuccess": 2.0,
    "p50Ms": 1.0,
    "p99Ms": 5.0,
    "lost": 0,
    "failures": {},
}
"""What a run of any setting comes to, unless a claim says otherwise."""


def share(statuses: dict[int, int], latencies_ms: list[float], **fields: Any) -> Share:
    """What came of a driver's work, by default in two seconds."""
    times = {"started_at": 10.0, "ended_at": 12.0, "requests": 0, **fields}
    return Share(statuses=Counter(statuses), latencies_ms=latencies_ms, **times)


def contended(**runs_of: list[dict[str, Any]]) -> str:
    """The section with the same runs for every setting of an implementation, by its module."""
    runs = [
        {"implementation": name, "workers": workers, "oneSession": one_session, **USUAL, **run}
        for name, module in MODULES.items()
        for workers in WORKERS
        for one_session in (True, False)
        for run in runs_of.get(module.rpartition(".")[2], [{}, {}, {}])
    ]
    return contention_tables.contention({"seed": 1, "secondsPerRun": 2.0, "runs": runs})


def row_of(page: str, first_cell: str) -> list[str]:
    """The other cells of the only row that begins with this one."""
    start = f"| {first_cell} |"
    (row,) = (line for line in page.splitlines() if line.startswith(start))
    return [cell.strip() for cell in row.removeprefix(start).rstrip("|").split("|")]
