"""Timers without one of their safeties each, and the faults that show what it is for."""

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest

from domain.session import MS_PER_MINUTE, Session
from publishing import timer_handler
from publishing.stream_records import Removal, removal_of
from publishing.timer_messages import VISIBILITY_SECONDS, Delivery, TimerMessage
from publishing.timer_step import TimerStep
from storage.item import session_of
from storage.table import ConditionalUpdate, SessionsTable, update_expression
from storage.timer_update import Claimed, claim
from tests.support.planted_defects import without_clause
from tests.support.sessions import NOON_MS
from tests.support.timer_world import HOUR_MS, Fault

MUTANT_SEEDS = range(2000, 2008)
"""A mutant is found by the first of them that shows it."""

Planting = Callable[[SessionsTable], AbstractContextManager[None]]


@dataclass(frozen=True)
class TimerMutant:
    """A safety that is removed, and the faults under which some schedule fails for it."""

    planted: Planting
    faults: Sequence[Fault] = ()
    seeds: Sequence[int] = MUTANT_SEEDS


def replacing(target: str, replacement: Any) -> Planting:
    """Put this in the place of what is named by its module and its name."""

    @contextmanager
    def planted(_: SessionsTable) -> Iterator[None]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(target, replacement)
            yield

    return planted


def both(first: Planting, second: Planting) -> Planting:
    """Two defects at once."""

    @contextmanager
    def planted(table: SessionsTable) -> Iterator[None]:
        with first(table), second(table):
            yield

    return planted


def unasked(pattern: str) -> Planting:
    """Take the clauses that the pattern is found in from the conditions of all updates."""

    @dataclass(frozen=True)
    class Instance:
        table: SessionsTable

    instances: Any = Instance
    return lambda table: without_clause(pattern)([instances(table)])


def claim_whatever_is_stored(_: str | None, claimed_token: str) -> ConditionalUpdate:
    """An update that asks for no token."""
    anyway = update_expression("SET timer = :new", "attribute_exists(sessionId)")
    return ConditionalUpdate(anyway, {":new": {"S": claimed_token}})


def claim_the_first_time(
    table: SessionsTable, session_id: str, token: str | None, *, delivered_before: bool
) -> Claimed | None:
    """A claim that takes nothing over."""
    del delivered_before
    return claim(table, session_id, token, delivered_before=False)


def read_only(table: SessionsTable, session_id: str, _: int) -> Session | None:
    """No mark: the session as it is stored."""
    item = table.get(session_id)
    return None if item is None else session_of(item)


_publish = timer_handler._Batch._publish


def mark_before(self: Any, steps: Iterator[TimerStep]) -> list[TimerStep]:
    """Note expiries as published before they are."""
    found = list(steps)
    self._mark_published([each for each in found if each.is_expiry])
    return _publish(self, found)


def removal_as_if_published(record: Mapping[str, Any]) -> Removal:
    """A removal that is silent."""
    return replace(removal_of(record), is_published=True)


def until_its_expiry(session: Session, _: int) -> int:
    """The expiry, as if no renewal brought a warning sooner."""
    return session.expires_at_ms


def by_own_clock(_: Delivery, now_ms: int) -> int:
    """The function's clock alone."""
    return now_ms


def by_own_clock_later(delivery: Delivery, now_ms: int) -> int:
    """The function's clock alone, once a message was received before."""
    return min(now_ms, delivery.received_at_ms) if delivery.is_first else now_ms


def by_the_queues_clock(delivery: Delivery, _: int) -> int:
    """The clock of SQS alone."""
    return delivery.received_at_ms + (delivery.receive_count - 1) * VISIBILITY_SECONDS * 1000


_body: Any = TimerMessage.body.fget  # type: ignore[attr-defined]  # a property has one

forgetful_body = property(lambda self: _body(replace(self, warned_expiry_ms=None)))


def during(kind: str, from_minutes: int, to_minutes: int, **fields: Any) -> Fault:
    """A fault in these minutes of the run."""
    from_ms, to_ms = NOON_MS + from_minutes * MS_PER_MINUTE, NOON_MS + to_minutes * MS_PER_MINUTE
    return Fault(kind, from_ms, to_ms, **fields)


HANDLER = "publishing.timer_handler"
JUDGED = "publishing.timer_messages.Delivery.effective_ms"
AHEAD = {"shift_ms": HOUR_MS}

TIMER_MUTANTS: Mapping[str, TimerMutant] = {
    "a message goes on without a claim": TimerMutant(
        replacing("storage.timer_update._claim_update", claim_whatever_is_stored),
        [during("messages twice", 0, 25)],
    ),
    "nobody takes over": TimerMutant(
        replacing("publishing.timer_step.claim", claim_the_first_time),
        [during("timer function dies", 0, 60)],
    ),
    "an expiry is not marked": TimerMutant(
        replacing("publishing.timer_step.mark_announced", read_only),
    ),
    "a mark does not end a session": TimerMutant(
        unasked(r"not_exists\(announcedAt"),
        [during("client clock", 0, 240, shift_ms=-MS_PER_MINUTE)],
    ),
    "an expiry is not noted": TimerMutant(replacing(f"{HANDLER}.mark_published", lambda *_: None)),
    "an expiry is noted before it is published": TimerMutant(
        replacing(f"{HANDLER}._Batch._publish", mark_before), [during("bus down", 0, 240)]
    ),
    "a removal is silent": TimerMutant(
        replacing("publishing.expiry_publisher.removal_of", removal_as_if_published),
        [during("messages lost", 0, 240)],
    ),
    "a removal is never silent": TimerMutant(
        replacing("publishing.stream_records.is_published", lambda *_: False)
    ),
    "an outage is not reported": TimerMutant(
        replacing(f"{HANDLER}._Batch._fail", lambda *_: None), [during("queue down", 20, 60)]
    ),
    "a function's clock is enough": TimerMutant(
        replacing(JUDGED, by_own_clock), [during("function clock", 0, 240, **AHEAD)]
    ),
    "a function's clock is enough the second time": TimerMutant(
        replacing(JUDGED, by_own_clock_later),
        [
            during("function clock", 0, 240, **AHEAD),
            during("timer function dies", 0, 240, share=0.5),
        ],
    ),
    "the queue's clock is enough": TimerMutant(
        replacing(JUDGED, by_the_queues_clock), [during("queue clock", 0, 240, **AHEAD)]
    ),
    "a change starts no timer": TimerMutant(
        replacing("storage.timeout_update.is_due_sooner", lambda *_: False)
    ),
    "an event ID is random": TimerMutant(
        replacing("domain.session_json.event_id", lambda *_: uuid.uuid4().hex),
        [during("bus loses replies", 0, 120, share=0.7)],
    ),
    "a deleted session is claimed": TimerMutant(
        unasked(r"^attribute_type\((userId, :S|expiresAt, :N)\)$"),
        [during("stream function fails", 0, 120)],
    ),
    "a warned session is left alone until its expiry": TimerMutant(
        both(
            replacing("domain.timers.after_warning_ms", until_its_expiry),
            replacing("publishing.timer_step.after_warning_ms", until_its_expiry),
        ),
        seeds=(2009, 2015, 2029, 2039),  # one schedule in ten has such a renewal
    ),
    "a warning is forgotten": TimerMutant(
        replacing("publishing.timer_messages.TimerMessage.body", forgetful_body)
    ),
}
"""The safeties, by what is wrong without them."""
