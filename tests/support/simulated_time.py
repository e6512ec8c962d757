"""Time that passes only when a simulation says so, for everything that the functions wait with."""

import heapq
import itertools
import random
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

import pytest

from domain.session import MS_PER_SECOND

MAX_NESTED = 6
"""How many events may run while others wait, one within the other."""


class SimulatedTime:
    """A clock, and what is to happen by it. Whoever waits lets happen what is due meanwhile."""

    def __init__(self, now_ms: int, rng: random.Random) -> None:
        self.now_ms = now_ms
        self.rng = rng
        self._agenda: list[tuple[int, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._nested = 0

    def at(self, at_ms: int, happen: Callable[[], None]) -> None:
        """Have it happen at that instant."""
        heapq.heappush(self._agenda, (at_ms, next(self._numbers), happen))

    def after(self, delay_ms: int, happen: Callable[[], None]) -> None:
        """Have it happen so much later."""
        self.at(self.now_ms + delay_ms, happen)

    def run(self) -> None:
        """Let everything happen, in its order; time jumps from one to the next."""
        while self._agenda:
            self._happen()

    def wait(self, milliseconds: float) -> None:
        """Let time pass, and what is due in it happen."""
        end_ms = self.now_ms + int(milliseconds)
        while self._agenda and self._agenda[0][0] <= end_ms and self._nested < MAX_NESTED:
            self._happen()
        self.now_ms = max(self.now_ms, end_ms)

    def _happen(self) -> None:
        at_ms, _, happen = heapq.heappop(self._agenda)
        self.now_ms = max(self.now_ms, at_ms)
        self._nested += 1
        try:
            happen()
        finally:
            self._nested -= 1

    # What the module ``time`` has.

    def monotonic(self) -> float:
        """Seconds, as for a deadline."""
        return self.now_ms / MS_PER_SECOND

    def sleep(self, seconds: float) -> None:
        """Pause."""
        self.wait(seconds * MS_PER_SECOND)


class _CallingThread:
    """In place of a pool of threads: each call is made at once, by whoever asks for it."""

    def submit(self, call: Callable[..., Any], *args: Any, **kwargs: Any) -> "Future[Any]":
        """The call, which has ended."""
        future: Future[Any] = Future()
        future.set_result(call(*args, **kwargs))
        return future


@contextmanager
def simulated(time: SimulatedTime) -> Iterator[None]:
    """Deadlines, pauses and their randomness are the simulation's for as long as this lasts."""
    with pytest.MonkeyPatch.context() as patch:
        for module in ("runtime.deadline", "storage.timeout_update"):
            patch.setattr(f"{module}.time", time)
        patch.setattr("runtime.deadline._threads", _CallingThread())
        patch.setattr("runtime.retries.system_random", random.Random(time.rng.random()))  # noqa: S311 - no secret
        yield
