"""What each call means if calls come one after another: the rules of the domain, and nothing else.

The rules are given an ID that no other operation has, and a repeated operation is recognised here:
so the specification does not depend on how the code under test recognises one.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum

from domain.heartbeat import record_heartbeat
from domain.refusals import MaximumBelowTimeout, MaximumDurationReached, SessionExpired
from domain.renewal import renew
from domain.session import Outcome, Session, Snapshot, snapshot
from domain.session_json import rfc3339, session_info_json
from domain.timeout import change_timeout
from tests.support.histories import Attempt, Kind, Operation


class Allowance(Enum):
    """Where the API promises less than that each operation takes effect exactly once."""

    DELETION_FORGETS = "a repeated deletion is 404 although it was the one that deleted"
    CHANGE_REPEATS = "a repeated timeout change takes effect once more"
    ACTIVITY_REPEATS = "a repeated heartbeat that does not renew moves the last activity once more"
    LATE_WRITES = "a write that DynamoDB applies after another attempt was answered takes effect"


NOT_EXPIRED = 409
"""What the histories have for an announcement that finds a live session."""

Allowances = frozenset[Allowance]
ALL_ALLOWANCES = frozenset(Allowance)
REPEATS = {
    Kind.DELETION: Allowance.DELETION_FORGETS,
    Kind.TIMEOUT_CHANGE: Allowance.CHANGE_REPEATS,
    Kind.HEARTBEAT: Allowance.ACTIVITY_REPEATS,
}
"""The allowance, if any, for a call that takes effect again."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an operation makes of a session, and what it is answered.

    ``session`` is what is stored afterwards. An answer of 200 shows the ``shown`` session, except
    after a deletion; the details of an error state the ``fact``.
    """

    session: Session | None
    status: int
    shown: Snapshot | None = None
    fact: str = ""

    def agrees_with(self, attempt: Attempt) -> bool:
        """Whether the attempt was answered so, in all of the answer's fields."""
        if attempt.status != self.status:
            return False
        if self.shown is not None:
            shown: dict[str, object] = json.loads(session_info_json(self.shown))
            return attempt.body == shown
        return self.fact in str(attempt.body)


def judged_instants(operation: Operation, attempt: Attempt) -> Iterable[int]:
    """The clocks (epoch milliseconds) by which the attempt may be judged.

    A timeout change that starts again is judged by a clock that has gone on.
    """
    if operation.kind is Kind.DELETION:
        return (0,)
    if operation.kind is not Kind.TIMEOUT_CHANGE or not attempt.clocks_ms:
        return dict.fromkeys(attempt.clocks_ms)
    earliest_ms = min(attempt.clocks_ms)
    latest_ms = max(attempt.clocks_ms) + attempt.duration_ms
    judged_at_ms = attempt.judged_at_ms
    if judged_at_ms is None or not earliest_ms < judged_at_ms < latest_ms:
        return (earliest_ms, latest_ms)
    return (earliest_ms, judged_at_ms, latest_ms)


def verdict(
    operation: Operation,
    session: Session | None,
    now_ms: int,
    *,
    repeated: bool,
    allowances: Allowances,
) -> Verdict:
    """What the operation comes to. ``repeated`` says that it has taken effect before."""
    is_deletion = operation.kind is Kind.DELETION
    if is_deletion or session is None:
        remembered = is_deletion and repeated and Allowance.DELETION_FORGETS not in allowances
        return Verdict(None, 404 if session is None and not remembered else 200)
    if operation.kind is Kind.ANNOUNCEMENT:
        return _announcement(session, now_ms)
    try:
        shown = _shown(operation, session, now_ms, repeated=repeated, allowances=allowances)
    except SessionExpired as refusal:
        return Verdict(session, 410, fact=rfc3339(refusal.expired_at_ms))
    except MaximumDurationReached as refusal:
        return Verdict(session, 422, fact=rfc3339(refusal.max_expires_at_ms))
    except MaximumBelowTimeout:
        return Verdict(session, 400)
    return Verdict(shown.session, 200, Snapshot(shown.session, shown.at_ms))


def _announcement(session: Session, now_ms: int) -> Verdict:
    """An expired session is announced once, and its mark stays."""
    if session.announced_at_ms is None:
        if now_ms < session.expires_at_ms:
            return Verdict(session, NOT_EXPIRED)
        session = replace(session, announced_at_ms=now_ms)
    return Verdict(session, 200, fact=str(session.announced_at_ms))


def _shown(
    operation: Operation,
    session: Session,
    now_ms: int,
    *,
    repeated: bool,
    allowances: Allowances,
) -> Snapshot | Outcome:
    if session.announced_at_ms is not None:  # no call succeeds any more, whatever a clock says
        raise SessionExpired(session.session_id, session.expires_at_ms)
    own_id = f"operation {operation.number}"
    match operation.kind:
        case Kind.RENEWAL if not repeated:
            return renew(session, now_ms, own_id)
        case Kind.HEARTBEAT if not repeated or (
            Allowance.ACTIVITY_REPEATS in allowances and not session.timeout_config.auto_renew
        ):
            return record_heartbeat(session, now_ms, own_id)
        case Kind.TIMEOUT_CHANGE if not repeated or Allowance.CHANGE_REPEATS in allowances:
            return change_timeout(session, operation.change, now_ms)
        case Kind.TIMEOUT_CHANGE:  # which may have ended the session
            return Snapshot(session, session.effective_ms(now_ms))
        case _:
            return snapshot(session, now_ms)
