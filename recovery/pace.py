"""A pace for what costs units: capacity of a table, invocations of a function."""

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass
class Pace:
    """At most so many units a second. Time in which none were spent is not made up for."""

    units_per_second: float
    clock_seconds: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    _paid_until: float = 0

    def spend(self, units: float) -> None:
        """Wait for as long as these units, which were just consumed, take at this pace."""
        now = self.clock_seconds()
        self._paid_until = max(self._paid_until, now) + units / self.units_per_second
        self.sleep(self._paid_until - now)
