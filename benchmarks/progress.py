"""Says what is being measured: which part, which step of how many, and the time since the start."""

import sys
import time
from dataclasses import dataclass, field
from typing import TextIO

SECONDS_BETWEEN_LINES = 10
"""How often a line is written where it cannot be written over: to a file or a pipe."""


@dataclass
class Progress:
    """The progress of one part. Instants are of the monotonic clock, the same in every process."""

    part: str
    place: str
    started_seconds: float
    _steps: int = field(default=1, init=False)
    _step: int = field(default=0, init=False)
    _shown_seconds: float = field(default=0, init=False)

    def begin(self, steps: int) -> None:
        """The part has this many steps."""
        self._steps, self._step = steps, 0

    def step(self, name: str, stream: TextIO | None = None) -> None:
        """The next step begins."""
        self._step += 1
        stream = stream or sys.stderr
        now_seconds = time.monotonic()
        if stream.isatty():
            print(f"\r\033[K{self._line(name, now_seconds)}", end="", file=stream, flush=True)
        elif self._step == 1 or now_seconds - self._shown_seconds >= SECONDS_BETWEEN_LINES:
            print(self._line(name, now_seconds), file=stream, flush=True)
            self._shown_seconds = now_seconds

    def _line(self, name: str, now_seconds: float) -> str:
        elapsed = int(now_seconds - self.started_seconds)
        clock = f"{elapsed // 60:2}:{elapsed % 60:02}"
        return f"{clock}  {self.part} ({self.place}), step {self._step} of {self._steps}: {name}"
