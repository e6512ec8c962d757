"""Wing and Gong's search for a sequential order that explains a history.

J. M. Wing, C. Gong: Testing and Verifying Concurrent Objects, 1993; with memoisation after
G. Lowe: Testing for Linearizability, 2017.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from math import inf

from domain.session import Session
from tests.support.histories import History, Kind
from tests.support.history_steps import Step, steps_of, takes_effect
from tests.support.session_specification import (
    ALL_ALLOWANCES,
    Allowance,
    Allowances,
    Verdict,
    judged_instants,
    verdict,
)

MAX_NODES = 100_000
"""A search that goes on for longer has been given too long a history."""

REMEMBERED_RENEWALS = ("last_renewal_id", "recent_renewals")
STATE = [each.name for each in fields(Session) if each.name not in REMEMBERED_RENEWALS]
"""The fields that tell states apart. The specification gives each renewal an ID of its own."""


class SearchTooLong(Exception):
    """The history is neither explained nor refuted."""


@dataclass(frozen=True, slots=True)
class Node:
    """What a partial order has led to: the steps in it, the operations in effect, the session."""

    session: Session | None
    taken: int = 0
    effective: int = 0
    answered: int = 0
    step: Step | None = None
    before: "Node | None" = None

    def order(self) -> list[Step]:
        """The steps that led here."""
        steps: list[Step] = []
        node = self
        while node.step is not None and node.before is not None:
            steps.append(node.step)
            node = node.before
        return steps[::-1]


@dataclass(frozen=True, slots=True)
class Found:
    """What the search came to: the order that explains the history, or the longest that does not.

    ``nodes`` is how many partial orders it has looked at.
    """

    explained: bool
    furthest: Node
    nodes: int


def find_order(history: History, allowances: Allowances = ALL_ALLOWANCES) -> Found:
    """Search for an order in which the specification gives every answer, and the last state.

    Raises:
        SearchTooLong: the history is too long to tell.
    """
    return _Search(history, allowances).run()


class _Search:
    def __init__(self, history: History, allowances: Allowances) -> None:
        self._history = history
        self._allowances = allowances
        self._answered, self._unanswered = steps_of(history)
        self._late_writes = Allowance.LATE_WRITES in allowances
        self._by_end = sorted(self._answered, key=lambda step: step.attempt.ended_ns)

    def run(self) -> Found:
        """Depth first: the most promising step is tried first."""
        first = furthest = Node(self._history.first)
        waiting, seen = [first], set[object]()
        while waiting:
            node = waiting.pop()
            key = (node.taken, node.effective, state_of(node.session))
            if key in seen or self._is_hopeless(node):
                continue
            seen.add(key)
            if len(seen) > MAX_NODES:
                raise SearchTooLong(f"{len(self._answered)} answers")
            if node.answered > furthest.answered:
                furthest = node
            if node.answered == len(self._answered) and self._is_the_last(node.session):
                return Found(True, node, len(seen))
            waiting.extend(reversed(list(self._next(node))))
        return Found(False, furthest, len(seen))

    def _next(self, node: Node) -> Iterator[Node]:
        """The steps that may come next: those that no other has ended before they began."""
        ends = (step.attempt.ended_ns for step in self._by_end if not node.taken & step.bit)
        horizon_ns = next(ends, inf)
        open_steps = [
            step
            for step in self._answered
            if not node.taken & step.bit and step.attempt.started_ns <= horizon_ns
        ]
        for step in open_steps:
            # A read that fits here need not be tried later: it stands in no other step's way.
            if step.operation.kind is Kind.READ:
                for after in self._after(node, step):
                    yield after
                    return
        for step in open_steps:
            yield from self._after(node, step)
        for step in self._unanswered:
            over = step.bit if self._late_writes else step.bit | step.last_bit
            if step.attempt.started_ns <= horizon_ns and not node.taken & over:
                yield from self._after_unseen(node, step)

    def _after(self, node: Node, step: Step) -> Iterator[Node]:
        for result in self._verdicts(node, step):
            if result.agrees_with(step.attempt):
                yield self._with(node, step, result, answered=1)

    def _after_unseen(self, node: Node, step: Step) -> Iterator[Node]:
        for result in self._verdicts(node, step):
            after = self._with(node, step, result, answered=0)
            if after.session != node.session or after.effective != node.effective:
                yield after

    def _verdicts(self, node: Node, step: Step) -> Iterator[Verdict]:
        repeated = bool(node.effective & step.operation_bit)
        for now_ms in judged_instants(step.operation, step.attempt):
            yield verdict(
                step.operation,
                node.session,
                now_ms,
                repeated=repeated,
                allowances=self._allowances,
            )

    def _with(self, node: Node, step: Step, result: Verdict, answered: int) -> Node:
        effective = takes_effect(step, node.session, result, self._allowances)
        # Whichever of its unanswered steps took effect: an operation that is to do so once has.
        counts = answered or step.operation.kind is Kind.TIMEOUT_CHANGE
        return Node(
            session=result.session,
            taken=node.taken | (step.bit if counts else 0),
            effective=node.effective | (step.operation_bit if effective else 0),
            answered=node.answered + answered,
            step=step,
            before=node,
        )

    def _is_hopeless(self, node: Node) -> bool:
        """Whether an answer is left that tells of an earlier state: counts and times only grow."""
        for step in self._answered:
            count, active_ms = step.attempt.renewal_count, step.attempt.last_activity_ms
            if count is None or active_ms is None or node.taken & step.bit:
                continue
            if node.session is None or (
                count < node.session.renewal_count or active_ms < node.session.last_activity_ms
            ):
                return True
        return False

    def _is_the_last(self, session: Session | None) -> bool:
        if not self._history.ended:
            return True
        return not self._history.defect and state_of(session) == state_of(self._history.last)


def state_of(session: Session | None) -> object:
    """What tells one state of a session from another; ``None`` where there is none."""
    return session and tuple(getattr(session, name) for name in STATE)
