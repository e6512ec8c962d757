"""The histories that show where the API promises less than that each call takes effect once."""

import time
from itertools import chain, repeat
from threading import Event
from typing import Any

import pytest

from domain.session import Session
from domain.timeout import TimeoutChange
from runtime.retries import MAX_ATTEMPTS
from storage.item import session_of
from tests.support.counterexamples import counterexample
from tests.support.faulty_dynamodb import (
    Fault,
    ProxiedRequest,
    fail,
    lose_the_reply,
    pass_on,
)
from tests.support.histories import NO_CHANGE, Attempt, History, Kind, Operation
from tests.support.recorded_deployment import RecordedDeployment
from tests.support.session_specification import ALL_ALLOWANCES, Allowance
from tests.support.sessions import as_of_now, session
from tests.support.tables import item_with, put

BEHIND, TRUE, AHEAD = 0, 2, 4
"""Instances by their clocks: two seconds behind, right, two seconds ahead."""

TO_5, TO_10, TO_20 = (TimeoutChange(timeout_minutes=minutes) for minutes in (5, 10, 20))


class Recording:
    """One session, and the calls on it in the order in which their first attempts began."""

    def __init__(self, deployed: RecordedDeployment, first: Session) -> None:
        self.deployed = deployed
        self.first = as_of_now(first)
        self.attempts: dict[tuple[str, Kind, TimeoutChange], list[Attempt]] = {}
        put(deployed.table, self.first)
        self.faults()

    def faults(self, *faults: Fault) -> None:
        """The next requests meet these faults, and those after them none."""
        self.deployed.dynamodb.choose_fault = chain(faults, repeat(pass_on)).__next__

    def attempt(
        self, key: str, kind: Kind, instance: int, change: TimeoutChange = NO_CHANGE
    ) -> None:
        """One attempt of the operation with this key."""
        attempts = self.attempts.setdefault((key, kind, change), [])
        caller = self.deployed.instances[instance]
        attempts.append(caller.attempt(kind, self.first.session_id, key, change))

    def history(self) -> History:
        """What has been recorded, and what is stored now."""
        operations = tuple(
            Operation(number, number, kind, tuple(attempts), change)
            for number, ((_, kind, change), attempts) in enumerate(self.attempts.items())
        )
        item = item_with(self.deployed.table, self.first.session_id)
        return History(self.first, operations, session_of(item) if item else None)


def assert_needs(allowance: Allowance, told: History) -> None:
    assert counterexample(told, ALL_ALLOWANCES - {allowance}) is not None
    found = counterexample(told, frozenset({allowance}))
    assert found is None, str(found)


def test_a_deletion_that_is_repeated_is_404(deployed: RecordedDeployment) -> None:
    recording = Recording(deployed, session("deleted"))
    recording.faults(lose_the_reply)
    recording.attempt("d1", Kind.DELETION, TRUE)
    assert_needs(Allowance.DELETION_FORGETS, recording.history())


def test_a_timeout_change_that_is_repeated_ends_a_session_once(
    deployed: RecordedDeployment,
) -> None:
    recording = Recording(deployed, session("ended", active=-6, expires=24))
    recording.faults(pass_on, lose_the_reply)
    recording.attempt("t1", Kind.TIMEOUT_CHANGE, TRUE, TO_5)
    assert counterexample(recording.history(), frozenset()) is None


def test_a_timeout_change_that_is_repeated_undoes_one_in_between(
    deployed: RecordedDeployment,
) -> None:
    recording = Recording(deployed, session("changed twice", active=-6, expires=24))

    def lose_the_reply_and_change(request: ProxiedRequest) -> None:
        request.forward()
        recording.attempt("g1", Kind.READ, TRUE)
        recording.attempt("t2", Kind.TIMEOUT_CHANGE, TRUE, TO_20)
        request.close_connection = True

    recording.faults(pass_on, lose_the_reply_and_change)
    recording.attempt("t1", Kind.TIMEOUT_CHANGE, TRUE, TO_10)
    assert_needs(Allowance.CHANGE_REPEATS, recording.history())


def test_a_repeated_heartbeat_that_does_not_renew_is_activity_again(
    deployed: RecordedDeployment,
) -> None:
    recording = Recording(deployed, session("manual", auto_renew=False))
    recording.faults(pass_on, lose_the_reply, *[fail] * (MAX_ATTEMPTS - 1))
    recording.attempt("h1", Kind.HEARTBEAT, BEHIND)
    recording.attempt("g1", Kind.READ, BEHIND)
    recording.attempt("h1", Kind.HEARTBEAT, AHEAD)
    assert_needs(Allowance.ACTIVITY_REPEATS, recording.history())


def test_a_late_write_takes_effect_although_its_client_was_refused(
    deployed: RecordedDeployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The write waits while a clock that is ahead already tells that the session has expired."""
    monkeypatch.setattr(time, "sleep", lambda _: None)
    all_answered = Event()

    def apply_late(request: ProxiedRequest) -> None:
        request.close_connection = True
        assert all_answered.wait(60)
        request.forward()

    recording = Recording(
        deployed, session("late", created=-60, active=-30 + 1 / 32, expires=1 / 32)
    )
    recording.faults(apply_late, *[fail] * (MAX_ATTEMPTS - 1))
    recording.attempt("r1", Kind.RENEWAL, BEHIND)
    recording.attempt("r1", Kind.RENEWAL, AHEAD)
    recording.attempt("g1", Kind.READ, BEHIND)
    all_answered.set()
    deployed.dynamodb.wait_until_idle()
    assert_needs(Allowance.LATE_WRITES, recording.history())


def test_a_renewal_overtaken_by_activity_and_seen_has_its_place(
    deployed: RecordedDeployment,
) -> None:
    """Between the two writes of a renewal by a clock behind, others are active and read."""
    recording = Recording(deployed, session("overtaken", auto_renew=False))
    recording.attempt("r1", Kind.RENEWAL, AHEAD)
    updates = iter(range(9))

    def overtake(**_: Any) -> None:
        if next(updates) == 1:
            time.sleep(0.005)  # the clock ahead goes on
            recording.attempt("h1", Kind.HEARTBEAT, AHEAD)
            recording.attempt("g1", Kind.READ, AHEAD)

    events = deployed.instances[BEHIND].table.client.meta.events
    events.register("provide-client-params.dynamodb.UpdateItem", overtake)
    try:
        recording.attempt("r2", Kind.RENEWAL, BEHIND)
    finally:
        events.unregister("provide-client-params.dynamodb.UpdateItem", overtake)
    found = counterexample(recording.history())
    assert found is None, str(found)
