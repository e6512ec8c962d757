"""The runs of many workers at once: which there are, in which order, and what each comes to."""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import product

from benchmarks.implementations import MODULES
from benchmarks.measurements import Figures
from benchmarks.spread import percentile

WORKERS = (1, 2, 4, 8, 16, 32, 64)
REPEATS = 3
DRIVERS = 8
"""Processes. Threads of one would wait for its interpreter, and each client has 10 connections."""


@dataclass(frozen=True)
class Setting:
    """What is run: which implementation, by how many workers, on one session or on many."""

    implementation: str
    workers: int
    one_session: bool

    @property
    def session_ids(self) -> list[str]:
        """The session that each worker renews."""
        sessions = 1 if self.one_session else self.workers
        return [f"contended-{number % sessions}" for number in range(self.workers)]

    @property
    def shares(self) -> list[list[str]]:
        """The sessions of each driver's workers; a driver without a worker has no share."""
        return [ids for first in range(DRIVERS) if (ids := self.session_ids[first::DRIVERS])]


def shuffled_settings(seed: int) -> list[Setting]:
    """Each setting as often as it is repeated: once in each repeat, in an order of its own."""
    order = random.Random(seed)  # noqa: S311 - no secret
    plan = []
    for _ in range(REPEATS):
        settings = [Setting(*each) for each in product(MODULES, WORKERS, (True, False))]
        order.shuffle(settings)
        plan += settings
    return plan


@dataclass
class Share:
    """What came of a driver's work. ``latencies_ms`` are those of the renewals answered 200."""

    started_at: float
    ended_at: float = 0
    statuses: Counter[int] = field(default_factory=Counter)
    latencies_ms: list[float] = field(default_factory=list)
    requests: int = 0

    def add(self, status: int, started_at: float, ended_at: float) -> None:
        """One renewal was answered."""
        self.ended_at = max(self.ended_at, ended_at)
        self.statuses[status] += 1
        if status == 200:
            self.latencies_ms.append((ended_at - started_at) * 1000)


def figures(setting: Setting, shares: Sequence[Share], growth: int) -> Figures:
    """What a run came to. ``growth`` is that of ``renewalCount``, of all its sessions together."""
    statuses = sum((share.statuses for share in shares), Counter[int]())
    latencies_ms = [each for share in shares for each in share.latencies_ms]
    renewed = statuses[200]
    seconds = max(share.ended_at for share in shares) - min(share.started_at for share in shares)
    return {
        "implementation": setting.implementation,
        "workers": setting.workers,
        "oneSession": setting.one_session,
        "renewed": renewed,
        "perSecond": round(renewed / seconds, 1),
        "requestsPerSuccess": round(sum(share.requests for share in shares) / renewed, 3),
        "p50Ms": round(percentile(latencies_ms, 0.5), 2),
        "p99Ms": round(percentile(latencies_ms, 0.99), 2),
        "lost": lost_updates(renewed, growth),
        "failures": {str(status): statuses[status] for status in sorted(statuses) if status != 200},
    }


def lost_updates(renewed: int, growth: int) -> int:
    """The renewals answered 200 that no count shows. Below 0, some were counted twice."""
    return renewed - growth
