"""Retries of calls to AWS: a few, after random pauses, and none that cannot end in time.

The SDK's own retries are turned off. They know no deadline, they pause for as long as a reply says,
and their pauses are drawn from ``random``, whose state SnapStart gives to every instance.
"""

import random
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from runtime.deadline import Deadline

MAX_ATTEMPTS = 6
"""Enough that a client is rarely told of an outage that passes. Its own retry comes seconds later,
when a busy session may have forgotten the renewal that was applied: see docs/reliability.md.
"""

FIRST_PAUSE_SECONDS, MAX_PAUSE_SECONDS = 0.05, 1.0
"""The longest pause before the first retry, which doubles with each, and its limit."""

MAX_DEMANDED_PAUSE_SECONDS = 0.5
"""As much of a pause that a reply demands is kept. The SDK would keep up to five seconds, in which
a busy session may forget what this request did.
"""

T = TypeVar("T")

system_random = random.SystemRandom()
"""Randomness that no SnapStart snapshot contains, and so no two instances share."""

MAX_DOUBLINGS = 10


class Unavailable(Exception):
    """A service throttled, timed out or failed. It may have done what it was asked all the same."""

    retry_after_seconds: float = 0
    """How long the service demands to be left alone."""


def jittered_pause_seconds(attempt: int, longest_seconds: float = MAX_PAUSE_SECONDS) -> float:
    """A random pause after this attempt (counted from 0), so that no two callers meet again."""
    pause_seconds = FIRST_PAUSE_SECONDS * 2 ** min(attempt, MAX_DOUBLINGS)
    return system_random.uniform(0, min(pause_seconds, longest_seconds))


def retry(call: Callable[[float], T], deadline: Deadline, attempt_seconds: float) -> T:
    """Make the call, up to six times. It is told how many seconds it may take.

    Raises:
        Unavailable: the last attempt's, or that of one after which there was no time for another.
    """

    def attempt_once() -> T:
        return call(min(attempt_seconds, deadline.remaining_seconds))

    for attempt in range(MAX_ATTEMPTS - 1):
        try:
            return attempt_once()
        except Unavailable as unavailable:
            pause_seconds = unavailable.retry_after_seconds + jittered_pause_seconds(attempt)
            if not deadline.pause(pause_seconds, attempt_seconds):
                raise
    return attempt_once()


def retry_after_seconds(response: Mapping[str, Any]) -> float:
    """The pause that an error's response demands, up to half a second; 0 if it demands none."""
    header = response["ResponseMetadata"].get("HTTPHeaders", {}).get("x-amz-retry-after", "")
    milliseconds = int(header) if re.fullmatch("[0-9]{1,12}", header) else 0
    return min(milliseconds / 1000, MAX_DEMANDED_PAUSE_SECONDS)
