"""The points of a history at which its operations are judged.

What a client was answered was decided at some point of its last attempt: an *answered* step, which
every order must contain. What else was sent for the operation, an attempt without an answer or a
request that was sent again, may have taken effect as well: an *unanswered* step, which an order
may contain. It comes before the answered one or, by ``Allowance.LATE_WRITES``, at any later time.
So an operation that was sent once takes effect and is answered at one point. One that was sent
again may be answered at a later point.
"""

from dataclasses import dataclass

from domain.session import Session
from tests.support.histories import Attempt, History, Kind, Operation
from tests.support.session_specification import REPEATS, Allowances, Verdict


@dataclass(frozen=True, slots=True)
class Step:
    """A point at which an attempt of an operation is judged.

    ``bit`` is the step's own in a set of steps, ``operation_bit`` its operation's in a set of
    operations. ``last_bit`` is that of the operation's answered step, 0 if it has none.
    """

    operation: Operation
    attempt: Attempt
    bit: int
    operation_bit: int
    last_bit: int


def steps_of(history: History) -> tuple[list[Step], list[Step]]:
    """The answered steps, and the unanswered ones, each by the start of their attempts."""
    answered: list[Step] = []
    unanswered: list[Step] = []
    bit = 1
    for index, operation in enumerate(history.operations):
        last_bit = 0
        if operation.answer is not None:
            last_bit = bit
            answered.append(Step(operation, operation.answer, bit, 1 << index, bit))
            bit <<= 1
        for attempt in _unseen(operation):
            unanswered.append(Step(operation, attempt, bit, 1 << index, last_bit))
            bit <<= 1
    return sorted(answered, key=_start), sorted(unanswered, key=_start)


def takes_effect(
    step: Step, session: Session | None, result: Verdict, allowances: Allowances
) -> bool:
    """Whether the operation has now done, once and for all, what it is to do once."""
    kind = step.operation.kind
    if result.status != 200 or kind is Kind.READ:
        return False
    if REPEATS.get(kind) not in allowances:
        return True
    return kind is Kind.HEARTBEAT and _count(result.session) > _count(session)


def _unseen(operation: Operation) -> list[Attempt]:
    """The attempts, one by one, that may have taken effect without their client's knowledge."""
    if operation.kind is Kind.READ:
        return []
    unseen: list[Attempt] = []
    for attempt in operation.attempts:
        times = attempt.repeats + (not attempt.is_answered)
        # A clock is read before anything is written. A second write by one clock changes nothing
        # that the first has not changed, except where other limits were written in between.
        if times and (attempt.clocks_ms or operation.kind is Kind.DELETION):
            unseen += [attempt] * (times if operation.kind is Kind.TIMEOUT_CHANGE else 1)
    return unseen


def _start(step: Step) -> int:
    return step.attempt.started_ns


def _count(session: Session | None) -> int:
    return -1 if session is None else session.renewal_count
