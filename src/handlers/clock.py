"""The wall clock, which only the functions read: every rule is told the instant."""

import time


def epoch_ms() -> int:
    """Now, in epoch milliseconds."""
    return time.time_ns() // 1_000_000
