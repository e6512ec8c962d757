"""The memory of this process: a long soak must not need more than a short one."""

from pathlib import Path

MAX_GROWTH_MIB = 32
"""What the process may grow by after a tenth of its calls."""

WARM_UP_SHARE = 0.1
STATUS = Path("/proc/self/status")


def resident_mib() -> float | None:
    """The resident set of this process; ``None`` where the system does not show it."""
    if not STATUS.exists():
        return None
    for line in STATUS.read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return None


class Memory:
    """The resident set after the warm-up, and the largest one since."""

    def __init__(self) -> None:
        self.after_warm_up: float | None = None
        self.largest: float | None = None

    def measure(self, share_done: float) -> None:
        """Take the present figure. Those of the warm-up do not count."""
        mib = resident_mib()
        if mib is None or share_done < WARM_UP_SHARE:
            return
        self.after_warm_up = self.after_warm_up or mib
        self.largest = max(self.largest or mib, mib)

    @property
    def growth(self) -> float:
        """By how much it has grown since the warm-up, in MiB."""
        return (self.largest or 0) - (self.after_warm_up or 0)
