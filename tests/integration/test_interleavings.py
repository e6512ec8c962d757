"""Calls that come between the writes of another come to what some order of the calls gives."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from itertools import permutations
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.session import Outcome, Session
from storage.deletion import delete_session
from storage.item import item_of
from storage.table import SessionsTable, WriteForm, Written
from tests.integration.calls import (
    CALLS,
    Call,
    Case,
    answer_of,
    cases,
    changes,
    item_with,
    put,
    request_ids,
)

others = st.tuples(
    st.sampled_from(sorted(CALLS)), st.integers(-120_000, 120_000), request_ids, changes
)


@dataclass(frozen=True)
class Interrupted(SessionsTable):
    """The table, with something that happens before each write."""

    before: Callable[[], None] = field(default=lambda: None)

    def update(self, session_id: str, form: WriteForm, values: Mapping[str, Any]) -> Written:
        """Let it happen, and write."""
        self.before()
        return super().update(session_id, form, values)


@settings(max_examples=400)
@given(
    name=st.sampled_from(sorted(CALLS)),
    case=cases(),
    between=st.lists(others, min_size=1, max_size=2),
    after=st.integers(1, 2),
    deletes=st.booleans(),
)
def test_what_comes_between_two_writes_of_a_call_comes_before_it_or_after_it(  # noqa: PLR0913, PLR0917 - hypothesis's way
    table_on_dynamodb_local: SessionsTable,
    name: str,
    case: Case,
    between: list[tuple[str, int, str, Any]],
    after: int,
    deletes: bool,
) -> None:
    """The other calls run whole, before the second or the third write; at last a deletion may."""
    table = table_on_dynamodb_local
    put(table, case.session)
    calls = [(CALLS[name], case)]
    for other, skew_ms, request_id, change in between:
        late = replace(case, now_ms=case.now_ms + skew_ms, request_id=request_id, change=change)
        calls.append((CALLS[other], late))
    writes = 0

    def interrupt() -> None:
        nonlocal writes
        writes += 1
        if writes == after + 1:
            for call, late in calls[1:]:
                answer_of(call.stored, table, late)
            if deletes:
                delete_session(table, case.session.session_id)

    own = Interrupted(table.client, table.name, table.retention_seconds, interrupt)
    answer_of(CALLS[name].stored, own, case)
    happened = calls if writes > after else calls[:1]
    left = item_with(table, case.session.session_id)
    if deletes and writes > after:
        assert left == {}
    else:
        assert left in [
            item_of(end_of(case.session, order), table.retention_seconds)
            for order in permutations(happened)
        ]


def end_of(session: Session, order: tuple[tuple[Call, Case], ...]) -> Session:
    """How the pure rules leave the session after these calls in this order."""
    for call, case in order:
        answer = answer_of(call.rule, replace(case, session=session))
        if isinstance(answer, Outcome):
            session = answer.session
    return session
