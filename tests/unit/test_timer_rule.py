"""The rule of timers: what is due when, and whether each session's timer is there in time."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from domain.heartbeat import record_heartbeat
from domain.refusals import MaximumBelowTimeout, SessionRefusal
from domain.renewal import renew
from domain.session import MS_PER_MINUTE, MS_PER_SECOND, Session
from domain.session_json import SESSION_EXPIRED, SESSION_EXPIRING
from domain.timeout import TimeoutChange, change_timeout
from domain.timers import (
    EVENT_ID_DIGITS,
    Expire,
    Wait,
    Warn,
    after_warning_ms,
    due,
    event_id,
    is_due_sooner,
)
from tests.support.sessions import NOON_MS, minutes, session

MAX_DELAY_MS = 900 * MS_PER_SECOND
"""The longest that the queue delays a message."""

ROUNDED_MS = MS_PER_SECOND
"""The queue delays by whole seconds, and by one at least."""

DUE_AT_15 = session()
"""Renewed 10 minutes ago, with 20 minutes left: to be warned of in 15."""


@pytest.mark.parametrize(
    ("at_minutes", "warned", "expected"),
    [
        (0, False, Wait(NOON_MS + minutes(15))),
        (15, False, Warn(NOON_MS + minutes(15))),
        (19, False, Warn(NOON_MS + minutes(15))),
        (19, True, Wait(NOON_MS + minutes(20))),
        (20, False, Expire(NOON_MS + minutes(20))),
        (21, True, Expire(NOON_MS + minutes(20))),
    ],
)
def test_what_is_due_follows_from_expiry_threshold_and_last_warning(
    at_minutes: int, warned: bool, expected: object
) -> None:
    warned_expiry_ms = DUE_AT_15.expires_at_ms if warned else None
    assert due(DUE_AT_15, NOON_MS + minutes(at_minutes), warned_expiry_ms) == expected


def test_a_warning_of_another_expiry_is_not_one_of_this() -> None:
    before_ms = DUE_AT_15.expires_at_ms - 1
    assert due(DUE_AT_15, NOON_MS + minutes(15), before_ms) == Warn(NOON_MS + minutes(15))


def test_an_announced_session_is_over_however_early_it_is() -> None:
    announced = replace(DUE_AT_15, announced_at_ms=NOON_MS + minutes(21))
    assert due(announced, NOON_MS, None) == Expire(NOON_MS + minutes(20))


@pytest.mark.parametrize(
    "without_warning",
    [
        session(timeout=30, warning=30),
        session(timeout=30, warning=60),
        session(created=-718, active=-1, expires=29),  # renewed when the maximum was near
    ],
    ids=["as long as the timeout", "longer", "renewed within the threshold"],
)
def test_nothing_is_warned_of_that_a_renewal_left_within_its_threshold(
    without_warning: Session,
) -> None:
    assert without_warning.warns_at_ms is None
    assert due(without_warning, NOON_MS, None) == Wait(without_warning.expires_at_ms)


def test_after_a_warning_a_long_threshold_is_looked_at_before_the_expiry() -> None:
    """A session renewed right after the warning is within its threshold 5 minutes later."""
    long_threshold = session(timeout=30, warning=25)
    assert after_warning_ms(long_threshold, NOON_MS) == NOON_MS + minutes(5)


@pytest.mark.parametrize(
    ("change", "is_sooner"),
    [
        (TimeoutChange(timeout_minutes=20), True),
        (TimeoutChange(timeout_minutes=40), False),
        (TimeoutChange(warning_threshold_minutes=6), True),
        (TimeoutChange(warning_threshold_minutes=4), False),
        (TimeoutChange(auto_renew=False), False),
        (TimeoutChange(timeout_minutes=31, warning_threshold_minutes=6), False),
        (TimeoutChange(timeout_minutes=31, warning_threshold_minutes=7), True),
        (TimeoutChange(max_duration_minutes=30), False),
    ],
)
def test_a_change_is_due_sooner_if_warning_or_expiry_move_nearer(
    change: TimeoutChange, is_sooner: bool
) -> None:
    after = change_timeout(DUE_AT_15, change, NOON_MS).session
    assert is_due_sooner(DUE_AT_15, after, NOON_MS) is is_sooner


def test_event_ids_differ_by_kind_session_and_expiry_alone() -> None:
    of = {
        event_id(kind, stored)
        for kind in (SESSION_EXPIRING, SESSION_EXPIRED)
        for stored in (session(), session("another"), session(expires=21))
    }
    assert len(of) == 6
    assert all(len(each) == EVENT_ID_DIGITS for each in of)
    counted = replace(session(), renewal_count=7, announced_at_ms=NOON_MS)
    assert event_id(SESSION_EXPIRED, counted) == event_id(SESSION_EXPIRED, session())


@dataclass(frozen=True)
class Step:
    """So much later, a call. The clock of whoever makes it is ``skew_ms`` ahead."""

    after_ms: int
    kind: str
    change: TimeoutChange
    skew_ms: int = 0


@dataclass
class Simulation:
    """A session and its timer, while the true time goes on.

    ``clock_steps_ms`` is how far the timer's clock is ahead, one wake-up after another.
    """

    session: Session
    now_ms: int
    clock_steps_ms: Iterable[int] = ()
    wakes_at_ms: int | None = None
    warned_expiry_ms: int | None = None
    warnings: list[tuple[int, Session]] = field(default_factory=list)
    states: list[tuple[int, Session]] = field(default_factory=list)
    expired_at_ms: int | None = None
    wakes: int = 0

    def __post_init__(self) -> None:
        self.wakes_at_ms = self.now_ms
        self.states.append((self.now_ms, self.session))
        self._clock_steps = iter(self.clock_steps_ms)

    def run(self, steps: Iterable[Step]) -> None:
        """Make the calls, and then let the time go on until the timer has come to its end."""
        for step in steps:
            self._go_on_to(self.now_ms + step.after_ms)
            if self.expired_at_ms is None:
                self._call(step)
        while self.wakes_at_ms is not None:
            self._go_on_to(self.wakes_at_ms)
            assert self.wakes < 20_000

    def _go_on_to(self, instant_ms: int) -> None:
        while self.wakes_at_ms is not None and self.wakes_at_ms <= instant_ms:
            self.now_ms = self.wakes_at_ms
            self._wake()
        self.now_ms = instant_ms

    def _wake(self) -> None:
        self.wakes += 1
        clock_ms = self.now_ms + next(self._clock_steps, 0)
        match due(self.session, clock_ms, self.warned_expiry_ms):
            case Warn():
                self.warnings.append((self.now_ms, self.session))
                self.warned_expiry_ms = self.session.expires_at_ms
                self._sleep(after_warning_ms(self.session, clock_ms), clock_ms)
            case Wait(until_ms):
                self._sleep(until_ms, clock_ms)
            case Expire():
                self.expired_at_ms, self.wakes_at_ms = self.now_ms, None
                self.session = replace(self.session, announced_at_ms=clock_ms)

    def _sleep(self, until_ms: int, clock_ms: int) -> None:
        seconds = -(-(until_ms - clock_ms) // MS_PER_SECOND)
        self.wakes_at_ms = self.now_ms + max(ROUNDED_MS, min(seconds * MS_PER_SECOND, MAX_DELAY_MS))

    def _call(self, step: Step) -> None:
        before, clock_ms = self.session, self.now_ms + step.skew_ms
        try:
            if step.kind == "renewal":
                outcome = renew(before, clock_ms, f"r{self.now_ms}")
            elif step.kind == "heartbeat":
                outcome = record_heartbeat(before, clock_ms, f"r{self.now_ms}")
            else:
                outcome = change_timeout(before, step.change, clock_ms)
        except (MaximumBelowTimeout, SessionRefusal):
            return
        self.session = outcome.session
        self.states.append((self.now_ms, self.session))
        if step.kind == "change" and is_due_sooner(before, self.session, outcome.at_ms):
            self.wakes_at_ms, self.warned_expiry_ms = self.now_ms, None


changes = st.builds(
    TimeoutChange,
    timeout_minutes=st.none() | st.integers(1, 60),
    auto_renew=st.none() | st.booleans(),
    max_duration_minutes=st.none() | st.integers(1, 240),
    warning_threshold_minutes=st.none() | st.integers(1, 60),
)
gaps = st.integers(0, minutes(40)) | st.integers(0, 3 * MS_PER_SECOND)
kinds = st.sampled_from(["renewal", "heartbeat", "change"])
steps = st.lists(st.builds(Step, gaps, kinds, changes), max_size=25)
skewed_steps = st.lists(
    st.builds(Step, gaps, kinds, changes, st.integers(-2000, 2000)), max_size=25
)


@st.composite
def new_sessions(draw: st.DrawFn) -> Session:
    """A session that was created at noon."""
    timeout = draw(st.integers(1, 60))
    return session(
        created=0,
        active=0,
        expires=timeout,
        timeout=timeout,
        maximum=draw(st.integers(timeout, 240)),
        warning=draw(st.integers(1, 60)),
        auto_renew=draw(st.booleans()),
    )


RENEWAL_AFTER_THE_WARNING = [
    Step(minutes(5.5), "renewal", TimeoutChange()),
]


@settings(max_examples=500)
@given(first=new_sessions(), calls=steps)
@example(
    session(created=0, active=0, expires=30, timeout=30, warning=25), RENEWAL_AFTER_THE_WARNING
)
def test_each_warning_that_time_brings_is_there_within_two_seconds(
    first: Session, calls: list[Step]
) -> None:
    """And no other: not of a session that was renewed in time, and none before its instant."""
    told = Simulation(first, NOON_MS)
    told.run(calls)
    ends = [at_ms for at_ms, _ in told.states[1:]] + [told.expired_at_ms or 0]
    for (since_ms, stored), until_ms in zip(told.states, ends, strict=True):
        warns_at_ms = stored.warns_at_ms
        if warns_at_ms is None:
            continue
        due_ms = max(warns_at_ms, since_ms)
        warned = [
            at_ms
            for at_ms, each in told.warnings
            if each.expires_at_ms == stored.expires_at_ms and at_ms <= due_ms + 2 * ROUNDED_MS
        ]
        if min(until_ms, stored.expires_at_ms) > due_ms + 2 * ROUNDED_MS:
            assert warned
    for at_ms, stored in told.warnings:
        assert stored.warns_at_ms is not None
        assert stored.warns_at_ms <= at_ms < stored.expires_at_ms
        assert stored.is_near_expiration(at_ms)


@settings(max_examples=300)
@given(first=new_sessions(), calls=steps)
def test_an_expiry_is_announced_within_two_seconds_and_never_early(
    first: Session, calls: list[Step]
) -> None:
    told = Simulation(first, NOON_MS)
    told.run(calls)
    assert told.expired_at_ms is not None
    # A change of the limits can end a session that had expired by the new ones before.
    ended_ms = max(told.session.expires_at_ms, told.states[-1][0])
    assert ended_ms <= told.expired_at_ms <= ended_ms + 2 * ROUNDED_MS


@settings(max_examples=300)
@given(first=new_sessions(), calls=steps)
def test_without_a_change_each_expiry_is_warned_of_once(first: Session, calls: list[Step]) -> None:
    told = Simulation(first, NOON_MS)
    told.run([each for each in calls if each.kind != "change"])
    warned = [stored.expires_at_ms for _, stored in told.warnings]
    assert len(warned) == len(set(warned))


@settings(max_examples=300)
@given(
    first=new_sessions(),
    calls=skewed_steps,
    clock_steps_ms=st.lists(st.integers(-60_000, 60_000), max_size=40),
)
def test_a_timer_comes_to_its_end_whatever_its_clock_does(
    first: Session, calls: list[Step], clock_steps_ms: list[int]
) -> None:
    told = Simulation(first, NOON_MS, clock_steps_ms)
    told.run(calls)
    assert told.expired_at_ms is not None
    assert told.expired_at_ms >= told.session.expires_at_ms - 60_000


@settings(max_examples=300)
@given(first=new_sessions(), calls=steps)
def test_a_timer_wakes_once_a_minute_at_most(first: Session, calls: list[Step]) -> None:
    """But for a few times for each call; so often only if the threshold is almost the timeout."""
    told = Simulation(first, NOON_MS)
    told.run(calls)
    assert told.expired_at_ms is not None
    whole_minutes = (told.expired_at_ms - NOON_MS) // MS_PER_MINUTE
    assert told.wakes <= whole_minutes + 4 * len(told.states)


def test_by_the_defaults_a_timer_wakes_four_times() -> None:
    """At its start, after 15 minutes, to warn, and to announce."""
    told = Simulation(session(created=0, active=0, expires=30), NOON_MS)
    told.run([])
    assert told.wakes == 4
