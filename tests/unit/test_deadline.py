"""Deadlines, retries within them, and calls that are not waited for."""

import random
import threading

import pytest

from runtime.deadline import NO_DEADLINE, Deadline, call_within
from runtime.retries import (
    MAX_ATTEMPTS,
    MAX_DEMANDED_PAUSE_SECONDS,
    MAX_PAUSE_SECONDS,
    Unavailable,
    jittered_pause_seconds,
    retry,
    retry_after_seconds,
)


class Throttled(Unavailable):
    """A service demands a pause of a second."""

    retry_after_seconds = 1


class Service:
    """Fails so many times, and keeps how many seconds each attempt was given."""

    def __init__(self, failures: int, failure: type[Exception] = Unavailable) -> None:
        self.failures = failures
        self.failure = failure
        self.given: list[float] = []

    def call(self, seconds: float) -> str:
        self.given.append(seconds)
        if len(self.given) <= self.failures:
            raise self.failure
        return "done"


def test_an_outage_that_passes_is_not_noticed(pauses: list[float]) -> None:
    service = Service(failures=MAX_ATTEMPTS - 1)
    assert retry(service.call, Deadline.after(10), 2) == "done"
    assert len(pauses) == MAX_ATTEMPTS - 1


@pytest.mark.usefixtures("pauses")
def test_an_outage_that_lasts_is_not_tried_for_ever() -> None:
    service = Service(failures=99)
    with pytest.raises(Unavailable):
        retry(service.call, NO_DEADLINE, 2)
    assert service.given == [2] * MAX_ATTEMPTS


def test_any_other_failure_is_not_retried(pauses: list[float]) -> None:
    service = Service(failures=99, failure=ZeroDivisionError)
    with pytest.raises(ZeroDivisionError):
        retry(service.call, NO_DEADLINE, 2)
    assert (len(service.given), pauses) == (1, [])


def test_a_pause_that_is_demanded_is_made(pauses: list[float]) -> None:
    retry(Service(failures=3, failure=Throttled).call, Deadline.after(30), 2)
    assert all(1 < pause < 1 + MAX_PAUSE_SECONDS for pause in pauses)
    assert len(set(pauses)) == 3


@pytest.mark.parametrize(("seconds", "attempts"), [(3.06, 2), (3, 1), (0.5, 1)])
def test_no_attempt_begins_that_cannot_end_in_time(
    pauses: list[float], seconds: float, attempts: int
) -> None:
    """After a pause of a second, another attempt may take two."""
    service = Service(failures=99, failure=Throttled)
    with pytest.raises(Throttled):
        retry(service.call, Deadline.after(seconds), 2)
    assert len(service.given) == attempts
    assert len(pauses) == attempts - 1


def test_an_attempt_is_given_no_more_time_than_is_left() -> None:
    service = Service(failures=0)
    retry(service.call, Deadline.after(0.5), 2)
    assert 0 < service.given[0] <= 0.5


def test_pauses_grow_and_are_all_different() -> None:
    drawn = [[jittered_pause_seconds(attempt) for _ in range(200)] for attempt in (0, 2, 20)]
    assert all(len(set(pauses)) == 200 for pauses in drawn)
    assert max(drawn[0]) <= 0.05 < max(drawn[1]) <= 0.2 < max(drawn[2]) <= MAX_PAUSE_SECONDS


def test_jitter_does_not_depend_on_a_state_that_a_snapshot_holds() -> None:
    """Two instances restored from one snapshot have the same state of ``random``."""
    drawn = []
    for _ in range(2):
        random.seed(1)
        drawn.append([jittered_pause_seconds(9) for _ in range(5)])
    assert drawn[0] != drawn[1]


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("250", 0.25),
        ("99999999999", MAX_DEMANDED_PAUSE_SECONDS),
        ("9" * 5000, 0),
        ("-1", 0),
        ("soon", 0),
        ("²", 0),
    ],
)
def test_a_demanded_pause_is_milliseconds_and_bounded(header: str, seconds: float) -> None:
    response = {"ResponseMetadata": {"HTTPHeaders": {"x-amz-retry-after": header}}}
    assert retry_after_seconds(response) == seconds


def test_a_response_without_headers_demands_no_pause() -> None:
    assert retry_after_seconds({"ResponseMetadata": {}}) == 0


def test_a_call_has_its_result_and_its_failure() -> None:
    assert call_within(10, max, 1, 2) == 2
    with pytest.raises(ZeroDivisionError):
        call_within(10, divmod, 1, 0)


def test_a_call_that_hangs_is_left_behind() -> None:
    end = threading.Event()
    try:
        with pytest.raises(TimeoutError):
            call_within(0.01, end.wait, 60)
        assert call_within(10, max, 1, 2) == 2
    finally:
        end.set()


@pytest.mark.parametrize("seconds", [0, -1])
def test_a_call_without_time_does_not_begin(seconds: float) -> None:
    begun: list[int] = []
    with pytest.raises(TimeoutError, match="no time is left"):
        call_within(seconds, begun.append, 1)
    assert begun == []


def test_a_pause_that_does_not_fit_is_not_made(pauses: list[float]) -> None:
    assert Deadline.after(3).pause(1, then_seconds=2)
    assert not Deadline.after(3).pause(1.5, then_seconds=2)
    assert pauses == [1]
