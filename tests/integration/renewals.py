"""Generated renewals, and what is seen of one."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from hypothesis import strategies as st

from domain import renewal as rule
from domain.errors import SessionRefusal
from domain.session import MS_PER_MINUTE, Session, TimeoutConfig
from storage.item import Item, item_of
from storage.renewal import renew
from storage.table import SessionsTable
from tests.sessions import AGENT_ID, NOON_MS, USER_ID


@dataclass(frozen=True)
class Case:
    """A stored session and a renewal of it."""

    session: Session
    now_ms: int
    renewal_id: str


@dataclass(frozen=True)
class Seen:
    """What a renewal came to: the answer, and the item that it left."""

    answer: object
    item: Item


renewal_ids = st.sampled_from(["r1", "r2", "r3"])


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Any session, and a renewal at any instant: most often at a boundary or one beside it."""
    timeout_minutes = draw(st.integers(5, 60))
    maximum_minutes = draw(st.integers(timeout_minutes, 240))
    created_ms = NOON_MS + draw(st.integers(0, 999))
    max_expires_ms = created_ms + maximum_minutes * MS_PER_MINUTE
    timeout_ms = timeout_minutes * MS_PER_MINUTE
    full_until_ms = max_expires_ms - timeout_ms
    active_ms = draw(
        st.integers(created_ms, max_expires_ms - 1) | st.just(created_ms) | st.just(full_until_ms)
    )
    latest_ms = min(active_ms + timeout_ms, max_expires_ms)
    expires_ms = draw(
        st.just(latest_ms) | st.just(max_expires_ms) | st.integers(active_ms + 1, latest_ms)
    )
    expires_ms = min(expires_ms, latest_ms)
    boundary_ms = st.sampled_from([created_ms, active_ms, full_until_ms, expires_ms])
    now_ms = draw(
        st.builds(int.__add__, boundary_ms, st.integers(-2, 2))
        | st.integers(active_ms, expires_ms)
        | st.integers(created_ms - MS_PER_MINUTE, max_expires_ms + MS_PER_MINUTE)
    )
    stored = Session(
        session_id="generated",
        agent_id=AGENT_ID,
        user_id=USER_ID,
        metadata_json="{}",
        created_at_ms=created_ms,
        last_activity_ms=active_ms,
        expires_at_ms=expires_ms,
        timeout_config=TimeoutConfig(timeout_minutes, draw(st.booleans()), maximum_minutes, 5),
        renewal_count=draw(st.integers(0, 9)),
        last_renewal_id=draw(st.none() | renewal_ids),
    )
    return Case(stored, now_ms, draw(renewal_ids))


def put(table: SessionsTable, stored: Session | Item) -> None:
    """Store the session, or the item as it is, over whatever has its ID."""
    item = item_of(stored, table.retention_seconds) if isinstance(stored, Session) else stored
    table.client.put_item(TableName=table.name, Item=item)


def item_with(table: SessionsTable, session_id: str) -> Item:
    """The item as it stands; empty where there is none."""
    key = {"sessionId": {"S": session_id}}
    reply = table.client.get_item(TableName=table.name, Key=key, ConsistentRead=True)
    return reply.get("Item", {})


def by_the_rule(table: SessionsTable, case: Case) -> Seen:
    """What the pure rule makes of the case."""
    try:
        renewal = rule.renew(case.session, case.now_ms, case.renewal_id)
    except SessionRefusal as refusal:
        return Seen((type(refusal), vars(refusal)), item_of(case.session, table.retention_seconds))
    return Seen(renewal, item_of(renewal.session, table.retention_seconds))


def as_stored(table: SessionsTable, case: Case) -> Seen:
    """What the table makes of it, from a session just stored."""
    put(table, case.session)
    answer: object
    try:
        answer = renew(table, case.session.session_id, case.now_ms, case.renewal_id)
    except SessionRefusal as refusal:
        answer = (type(refusal), vars(refusal))
    return Seen(answer, item_with(table, case.session.session_id))


@contextmanager
def writes_to(table: SessionsTable) -> Iterator[list[str]]:
    """The calls of the table's client while the context lasts, by name."""
    calls: list[str] = []

    def note(model: object, **_: object) -> None:
        calls.append(getattr(model, "name", ""))

    events = table.client.meta.events
    events.register("before-call.dynamodb", note)
    try:
        yield calls
    finally:
        events.unregister("before-call.dynamodb", note)
