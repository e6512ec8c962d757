"""The wall clock, which entry points pass on to the rules, and a stopwatch."""

import time
from dataclasses import dataclass, field


def epoch_ms() -> int:
    """Now, in epoch milliseconds."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class Stopwatch:
    """Runs from when it is made."""

    began_at_seconds: float = field(default_factory=time.perf_counter)

    @property
    def elapsed_ms(self) -> float:
        """The milliseconds since then, to a tenth."""
        return round((time.perf_counter() - self.began_at_seconds) * 1000, 1)
