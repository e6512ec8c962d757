"""The wall clock. Only entry points read it: everything else is told the instant."""

import time


def epoch_ms() -> int:
    """Now, in epoch milliseconds."""
    return time.time_ns() // 1_000_000
