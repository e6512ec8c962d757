"""What clients saw of one session: each call, its attempts, and what they were answered.

Times of attempts are nanoseconds of one monotonic clock, which orders them for sure. The clocks
that functions judged by are epoch milliseconds and differ.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Any

from domain.session import Session
from domain.timeout import TimeoutChange

NS_PER_MS = 1_000_000
UNAVAILABLE = 503
NO_CHANGE = TimeoutChange()


class Kind(StrEnum):
    """The calls on a session, and what a timer does when it has expired."""

    RENEWAL = "renewal"
    HEARTBEAT = "heartbeat"
    TIMEOUT_CHANGE = "timeout change"
    READ = "read"
    DELETION = "deletion"
    ANNOUNCEMENT = "announcement"


@dataclass(frozen=True)
class Attempt:
    """One request of a client, from its start to its answer.

    ``clocks_ms`` is what its function read off its clock. ``repeats`` is how many requests to
    DynamoDB were sent again: each may have been applied although its reply was lost.
    """

    started_ns: int
    ended_ns: int
    clocks_ms: tuple[int, ...]
    status: int
    body: Mapping[str, Any] = field(default_factory=dict)
    repeats: int = 0

    @property
    def is_answered(self) -> bool:
        """Whether the client knows what came of it. After a 503 it does not."""
        return self.status != UNAVAILABLE

    @property
    def duration_ms(self) -> int:
        """How long it took, rounded up."""
        return -(-(self.ended_ns - self.started_ns) // NS_PER_MS)

    @cached_property
    def renewal_count(self) -> int | None:
        """The count in the answer, if it has one."""
        return self.body.get("renewalCount")

    @cached_property
    def last_activity_ms(self) -> int | None:
        """The last activity in the answer, if it has one."""
        return epoch_ms_of(self.body["lastActivity"]) if "lastActivity" in self.body else None

    @cached_property
    def judged_at_ms(self) -> int | None:
        """The instant that the answer counts the remaining time from, if it tells."""
        if "timeRemaining" not in self.body:
            return None
        return epoch_ms_of(self.body["expiresAt"]) - int(self.body["timeRemaining"])


@dataclass(frozen=True)
class Operation:
    """A call that a client makes until it is answered, with one ``Idempotency-Key`` throughout."""

    number: int
    client: int
    kind: Kind
    attempts: tuple[Attempt, ...]
    change: TimeoutChange = NO_CHANGE

    @property
    def started_ns(self) -> int:
        """When the first attempt began."""
        return self.attempts[0].started_ns

    @property
    def answer(self) -> Attempt | None:
        """The attempt that was answered; ``None`` if the client gave up before."""
        last = self.attempts[-1]
        return last if last.is_answered else None

    def known_at(self, instant_ns: int) -> "Operation":
        """The operation as far as its client knew it by then."""
        return replace(
            self,
            attempts=tuple(
                each if each.ended_ns <= instant_ns else replace(each, status=UNAVAILABLE, body={})
                for each in self.attempts
                if each.started_ns <= instant_ns
            ),
        )


@dataclass(frozen=True)
class History:
    """The operations on one session between its first and its last state.

    ``ended`` is false for a history that is cut off: what is stored at its end is not known.
    ``last`` is ``None`` if no session is stored at the end; the ``defect`` says what is wrong with
    an item that is none.
    """

    first: Session
    operations: tuple[Operation, ...]
    last: Session | None = None
    ended: bool = True
    defect: str = ""

    def answered(self) -> list[Operation]:
        """The operations whose clients were answered, by the time of their answers."""
        known = [each for each in self.operations if each.answer is not None]
        return sorted(known, key=lambda operation: operation.attempts[-1].ended_ns)

    def until(self, instant_ns: int) -> "History":
        """The history as far as it was known at an instant."""
        begun = (each for each in self.operations if each.started_ns <= instant_ns)
        operations = tuple(each.known_at(instant_ns) for each in begun)
        return History(self.first, operations, ended=False)


def epoch_ms_of(timestamp: str) -> int:
    """The instant of an RFC 3339 timestamp with milliseconds."""
    return round(datetime.fromisoformat(timestamp).timestamp() * 1000)
