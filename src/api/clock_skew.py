"""The function's clock, held against API Gateway's.

Every instant of a session comes from the clock of a function. One that is years off would store
sessions that never end, or that no call can read.
"""

from dataclasses import dataclass

from api.request import Request
from runtime.observability import count, loggable, logger

MAX_SKEW_MS = 60_000
"""How far the clocks may differ unremarked. A cold start is part of the difference."""

EARLIEST_MS = 1_577_836_800_000
"""2020-01-01, 00:00 UTC."""

LATEST_MS = 7_258_118_400_000
"""2200-01-01, 00:00 UTC."""


@dataclass(eq=False)
class ImplausibleClock(Exception):
    """The function's clock shows an instant (epoch milliseconds) at which no session can be."""

    now_ms: int


def require_plausible_clock(request: Request) -> None:
    """Log and count a clock that is more than a minute off, and refuse one that is years off.

    Raises:
        ImplausibleClock: the clock is not within the years from 2020 to 2199.
    """
    received_at_ms = request.received_at_ms
    if received_at_ms is not None and abs(request.now_ms - received_at_ms) > MAX_SKEW_MS:
        skew_ms = request.now_ms - received_at_ms
        facts = {"skew_ms": skew_ms, "correlation_id": loggable(request.request_id)}
        logger.warning("the clock differs from API Gateway's", extra=facts)
        count("ClockSkew")
    if not EARLIEST_MS <= request.now_ms < LATEST_MS:
        raise ImplausibleClock(request.now_ms)
