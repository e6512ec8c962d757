"""How long a request may still take, and calls that end in time whatever the network does."""

import math
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import ParamSpec, Self, TypeVar

SECONDS_BEFORE_LAMBDA_STOPS = 1
"""How long before Lambda would stop a function whatever it does must have ended."""

MAX_CALLS_AT_ONCE = 64

P = ParamSpec("P")
T = TypeVar("T")

# A timeout of a socket is about each packet, and none is about a name server. So a call is made in
# a thread, which can be left behind. Threads begin when they are needed, not with the import.
_threads = ThreadPoolExecutor(MAX_CALLS_AT_ONCE, thread_name_prefix="call")


@dataclass(frozen=True, slots=True)
class Deadline:
    """The instant at which something must have ended, in seconds of the monotonic clock."""

    at_seconds: float

    @classmethod
    def after(cls, seconds: float) -> Self:
        """The deadline so many seconds from now."""
        return cls(time.monotonic() + seconds)

    @property
    def remaining_seconds(self) -> float:
        """The time until then; negative once it has passed."""
        return self.at_seconds - time.monotonic()

    def allows(self, seconds: float) -> bool:
        """Whether what takes so long would end in time."""
        return self.remaining_seconds >= seconds

    def pause(self, seconds: float, then_seconds: float) -> bool:
        """Pause, if what then takes so long would still end in time. Otherwise, return false."""
        if not self.allows(seconds + then_seconds):
            return False
        time.sleep(seconds)
        return True


NO_DEADLINE = Deadline(math.inf)


def call_within(seconds: float, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Make the call, but wait no longer than this for it to end.

    A call that is left behind goes on: what it asks of a service may still be done.

    Raises:
        TimeoutError: it did not end in time, or there was none for it to begin.
    """
    if seconds <= 0:
        raise TimeoutError("no time is left")
    future = _threads.submit(call, *args, **kwargs)
    try:
        return future.result(seconds)
    except TimeoutError:
        future.cancel()  # one that no thread was free for must not begin late
        raise
