"""The local server's timer queue, and the functions that it drives."""

import threading
import time
from collections.abc import Sequence

import pytest

from local import printed_events
from local.open_table import OpenTable
from local.printed_events import PrintingSqs, events_published
from local.stream import Sweeper
from local.template import Template
from local.timer_queue import BATCH_SIZE, VISIBILITY_SECONDS, LocalTimerQueue
from publishing.timer_messages import delivery_of
from storage.table import SessionsTable
from tests.support.sessions import NOON_MS, as_of_now, session
from tests.support.tables import create_table, put


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now_ms = NOON_MS

    def __call__(self) -> int:
        return self.now_ms


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def queue(clock: Clock) -> LocalTimerQueue:
    return LocalTimerQueue(clock)


def send(queue: LocalTimerQueue, *delays_seconds: int) -> None:
    """Send a message with each of these delays, which is its body as well."""
    queue.send_message_batch(
        Entries=[
            {"Id": str(each), "MessageBody": f'{{"sessionId": "{each}"}}', "DelaySeconds": each}
            for each in delays_seconds
        ]
    )


def received(queue: LocalTimerQueue) -> Sequence[str]:
    """The sessions of the messages that are received."""
    return [delivery_of(each).message.session_id for each in queue.receive()]


def test_messages_come_when_they_are_due_and_in_that_order(
    queue: LocalTimerQueue, clock: Clock
) -> None:
    send(queue, 30, 10, 20, 40)
    assert received(queue) == []
    clock.now_ms += 30_000
    assert received(queue) == ["10", "20", "30"]


def test_no_more_come_at_once_than_a_batch_has(queue: LocalTimerQueue) -> None:
    send(queue, *[0] * (BATCH_SIZE + 1))
    assert [len(received(queue)), len(received(queue))] == [BATCH_SIZE, 1]


def test_a_message_that_was_handled_does_not_come_again(
    queue: LocalTimerQueue, clock: Clock
) -> None:
    send(queue, 0)
    queue.receive()
    queue.settle([])
    clock.now_ms += 3_600_000
    assert received(queue) == []


def test_a_message_that_failed_comes_again_and_says_so(
    queue: LocalTimerQueue, clock: Clock
) -> None:
    send(queue, 0)
    (first,) = queue.receive()
    queue.settle([first["messageId"]])
    assert received(queue) == []
    clock.now_ms += VISIBILITY_SECONDS * 1000
    (again,) = map(delivery_of, queue.receive())
    assert (again.is_first, again.received_at_ms) == (False, NOON_MS)


def test_a_dead_letter_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    PrintingSqs().send_message_batch(Entries=[{"Id": "0", "MessageBody": "a body"}])
    assert "Dead letter a body" in capsys.readouterr().out


def test_a_session_is_warned_of_and_announced_in_the_log(
    table_on_moto: SessionsTable,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """By the sweeper's records, and the queue in the process."""
    monkeypatch.setattr(printed_events, "POLL_SECONDS", 0.01)
    table, lock = create_table(table_on_moto.client), threading.Lock()
    put(table, as_of_now(session("c-over", expires=-1)))
    put(table, as_of_now(session("c-near", expires=2)))
    put(table, as_of_now(session("c-live")))
    sweeper = Sweeper(table.client, table.name, lock)
    printed = ""
    give_up_at = time.monotonic() + 30
    with events_published(OpenTable(table, sweeper, lock), Template()):
        while not {"SessionExpired c-over", "SessionExpiring c-near"} <= set(_told(printed)):
            assert time.monotonic() < give_up_at, printed
            time.sleep(0.05)
            printed += capsys.readouterr().out
    assert "c-live" not in "".join(_told(printed))


def _told(printed: str) -> list[str]:
    """The lines of events, without their details and times."""
    return [line[10:].split(":")[0] for line in printed.splitlines() if line[10:17] == "Session"]


def test_a_table_without_a_stream_publishes_nothing(table_on_moto: SessionsTable) -> None:
    with events_published(OpenTable(table_on_moto, None, threading.Lock()), Template()):
        assert "poll" not in "".join(each.name for each in threading.enumerate())
