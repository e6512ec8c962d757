"""Generated calls on sessions, and what is seen of one."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ParamSpec

from hypothesis import strategies as st

from domain import heartbeat as heartbeat_rule
from domain import renewal as renewal_rule
from domain import timeout as timeout_rule
from domain.refusals import MaximumBelowTimeout, SessionRefusal
from domain.renewal import renewal_digest
from domain.session import MS_PER_MINUTE, Outcome, Session, TimeoutConfig
from domain.timeout import TimeoutChange
from storage.attribute_values import Item
from storage.heartbeat_update import record_heartbeat
from storage.item import item_of
from storage.renewal_update import renew_session
from storage.table import SessionsTable
from storage.timeout_update import change_timeout
from tests.support.sessions import AGENT_ID, NOON_MS, USER_ID
from tests.support.tables import item_with, put

P = ParamSpec("P")

FOR_THE_RELEASE_BEFORE = "lastRenewalId"
"""The attribute that is stored and that no rule of this release reads."""

SHORTER = TimeoutChange(timeout_minutes=20)


@dataclass(frozen=True)
class Case:
    """A stored session, and what a call on it brings."""

    session: Session
    now_ms: int
    request_id: str
    change: TimeoutChange = SHORTER


@dataclass(frozen=True)
class Call:
    """A call on a session: the rule, and the stored form of it."""

    rule: Callable[[Case], Outcome]
    stored: Callable[[SessionsTable, Case], Outcome]


CALLS = {
    "renewal": Call(
        lambda case: renewal_rule.renew(case.session, case.now_ms, case.request_id),
        lambda table, case: renew_session(
            table, case.session.session_id, case.now_ms, case.request_id
        ),
    ),
    "heartbeat": Call(
        lambda case: heartbeat_rule.record_heartbeat(case.session, case.now_ms, case.request_id),
        lambda table, case: record_heartbeat(
            table, case.session.session_id, case.now_ms, case.request_id
        ),
    ),
    "timeout change": Call(
        lambda case: timeout_rule.change_timeout(case.session, case.change, case.now_ms),
        lambda table, case: change_timeout(
            table, case.session.session_id, case.now_ms, case.change
        ),
    ),
}


@dataclass(frozen=True)
class Seen:
    """What a call came to: the answer, and the item that it left."""

    answer: object
    item: Item


request_ids = st.sampled_from(["r1", "r2", "r3"])
memories = st.permutations(["r1", *(f"earlier-{n}" for n in range(31))]).flatmap(
    lambda ids: st.integers(0, len(ids)).map(lambda count: ids[:count])
)
"""The IDs of up to 32 renewals, the latest first."""
changes = st.builds(
    TimeoutChange,
    timeout_minutes=st.none() | st.integers(5, 60),
    auto_renew=st.none() | st.booleans(),
    max_duration_minutes=st.none() | st.integers(5, 240),
    warning_threshold_minutes=st.none() | st.integers(1, 60),
)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Any session, and a call at any instant: most often at a boundary or next to one."""
    timeout_minutes = draw(st.integers(5, 60))
    maximum_minutes = draw(st.integers(timeout_minutes, 240))
    created_ms = NOON_MS + draw(st.integers(0, 999))
    max_expires_ms = created_ms + maximum_minutes * MS_PER_MINUTE
    timeout_ms = timeout_minutes * MS_PER_MINUTE
    full_until_ms = max_expires_ms - timeout_ms
    active_ms = draw(
        st.integers(created_ms, max_expires_ms - 1)
        | st.sampled_from([created_ms, max(created_ms, full_until_ms)])
        # A change of the limits may leave a maximum that lies before the last activity.
        | st.integers(max_expires_ms, max_expires_ms + 10 * MS_PER_MINUTE)
    )
    renewed_ms = draw(st.just(active_ms) | st.integers(created_ms, active_ms))
    expires_ms = min(renewed_ms + timeout_ms, max_expires_ms)
    boundary_ms = st.sampled_from([created_ms, active_ms, full_until_ms, expires_ms])
    now_ms = draw(
        st.builds(int.__add__, boundary_ms, st.integers(-2, 2))
        | st.integers(min(active_ms, expires_ms), max(active_ms, expires_ms))
        | st.integers(created_ms - MS_PER_MINUTE, max_expires_ms + MS_PER_MINUTE)
    )
    stored = Session(
        session_id="generated",
        agent_id=AGENT_ID,
        user_id=USER_ID,
        metadata_json="{}",
        created_at_ms=created_ms,
        last_activity_ms=active_ms,
        renewed_at_ms=renewed_ms,
        timeout_config=TimeoutConfig(timeout_minutes, draw(st.booleans()), maximum_minutes, 5),
        renewal_count=draw(st.integers(32, 40)),
        recent_renewals=tuple(renewal_digest(each) for each in draw(memories)),
    )
    return Case(stored, now_ms, draw(request_ids), draw(changes))


def answer_of(call: Callable[P, Outcome], *args: P.args, **kwargs: P.kwargs) -> object:
    """What the call answers, or how it refuses: as something that can be compared."""
    try:
        return call(*args, **kwargs)
    except (SessionRefusal, MaximumBelowTimeout) as refusal:
        return type(refusal), vars(refusal)


def by_the_rule(table: SessionsTable, call: Call, case: Case) -> Seen:
    """What the pure rule makes of the case."""
    answer = answer_of(call.rule, case)
    left = answer.session if isinstance(answer, Outcome) else case.session
    return Seen(_of_record(answer), item_of(left, table.retention_seconds))


def as_stored(table: SessionsTable, call: Call, case: Case) -> Seen:
    """What the table makes of it, from a session just stored."""
    put(table, case.session)
    answer = answer_of(call.stored, table, case)
    item = item_with(table, case.session.session_id)
    return Seen(_of_record(answer), {k: v for k, v in item.items() if k != FOR_THE_RELEASE_BEFORE})


def _of_record(answer: object) -> object:
    """The answer but for ``changed``: a write that changes nothing may still be made."""
    return (answer.session, answer.at_ms) if isinstance(answer, Outcome) else answer
