"""Histories that have a sequential order because they were made from one."""

import json
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from domain.session import Session
from domain.session_json import session_info_json
from domain.timeout import TimeoutChange
from tests.support.histories import UNAVAILABLE, Attempt, History, Kind, Operation
from tests.support.history_steps import Step, takes_effect
from tests.support.session_specification import ALL_ALLOWANCES, Verdict, verdict
from tests.support.sessions import NOON_MS, session

NS_BETWEEN = 1000
"""Between one point and the next. Intervals are widened over several points."""

FIRST_STATES = [
    session(),
    session(auto_renew=False),
    session(created=-710, active=-20, expires=5, timeout=30),
    session(active=-29.99, expires=0.01),
]
CHANGES = [
    TimeoutChange(timeout_minutes=5),
    TimeoutChange(timeout_minutes=60),
    TimeoutChange(auto_renew=False),
    TimeoutChange(auto_renew=True, max_duration_minutes=715),
]


@dataclass(frozen=True)
class Planned:
    """An operation to be, judged at its place among the others by a clock.

    If its reply is ``lost``, it is tried again ``later`` by so many places.
    """

    kind: Kind
    change: TimeoutChange
    skew_ms: int
    lost: bool
    later: int
    widening: tuple[int, int]

    @property
    def now_ms(self) -> int:
        """What its clock says."""
        return NOON_MS + self.skew_ms


planned = st.builds(
    Planned,
    kind=st.sampled_from(Kind),
    change=st.sampled_from(CHANGES),
    skew_ms=st.integers(-2000, 2000),
    lost=st.booleans(),
    later=st.integers(1, 5),
    widening=st.tuples(st.integers(0, 4000), st.integers(0, 4000)),
)
first_states = st.sampled_from(FIRST_STATES)
plans = st.lists(planned, min_size=1, max_size=14)


@dataclass
class _Execution:
    """Operations carried out one after another."""

    session: Session | None
    attempts: dict[int, list[Attempt]] = field(default_factory=dict)
    effective: set[int] = field(default_factory=set)

    def carry_out(self, number: int, plan: Planned, instant_ns: int, *, lost: bool) -> None:
        """Judge an operation at an instant, and answer its attempt or lose the reply."""
        operation = operation_of(number, plan, ())
        result = verdict(
            operation,
            self.session,
            plan.now_ms,
            repeated=number in self.effective,
            allowances=ALL_ALLOWANCES,
        )
        earlier, later = plan.widening
        attempt = Attempt(
            started_ns=instant_ns - earlier,
            ended_ns=instant_ns + later,
            clocks_ms=(plan.now_ms,),
            status=UNAVAILABLE if lost else result.status,
            body={} if lost else body_of(result),
        )
        step = Step(operation, attempt, 1, 1, 1)
        if takes_effect(step, self.session, result, ALL_ALLOWANCES):
            self.effective.add(number)
        self.attempts.setdefault(number, []).append(attempt)
        self.session = result.session


def sequential_history(first: Session, plan: list[Planned]) -> History:
    """The history of these operations in this order, as if each had been slow."""
    places = [(float(number), number, each.lost) for number, each in enumerate(plan)]
    # A second attempt begins after the first has ended: later than any widening.
    places += [
        (number + 8 + each.later + 0.5, number, False)
        for number, each in enumerate(plan)
        if each.lost
    ]
    execution = _Execution(first)
    for place, number, lost in sorted(places):
        execution.carry_out(number, plan[number], int(place * NS_BETWEEN), lost=lost)
    operations = tuple(
        operation_of(number, plan[number], tuple(attempts))
        for number, attempts in execution.attempts.items()
    )
    return History(first, operations, execution.session)


def operation_of(number: int, plan: Planned, attempts: tuple[Attempt, ...]) -> Operation:
    """The operation with these attempts."""
    return Operation(number, number, plan.kind, attempts, plan.change)


def body_of(result: Verdict) -> dict[str, Any]:
    """The body of the answer."""
    if result.shown is None:
        return {"error": {"details": result.fact}}
    body: dict[str, Any] = json.loads(session_info_json(result.shown))
    return body
