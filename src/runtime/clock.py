"""The wall clock. Entry points pass it on; the rules are told the instant."""

import time


def epoch_ms() -> int:
    """Now, in epoch milliseconds."""
    return time.time_ns() // 1_000_000
