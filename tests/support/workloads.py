"""What concurrent clients call, by a seed, and the sessions that they call it on."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from domain.session import Session
from domain.timeout import TimeoutChange
from tests.support.histories import NO_CHANGE, Kind
from tests.support.sessions import as_of_now, session

SOON = 1 / 32  # of a minute: 1,875 ms
FIRST_STATES: Mapping[str, Mapping[str, Any]] = {
    "fresh": {"active": -0.125, "expires": 29.875},
    "idle": {"active": -6, "expires": 24},
    "manual": {"active": -0.125, "expires": 29.875, "auto_renew": False},
    "dying": {"created": -60, "active": -30 + SOON, "expires": SOON, "auto_renew": False},
    "dying-by-activity": {"created": -60, "active": -30 + SOON, "expires": SOON},
    "expired": {"created": -60, "active": -40, "expires": -10},
    "near-maximum": {"created": -690 - SOON, "active": -0.125, "expires": 29.875},
    "at-maximum": {"created": -720 + SOON, "active": -5, "expires": SOON},
}
"""How sessions may begin, in minutes from now. A history lasts some seconds: some expire in it."""

CHANGES = [
    TimeoutChange(timeout_minutes=5),
    TimeoutChange(timeout_minutes=20),
    TimeoutChange(timeout_minutes=40),
    TimeoutChange(auto_renew=True),
    TimeoutChange(auto_renew=False),
    TimeoutChange(max_duration_minutes=721),
    TimeoutChange(max_duration_minutes=720),
    TimeoutChange(warning_threshold_minutes=25),
]

MOSTLY_RENEWALS: Mapping[Kind, float] = {
    Kind.RENEWAL: 0.45,
    Kind.HEARTBEAT: 0.25,
    Kind.TIMEOUT_CHANGE: 0.1,
    Kind.READ: 0.175,
    Kind.DELETION: 0.005,
    Kind.ANNOUNCEMENT: 0.02,
}


MANY_ANNOUNCEMENTS: Mapping[Kind, float] = {
    Kind.RENEWAL: 0.1,
    Kind.HEARTBEAT: 0.1,
    Kind.TIMEOUT_CHANGE: 0.1,
    Kind.READ: 0.2,
    Kind.ANNOUNCEMENT: 0.5,
}
"""On sessions that die: for some clocks they have expired while for others they are alive."""


@dataclass(frozen=True)
class PlannedCall:
    """A call that a client is going to make. Its number is its own in the whole run."""

    number: int
    client: int
    kind: Kind
    session_id: str
    change: TimeoutChange


@dataclass(frozen=True)
class Workload:
    """How many clients make how many calls each, which ones, and on which sessions."""

    clients: int = 6
    calls: int = 25
    shares: Mapping[Kind, float] = field(default_factory=lambda: MOSTLY_RENEWALS)
    first_states: Sequence[str] = tuple(FIRST_STATES)
    changes: Sequence[TimeoutChange] = tuple(CHANGES)

    def first_sessions(self, run_id: str) -> list[Session]:
        """The sessions as they stand before the first call, with IDs of this run."""
        return [
            as_of_now(session(f"{name}-{number}-{run_id}", **FIRST_STATES[name]))
            for number, name in enumerate(self.first_states)
        ]

    def scripts(self, seed: int, session_ids: Sequence[str]) -> list[list[PlannedCall]]:
        """What each client is going to call. One seed is one script."""
        choices = random.Random(seed)  # noqa: S311 - no secret
        scripts: list[list[PlannedCall]] = [[] for _ in range(self.clients)]
        for number in range(self.clients * self.calls):
            client = number % self.clients
            (kind,) = choices.choices(list(self.shares), list(self.shares.values()))
            change = choices.choice(self.changes) if kind is Kind.TIMEOUT_CHANGE else NO_CHANGE
            session_id = choices.choice(session_ids)
            scripts[client].append(PlannedCall(number, client, kind, session_id, change))
        return scripts
