"""Why a history has no sequential order, for a reader: as little of it as shows that."""

from dataclasses import dataclass
from typing import Any

from domain.session import Session
from domain.session_json import rfc3339
from tests.support.histories import NS_PER_MS, Attempt, History, Operation
from tests.support.linearizability import find_order
from tests.support.session_specification import ALL_ALLOWANCES, Allowances

SHOWN_BEFORE = 6
"""How many operations are shown that were answered before any that matters began."""


@dataclass(frozen=True)
class Counterexample:
    """A history without an order, cut off at the first answer that none explains.

    ``odd`` is the operation with that answer; ``None`` if all answers are explained and what is
    stored at the end is not. ``expected`` is how the session stands in the order that explains
    everything up to there.
    """

    history: History
    odd: Operation | None
    expected: Session | None

    def __str__(self) -> str:
        """The operations in time order, the odd one last."""
        first_ns = min(each.started_ns for each in self.history.operations)
        shown = sorted(self._relevant(), key=lambda operation: operation.started_ns)
        return "\n".join(
            [
                f"Session {self.history.first.session_id}: no sequential order explains "
                + ("what is stored at the end" if self.odd is None else f"#{self.odd.number}"),
                *(line for each in shown for line in _lines(each, first_ns)),
                f"  before: {_described(self.expected)}",
                *([f"  stored: {self._stored()}"] if self.odd is None else []),
            ]
        )

    def _stored(self) -> str:
        return self.history.defect or _described(self.history.last)

    def _relevant(self) -> list[Operation]:
        """The operations that overlap the odd one, those that were never answered, a few before."""
        odd = self.odd
        if odd is None:
            return list(self.history.operations)
        answered = self.history.answered()
        before = [each for each in answered if each.attempts[-1].ended_ns < odd.started_ns]
        return [
            each
            for each in self.history.operations
            if each not in before or each in before[-SHOWN_BEFORE:]
        ]


def counterexample(
    history: History, allowances: Allowances = ALL_ALLOWANCES
) -> Counterexample | None:
    """The shortest beginning of the history that has no order; ``None`` if all of it has one.

    It is looked for answer by answer: to refute a beginning, every order of it must be tried, and
    the longer it goes on after the odd answer, the more there are.
    """
    answered = history.answered()
    before: Session | None = history.first
    for answers in range(1, len(answered) + 1):
        beginning = _beginning(history, answers)
        found = find_order(beginning, allowances)
        if not found.explained:
            return Counterexample(beginning, answered[answers - 1], before)
        before = found.furthest.session
    if not find_order(history, allowances).explained:
        return Counterexample(history, None, before)
    return None


def _beginning(history: History, answers: int) -> History:
    """The history up to so many answers."""
    return history.until(history.answered()[answers - 1].attempts[-1].ended_ns)


def _lines(operation: Operation, first_ns: int) -> list[str]:
    what = f"#{operation.number} client {operation.client} {operation.kind}"
    if operation.change.given:
        what += f" {operation.change.given}"
    return [f"  {what}", *(f"    {_attempt(each, first_ns)}" for each in operation.attempts)]


def _attempt(attempt: Attempt, first_ns: int) -> str:
    begun, ended = (
        (instant_ns - first_ns) / NS_PER_MS for instant_ns in (attempt.started_ns, attempt.ended_ns)
    )
    clocks = ", ".join(map(_time, attempt.clocks_ms))
    again = f", sent again {attempt.repeats} times" if attempt.repeats else ""
    return f"{begun:.1f}-{ended:.1f} ms, clock {clocks or 'unread'}{again}: {_answer(attempt)}"


def _answer(attempt: Attempt) -> str:
    if not attempt.is_answered:
        return "no answer"
    body: dict[str, Any] = dict(attempt.body)
    if "announcedAt" in body:
        return f"{attempt.status} announced {_time(body['announcedAt'])}"
    if "renewalCount" not in body:
        return f"{attempt.status} {body.get('error', {}).get('details', '')}".rstrip()
    limits = ", ".join(map(str, body["timeoutConfig"].values()))
    return (
        f"{attempt.status} count {body['renewalCount']}, active {body['lastActivity'][11:-1]}, "
        f"expires {body['expiresAt'][11:-1]}, {body['timeRemaining']} ms left, limits {limits}"
    )


def _described(session: Session | None) -> str:
    if session is None:
        return "no session"
    config = session.timeout_config
    announced_at_ms = session.announced_at_ms
    announced = "" if announced_at_ms is None else f", announced {_time(announced_at_ms)}"
    return (
        f"count {session.renewal_count}, active {_time(session.last_activity_ms)}, "
        f"expires {_time(session.expires_at_ms)}, limits {config.timeout_minutes}, "
        f"{config.auto_renew}, {config.max_duration_minutes}, {config.warning_threshold_minutes}"
        f"{announced}"
    )


def _time(instant_ms: int) -> str:
    """The time of day, which is all that differs within a history."""
    return rfc3339(instant_ms)[11:-1]
