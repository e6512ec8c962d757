"""Faults drawn at random, by a seed, for each request to DynamoDB."""

import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.support.faulty_dynamodb import (
    Fault,
    ProxiedRequest,
    error_body,
    fail,
    hang_up,
    lose_the_reply,
    pass_on,
    refuse_with,
)

SLOW_SECONDS = 1.0
"""How long a slow request is held: longer than the client waits for it."""

RETRY_AFTER_MS = 1200
"""Longer than any pause that the functions make."""


def apply_then_stall(request: ProxiedRequest) -> None:
    """Carry the request out at once, and hold its reply until nobody waits for it."""
    request.forward()
    _outwait_the_client(request)


def stall_then_apply(request: ProxiedRequest) -> None:
    """Carry the request out only after the client gave up: others have come in between."""
    if _outwait_the_client(request):
        request.forward()


def stall_and_drop(request: ProxiedRequest) -> None:
    """Let the client wait in vain."""
    _outwait_the_client(request)


def fail_after_applying(request: ProxiedRequest) -> None:
    """Carry the request out, and say that it failed."""
    request.forward()
    fail(request)


def throttle_with_a_pause(request: ProxiedRequest) -> None:
    """Throttle, and ask for a pause, most of which is made."""
    body = error_body("com.amazonaws.dynamodb.v20120810#ThrottlingException")
    request.reply(400, body, headers={"x-amz-retry-after": str(RETRY_AFTER_MS)})


def _outwait_the_client(request: ProxiedRequest) -> bool:
    """Whether the proxy still runs afterwards."""
    request.close_connection = True
    return not request.server.back.wait(SLOW_SECONDS)


Shares = Mapping[Fault, float]
"""For each fault, its share of all requests. The others are passed on."""

SOAK_SHARES: Shares = {
    lose_the_reply: 0.04,
    apply_then_stall: 0.004,
    stall_then_apply: 0.004,
    stall_and_drop: 0.002,
    hang_up: 0.02,
    fail: 0.02,
    fail_after_applying: 0.02,
    refuse_with("ProvisionedThroughputExceededException"): 0.02,
    throttle_with_a_pause: 0.01,
}
"""An outage that goes on for hours: one request in seven meets a fault."""

LOSSY_SHARES: Shares = {
    lose_the_reply: 0.08,
    fail_after_applying: 0.03,
    stall_then_apply: 0.01,
    apply_then_stall: 0.003,
    hang_up: 0.02,
    fail: 0.02,
}
"""As many lost replies as a short history needs, and few faults that take long."""

NO_FAULTS: Shares = {}


@dataclass
class SeededFaults:
    """Chooses a fault for each request. One seed is one sequence of faults.

    Which request meets which fault still depends on the order in which threads send them.
    ``chosen`` counts the faults, and the requests passed on, by name.
    """

    seed: int
    shares: Shares = field(default_factory=lambda: SOAK_SHARES)
    chosen: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)  # noqa: S311 - no secret
        self._faults = [*self.shares, pass_on]
        self._weights = [*self.shares.values(), 1 - sum(self.shares.values())]

    def __call__(self) -> Fault:
        """The next fault. ``FaultyDynamoDB`` asks for one at a time."""
        (fault,) = self._random.choices(self._faults, self._weights)
        self.chosen[fault.__name__] += 1
        return fault
