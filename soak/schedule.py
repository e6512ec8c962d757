"""Which call comes next, on which session, and when it is due."""

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from soak.calls import COUNTED, Call, Kind, creation

BLOCK = (
    *([Kind.RENEWAL] * 20),
    *([Kind.HEARTBEAT] * 5),
    *([Kind.READ] * 8),
    *([Kind.CHANGE] * 3),
    *([Kind.CREATION] * 2),  # each is followed by the deletion of the new session
)
"""Twenty renewals and twenty other calls. Each block is shuffled."""

SESSIONS_WITH_A_NEW_TIMEOUT = 4
"""Of every so many sessions, one has its timeout changed; the others, their warning threshold."""


def a_tenth(retry_after_seconds: float) -> float:
    """A pause of up to a tenth of what a 503 asks for."""
    return random.uniform(0, retry_after_seconds / 10)  # noqa: S311 - no secret


def as_told(retry_after_seconds: float) -> float:
    """A pause as long as a 503 asks for, and up to a tenth longer."""
    return random.uniform(1, 1.1) * retry_after_seconds  # noqa: S311 - no secret


@dataclass(frozen=True)
class Plan:
    """What to do: how many renewals, on how many sessions, how fast, and for how long at most.

    ``active`` sessions are called at a time, each with at most ``per_second`` renewals and
    heartbeats a second; then as many others. ``pause`` says how long a client waits after a 503.
    """

    seed: int
    renewals: int
    seconds: float
    other_calls: bool = True
    sessions: int = 40
    active: int = 8
    per_second: float = 15
    clients: int = 32
    pause: Callable[[float], float] = a_tenth

    @property
    def block(self) -> tuple[Kind, ...]:
        """The calls that are repeated until there are enough renewals."""
        return BLOCK if self.other_calls else (Kind.RENEWAL,)

    @property
    def counted_calls(self) -> int:
        """How many calls the sessions have to count."""
        counted = sum(kind in COUNTED for kind in self.block)
        return self.renewals * counted // self.block.count(Kind.RENEWAL)

    @property
    def session_ids(self) -> list[str]:
        """The sessions whose renewals are counted."""
        return [f"soak-{number}" for number in range(self.sessions)]


@dataclass(frozen=True)
class Due:
    """A call, and the instant (of the monotonic clock) before which it must not be made."""

    call: Call
    at_seconds: float


class Schedule:
    """Hands out the plan's calls, one at a time, until all are made or the time is up."""

    def __init__(self, plan: Plan) -> None:
        self.time_is_up = False
        self._plan = plan
        self._until_seconds = time.monotonic() + plan.seconds
        self._interval_seconds = 1 / (plan.per_second * plan.active)
        self._next_counted_at = 0.0
        self._random = random.Random(plan.seed)  # noqa: S311 - no secret
        self._block: list[Kind] = []
        self._renewals_left = plan.renewals
        self._number = 0
        self._counted = 0
        self._lock = threading.Lock()

    def take(self) -> Due | None:
        """The next call; ``None`` if there is none."""
        with self._lock:
            now = time.monotonic()
            self.time_is_up = self.time_is_up or now > self._until_seconds
            if not self._block:
                self._block = [*self._plan.block]
                self._random.shuffle(self._block)
            if self.time_is_up or not self._renewals_left:
                return None
            kind = self._block.pop()
            self._renewals_left -= kind is Kind.RENEWAL
            self._number += 1
            if kind not in COUNTED:
                return Due(self._other(kind), now)
            at_seconds = max(now, self._next_counted_at)
            self._next_counted_at = at_seconds + self._interval_seconds
            self._counted += 1
            turn = self._counted % self._plan.active
            return Due(Call(kind, self._active_session(turn), self._key), at_seconds)

    def _other(self, kind: Kind) -> Call:
        if kind is Kind.CREATION:
            return creation(self._key)
        number = self._random.randrange(self._plan.active)
        session_id = self._active_session(number)
        if kind is Kind.READ:
            return Call(kind, session_id, self._key)
        if has_new_timeouts(session_id):
            return Call(
                kind, session_id, self._key, {"timeoutMinutes": self._random.randint(20, 60)}
            )
        threshold = self._random.randint(1, 10)
        return Call(kind, session_id, self._key, {"warningThresholdMinutes": threshold})

    def _active_session(self, number: int) -> str:
        groups = self._plan.sessions // self._plan.active
        group = (self._counted - 1) * groups // self._plan.counted_calls
        return f"soak-{max(group, 0) * self._plan.active + number}"

    @property
    def _key(self) -> str:
        return f"key-{self._number}"


def has_new_timeouts(session_id: str) -> bool:
    """Whether the session's timeout is changed, which may move its expiry to an earlier instant."""
    return int(session_id.rpartition("-")[2]) % SESSIONS_WITH_A_NEW_TIMEOUT == 0
