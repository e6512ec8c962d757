"""Other calls that come between the requests of one."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import count, permutations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.refusals import SessionExpired
from domain.session import Outcome, Session
from domain.timeout import TimeoutChange
from runtime.deadline import Deadline
from storage.attribute_values import Item
from storage.faults import StorageUnavailable
from storage.item import item_of
from storage.renewal_update import renew_session
from storage.session_deletion import delete_session
from storage.table import (
    ATTEMPT_SECONDS,
    MAX_BUSY_PAUSE_SECONDS,
    ConditionalUpdate,
    P,
    Reply,
    SessionsTable,
    UpdateResult,
)
from storage.timeout_update import change_timeout
from tests.support.calls import (
    CALLS,
    FOR_THE_RELEASE_BEFORE,
    Call,
    Case,
    answer_of,
    cases,
    changes,
    request_ids,
)
from tests.support.sessions import NOON_MS, minutes, session
from tests.support.tables import item_with, put, requests_to

others = st.tuples(
    st.sampled_from(sorted(CALLS)), st.integers(-120_000, 120_000), request_ids, changes
)


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the pauses before another attempt pass at once."""
    monkeypatch.setattr(time, "sleep", lambda _: None)


@dataclass(frozen=True)
class Interrupted(SessionsTable):
    """The table, with something that happens before each update."""

    before: Callable[[], None] = field(default=lambda: None, kw_only=True)

    def update(self, session_id: str, update: ConditionalUpdate) -> UpdateResult:
        """Let it happen, then update."""
        self.before()
        return super().update(session_id, update)

    def call(self, operation: Callable[P, Reply], *args: P.args, **kwargs: P.kwargs) -> Reply:
        """Let it happen before a transaction, too."""
        if operation == self.client.transact_write_items:
            self.before()
        return super().call(operation, *args, **kwargs)


@settings(max_examples=200)
@given(
    name=st.sampled_from(sorted(CALLS)),
    case=cases(),
    between=st.lists(others, min_size=1, max_size=2),
    after=st.integers(0, 2),
    deletes=st.booleans(),
)
def test_what_comes_between_two_requests_comes_before_or_after_both(  # noqa: PLR0913, PLR0917 - hypothesis passes each
    table_on_dynamodb_local: SessionsTable,
    name: str,
    case: Case,
    between: list[tuple[str, int, str, Any]],
    after: int,
    deletes: bool,
) -> None:
    """The other calls run whole before an update of the first, and a deletion may follow them."""
    table = table_on_dynamodb_local
    put(table, case.session)
    calls = [(CALLS[name], case)]
    for other, skew_ms, request_id, change in between:
        late = replace(case, now_ms=case.now_ms + skew_ms, request_id=request_id, change=change)
        calls.append((CALLS[other], late))
    updates = count()

    def interrupt() -> None:
        if next(updates) == after:
            for call, late in calls[1:]:
                answer_of(call.stored, table, late)
            if deletes:
                delete_session(table, case.session.session_id)

    own = Interrupted(table.client, table.name, table.retention_seconds, before=interrupt)
    answer_of(CALLS[name].stored, own, case)
    was_interrupted = next(updates) > after
    left = without_last_renewal_id(item_with(table, case.session.session_id))
    if deletes and was_interrupted:
        assert left == {}
    else:
        assert left in [
            item_of(end_of(case.session, order), table.retention_seconds)
            for order in permutations(calls if was_interrupted else calls[:1])
        ]


def without_last_renewal_id(item: Item) -> Item:
    """The item, less the attribute that only the release before reads."""
    return {name: value for name, value in item.items() if name != FOR_THE_RELEASE_BEFORE}


def end_of(stored: Session, order: tuple[tuple[Call, Case], ...]) -> Session:
    """How the pure rules leave the session after these calls in this order."""
    for call, case in order:
        answer = answer_of(call.rule, replace(case, session=stored))
        if isinstance(answer, Outcome):
            stored = answer.session
    return stored


@contextmanager
def before_each_update(table: SessionsTable, act: Callable[..., None]) -> Iterator[None]:
    """Have this happen before each update, alone or in a transaction. It gets its parameters."""

    def before_transaction(params: Mapping[str, Any], **_: object) -> None:
        act(params=params["TransactItems"][0]["Update"])

    events = table.client.meta.events
    acts = {"UpdateItem": act, "TransactWriteItems": before_transaction}
    for operation, each in acts.items():
        events.register(f"provide-client-params.dynamodb.{operation}", each)
    try:
        yield
    finally:
        for operation, each in acts.items():
            events.unregister(f"provide-client-params.dynamodb.{operation}", each)


def test_a_renewal_is_answered_as_of_the_session_in_its_answer(table: SessionsTable) -> None:
    """Before its second update, a renewal with a still later clock comes first."""
    put(table, session(active=1, expires=31))

    def renew_later(params: Mapping[str, Any], **_: object) -> None:
        if ":now" not in params["ExpressionAttributeValues"]:
            put(table, session(active=2, expires=32))

    with before_each_update(table, renew_later):
        renewal = renew_session(table, "a-session", NOON_MS, "r1")
    assert renewal.at_ms == renewal.session.last_activity_ms == NOON_MS + minutes(2)
    assert renewal.session.time_remaining_ms(renewal.at_ms) == minutes(30)


def test_a_renewal_that_others_overtake_goes_on_until_its_deadline(
    table_on_dynamodb_local: SessionsTable, pauses: list[float]
) -> None:
    """Activity that does not renew, with an ever later clock, before each update."""
    table = table_on_dynamodb_local.until(Deadline.after(10))
    put(table, session())
    ever_later = count(1)

    def be_active(**_: object) -> None:
        put(table, session(active=next(ever_later) / 100, expires=25))

    with (
        before_each_update(table, be_active),
        pytest.raises(StorageUnavailable, match="others were in the way"),
    ):
        renew_session(table, "a-session", NOON_MS, "r1")
    assert 40 < len(pauses) < 200
    assert len(set(pauses)) == len(pauses)
    assert 10 - ATTEMPT_SECONDS - MAX_BUSY_PAUSE_SECONDS < sum(pauses) <= 10 - ATTEMPT_SECONDS
    assert item_with(table, "a-session")["renewalCount"] == {"N": "0"}


LIMITS = TimeoutChange(timeout_minutes=20)
CHANGED_MEANWHILE = {
    "the limits": session(timeout=40, expires=20),
    "the expiry": session(expires=19),
}


@pytest.mark.parametrize("changed", CHANGED_MEANWHILE.values(), ids=CHANGED_MEANWHILE)
def test_a_timeout_change_starts_again_if_what_it_read_changed(
    table_on_dynamodb_local: SessionsTable, changed: Session
) -> None:
    table = table_on_dynamodb_local
    put(table, session())
    states = iter([changed])

    def change_once(**_: object) -> None:
        for state in states:
            put(table, state)

    with before_each_update(table, change_once), requests_to(table) as requests:
        outcome = change_timeout(table, "a-session", NOON_MS, LIMITS)
    operations = [each for each in requests if each != "PutItem"]
    assert operations == ["GetItem", "TransactWriteItems", "TransactWriteItems"]
    expected = CALLS["timeout change"].rule(Case(changed, NOON_MS, "", LIMITS))
    assert outcome.session == expected.session
    assert item_with(table, "a-session") == item_of(outcome.session, table.retention_seconds)


def test_a_timeout_change_that_others_overtake_ends_at_its_deadline(
    table_on_dynamodb_local: SessionsTable, pauses: list[float]
) -> None:
    table = table_on_dynamodb_local.until(Deadline.after(10))
    put(table, session())
    ever_earlier = count(1)

    def be_changed(**_: object) -> None:
        put(table, session(expires=20 - next(ever_earlier) / 100))

    with (
        before_each_update(table, be_changed),
        pytest.raises(StorageUnavailable, match="others were in the way"),
    ):
        change_timeout(table, "a-session", NOON_MS, LIMITS)
    assert 40 < len(pauses) < 200
    assert sum(pauses) <= 10 - ATTEMPT_SECONDS


def test_a_late_attempt_revives_no_session(
    table_on_moto: SessionsTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The session expires while the change is retried."""
    table = table_on_moto
    put(table, session(expires=0.1))
    clock = count(step=4)
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))

    def be_changed(**_: object) -> None:
        put(table, session(expires=0.05))

    with before_each_update(table, be_changed), pytest.raises(SessionExpired):
        change_timeout(table, "a-session", NOON_MS, TimeoutChange(timeout_minutes=60))


def test_a_timeout_change_is_answered_with_what_is_stored(
    table_on_dynamodb_local: SessionsTable,
) -> None:
    table = table_on_dynamodb_local
    """A renewal by an earlier clock only counts: nothing that the change read has changed."""
    put(table, session(active=1, expires=31))
    renewals = iter(["r1"])

    def be_counted(params: Mapping[str, Any], **_: object) -> None:
        if ":readExpiresAt" in params["ExpressionAttributeValues"]:
            for renewal_id in renewals:
                renew_session(table, "a-session", NOON_MS, renewal_id)

    with before_each_update(table, be_counted):
        outcome = change_timeout(table, "a-session", NOON_MS, LIMITS)
    assert outcome.session.renewal_count == 1
    assert item_with(table, "a-session")["renewalCount"] == {"N": "1"}
