"""The checker finds an order where there is one, and none where something went wrong."""

import json
from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given

from domain.heartbeat import record_heartbeat
from domain.renewal import renew
from domain.session import MS_PER_SECOND, Session, Snapshot
from domain.session_json import rfc3339, session_info_json
from domain.timeout import TimeoutChange, change_timeout
from tests.support.counterexamples import counterexample
from tests.support.generated_histories import Planned, first_states, plans, sequential_history
from tests.support.histories import NO_CHANGE, Attempt, History, Kind, Operation
from tests.support.linearizability import find_order
from tests.support.session_specification import Allowance
from tests.support.sessions import NOON_MS, session

SECOND_MS = MS_PER_SECOND
FIRST = session()
TO_20 = TimeoutChange(timeout_minutes=20)
RENEWAL, HEARTBEAT, CHANGE, READ, DELETION, ANNOUNCEMENT = Kind


def renewed(stored: Session, now_ms: int = NOON_MS) -> Session:
    return renew(stored, now_ms, f"renewal {stored.renewal_count}").session


def changed(stored: Session, change: TimeoutChange) -> Session:
    return change_timeout(stored, change, NOON_MS).session


def answered(
    started: int, ended: int, shown: Session, *, now_ms: int = NOON_MS, repeats: int = 0
) -> Attempt:
    """An attempt between two times that was answered with a session."""
    body = session_info_json(Snapshot(shown, shown.effective_ms(now_ms)))
    return Attempt(started, ended, (now_ms,), 200, json.loads(body), repeats)


def refused(  # noqa: PLR0913 - what an answer is made of
    started: int,
    ended: int,
    status: int,
    instant_ms: int | None = None,
    *,
    now_ms: int = NOON_MS,
    repeats: int = 0,
) -> Attempt:
    """An attempt that was answered with an error, whose details may tell an instant."""
    body = {} if instant_ms is None else {"error": {"details": rfc3339(instant_ms)}}
    return Attempt(started, ended, (now_ms,), status, body, repeats)


def unanswered(started: int, ended: int) -> Attempt:
    """An attempt that the client knows nothing of."""
    return refused(started, ended, 503)


def deleted(started: int, ended: int) -> Attempt:
    """A deletion that deleted."""
    return Attempt(started, ended, (), 200, {"success": True})


def announced(started: int, ended: int, at_ms: int) -> Attempt:
    """An announcement of a session that was or is now marked with this instant."""
    return Attempt(started, ended, (at_ms,), 200, {"announcedAt": at_ms})


def history(
    last: Session | None, *calls: tuple[Kind, *tuple[Attempt, ...]], first: Session = FIRST
) -> History:
    """What came to these calls, each of which is a kind and its attempts."""
    operations = (
        Operation(number, number, kind, tuple(attempts), TO_20 if kind is CHANGE else NO_CHANGE)
        for number, (kind, *attempts) in enumerate(calls)
    )
    return History(first, tuple(operations), last)


ONCE, TWICE = renewed(FIRST), renewed(renewed(FIRST))
LATER = renewed(FIRST, NOON_MS + SECOND_MS)
LATE_MS = FIRST.expires_at_ms
SHORTER = changed(FIRST, TO_20)
MANUAL = session(auto_renew=False)
ACTIVE = record_heartbeat(MANUAL, NOON_MS, "h").session
DYING = session(active=-25, expires=5)
AT_MAXIMUM = session(created=-700, active=-5, expires=20)
COUNTED = session(created=-700, active=-5, expires=20, renewal_count=1)
GONE = session(created=-60, active=-40, expires=-10)
REVIVED = session(created=-60, active=0, expires=30, renewal_count=1)
EXPIRED = changed(DYING, TO_20)
ENDING = session(created=-60, active=-29.99, expires=0.01)
"""Alive for a clock of noon, expired for one that is a second ahead."""
OVER = replace(ENDING, announced_at_ms=NOON_MS + SECOND_MS)

EXPLAINED: Mapping[str, History] = {
    "nothing happened": history(FIRST),
    "one after another": history(
        TWICE, (RENEWAL, answered(1, 2, ONCE)), (RENEWAL, answered(3, 4, TWICE))
    ),
    "at once, in the other order": history(
        TWICE, (RENEWAL, answered(1, 9, TWICE)), (RENEWAL, answered(2, 8, ONCE))
    ),
    "a read during a renewal": history(
        ONCE,
        (RENEWAL, answered(1, 9, ONCE)),
        (READ, answered(2, 3, FIRST)),
        (READ, answered(4, 5, ONCE)),
    ),
    "a reply lost, then a replay": history(ONCE, (RENEWAL, unanswered(1, 2), answered(3, 4, ONCE))),
    "a replay after another renewal": history(
        TWICE,
        (RENEWAL, unanswered(1, 2), answered(5, 6, TWICE)),
        (RENEWAL, answered(3, 4, TWICE)),
    ),
    "a write applied long after its attempt": history(
        TWICE,
        (RENEWAL, unanswered(1, 2), answered(7, 8, TWICE)),
        (RENEWAL, answered(3, 4, ONCE)),
        (READ, answered(5, 6, TWICE)),
    ),
    "given up, and applied": history(ONCE, (RENEWAL, unanswered(1, 2))),
    "given up, and not applied": history(FIRST, (RENEWAL, unanswered(1, 2))),
    "sent again by the function": history(
        TWICE, (RENEWAL, answered(1, 9, TWICE, repeats=1)), (RENEWAL, answered(3, 4, TWICE))
    ),
    "a renewal by an earlier clock": history(
        renewed(LATER),
        (RENEWAL, answered(1, 2, LATER, now_ms=NOON_MS + SECOND_MS)),
        (RENEWAL, answered(3, 4, renewed(LATER), now_ms=NOON_MS - SECOND_MS)),
    ),
    "deleted, then not found": history(None, (DELETION, deleted(1, 2)), (READ, refused(3, 4, 404))),
    "announced by a clock ahead, then refused to one behind": history(
        OVER,
        (READ, answered(1, 2, ENDING)),
        (ANNOUNCEMENT, announced(3, 4, NOON_MS + SECOND_MS)),
        (RENEWAL, refused(5, 6, 410, ENDING.expires_at_ms)),
        (READ, refused(7, 8, 410, ENDING.expires_at_ms)),
        first=ENDING,
    ),
    "announced, and the reply lost": history(
        OVER,
        (ANNOUNCEMENT, unanswered(1, 2), announced(5, 6, NOON_MS + SECOND_MS)),
        (ANNOUNCEMENT, announced(3, 4, NOON_MS + SECOND_MS)),
        first=ENDING,
    ),
    "renewed before the announcement": history(
        renewed(ENDING),
        (RENEWAL, answered(1, 2, renewed(ENDING))),
        (ANNOUNCEMENT, refused(3, 4, 409, now_ms=NOON_MS + SECOND_MS)),
        first=ENDING,
    ),
    "deleted before the announcement": history(
        None, (DELETION, deleted(1, 2)), (ANNOUNCEMENT, refused(3, 4, 404))
    ),
    "announced, then deleted": history(
        None,
        (ANNOUNCEMENT, announced(1, 2, NOON_MS + SECOND_MS)),
        (DELETION, deleted(3, 4)),
        first=ENDING,
    ),
    "an order that needs more than the first guess": history(
        renewed(SHORTER),
        (RENEWAL, answered(1, 9, renewed(SHORTER))),
        (CHANGE, answered(2, 8, SHORTER)),
        (READ, answered(3, 4, FIRST)),
    ),
}

REFUTED: Mapping[str, History] = {
    "a renewal counted twice": history(TWICE, (RENEWAL, unanswered(1, 2), answered(3, 4, TWICE))),
    "a renewal counted twice, seen at the end": history(TWICE, (RENEWAL, answered(1, 2, ONCE))),
    "a renewal lost": history(
        ONCE, (RENEWAL, answered(1, 2, ONCE)), (RENEWAL, answered(3, 4, ONCE))
    ),
    "a renewal lost, seen at the end": history(FIRST, (RENEWAL, answered(1, 2, ONCE))),
    "a refused renewal counted": history(
        COUNTED, (RENEWAL, refused(1, 2, 422, AT_MAXIMUM.expires_at_ms)), first=AT_MAXIMUM
    ),
    "a stale read": history(ONCE, (RENEWAL, answered(1, 2, ONCE)), (READ, answered(3, 4, FIRST))),
    "reads that go back": history(
        ONCE,
        (RENEWAL, answered(1, 9, ONCE)),
        (READ, answered(2, 3, ONCE)),
        (READ, answered(4, 5, FIRST)),
    ),
    "an expiry moved back": history(
        renewed(ONCE),
        (RENEWAL, answered(1, 2, LATER, now_ms=NOON_MS + SECOND_MS)),
        (RENEWAL, answered(3, 4, renewed(ONCE))),
    ),
    "an expired session revived": history(
        REVIVED,
        (READ, refused(1, 2, 410, GONE.expires_at_ms)),
        (RENEWAL, answered(3, 4, REVIVED)),
        first=GONE,
    ),
    "a deleted session that comes back": history(
        ONCE, (DELETION, deleted(1, 2)), (RENEWAL, answered(3, 4, ONCE))
    ),
    "deleted twice": history(None, (DELETION, deleted(1, 2)), (DELETION, deleted(3, 4))),
    "an effect seen before its operation began": history(
        ONCE, (READ, answered(1, 2, ONCE)), (RENEWAL, answered(3, 4, ONCE))
    ),
    "a replay answered with less than its effect": history(
        ONCE,
        (RENEWAL, unanswered(1, 2), answered(5, 6, FIRST)),
        (READ, answered(3, 4, ONCE)),
    ),
    "sent once, and answered with a later state": history(
        TWICE, (RENEWAL, answered(1, 9, TWICE)), (RENEWAL, answered(3, 4, TWICE))
    ),
    "an unanswered renewal taking effect twice": history(
        TWICE, (RENEWAL, unanswered(1, 2), unanswered(3, 4))
    ),
    "an instant that no clock told": history(
        ONCE, (RENEWAL, answered(1, 2, ONCE, now_ms=NOON_MS - SECOND_MS))
    ),
    "renewed after the announcement": history(
        replace(renewed(ENDING), announced_at_ms=NOON_MS + SECOND_MS),
        (ANNOUNCEMENT, announced(1, 2, NOON_MS + SECOND_MS)),
        (RENEWAL, answered(3, 4, renewed(ENDING))),
        first=ENDING,
    ),
    "shown after the announcement": history(
        OVER,
        (ANNOUNCEMENT, announced(1, 2, NOON_MS + SECOND_MS)),
        (READ, answered(3, 4, ENDING)),
        first=ENDING,
    ),
    "announced twice": history(
        OVER,
        (ANNOUNCEMENT, announced(1, 2, NOON_MS + SECOND_MS)),
        (ANNOUNCEMENT, announced(3, 4, NOON_MS + 2 * SECOND_MS)),
        first=ENDING,
    ),
    "announced while it was alive": history(
        replace(FIRST, announced_at_ms=NOON_MS), (ANNOUNCEMENT, announced(1, 2, NOON_MS))
    ),
    "an announcement lost": history(
        ENDING, (ANNOUNCEMENT, announced(1, 2, NOON_MS + SECOND_MS)), first=ENDING
    ),
    "an error of the server": history(FIRST, (RENEWAL, refused(1, 2, 500))),
}

PROMISED_LESS: Mapping[Allowance, History] = {
    Allowance.DELETION_FORGETS: history(None, (DELETION, refused(1, 9, 404, repeats=1))),
    Allowance.CHANGE_REPEATS: history(
        EXPIRED, (CHANGE, unanswered(1, 2), refused(3, 4, 410, EXPIRED.expires_at_ms)), first=DYING
    ),
    Allowance.ACTIVITY_REPEATS: history(
        record_heartbeat(ACTIVE, NOON_MS + SECOND_MS, "h").session,
        (
            HEARTBEAT,
            unanswered(1, 2),
            answered(
                5,
                6,
                record_heartbeat(ACTIVE, NOON_MS + SECOND_MS, "h").session,
                now_ms=NOON_MS + SECOND_MS,
            ),
        ),
        (READ, answered(3, 4, ACTIVE)),
        first=MANUAL,
    ),
    Allowance.LATE_WRITES: history(
        ONCE,
        (RENEWAL, unanswered(1, 2), refused(3, 4, 410, FIRST.expires_at_ms, now_ms=LATE_MS)),
        (READ, answered(5, 6, FIRST)),
    ),
}


@pytest.mark.parametrize("told", EXPLAINED.values(), ids=EXPLAINED)
def test_a_history_that_some_order_explains_is_accepted(told: History) -> None:
    assert counterexample(told) is None


@pytest.mark.parametrize("told", REFUTED.values(), ids=REFUTED)
def test_a_history_that_no_order_explains_is_refused(told: History) -> None:
    assert counterexample(told) is not None


@pytest.mark.parametrize("allowance", Allowance, ids=lambda each: each.name)
def test_what_the_api_does_not_promise_needs_its_allowance(allowance: Allowance) -> None:
    told = PROMISED_LESS[allowance]
    assert counterexample(told, frozenset({allowance})) is None
    assert counterexample(told, frozenset()) is not None


@given(first=first_states, plan=plans)
def test_a_widened_sequential_history_is_accepted(first: Session, plan: list[Planned]) -> None:
    assert find_order(sequential_history(first, plan)).explained


def test_a_counterexample_ends_with_the_first_odd_answer() -> None:
    told = history(
        ONCE,
        (RENEWAL, answered(1, 2, ONCE)),
        (READ, answered(3, 4, FIRST)),
        (READ, answered(5, 6, ONCE)),
        (READ, answered(7, 8, FIRST)),
    )
    found = counterexample(told)
    assert found is not None
    assert found.odd == told.operations[1]
    assert [each.number for each in found.history.operations] == [0, 1]


def test_a_counterexample_tells_the_times_the_clocks_and_the_answers() -> None:
    told = history(ONCE, (RENEWAL, unanswered(1, 2), answered(3, 4, TWICE)))
    assert str(counterexample(told)).splitlines() == [
        "Session a-session: no sequential order explains #0",
        "  #0 client 0 renewal",
        "    0.0-0.0 ms, clock 12:00:00.000: no answer",
        "    0.0-0.0 ms, clock 12:00:00.000: 200 count 2, active 12:00:00.000, "
        "expires 12:30:00.000, 1800000 ms left, limits 30, True, 720, 5",
        "  before: count 0, active 11:50:00.000, expires 12:20:00.000, limits 30, True, 720, 5",
    ]
