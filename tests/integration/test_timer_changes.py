"""Changes of the limits, and many expiries at once: in simulated time, on the real stream."""

import json
import random
from collections import Counter
from typing import Any

import pytest

from domain.session import MS_PER_MINUTE
from domain.timeout import TimeoutChange
from publishing.timer_messages import TimerMessage
from storage.item import item_of
from storage.session_creation import create_session
from storage.timeout_update import change_timeout
from tests.support.emitted_lines import captured_lines
from tests.support.sessions import NOON_MS, session
from tests.support.simulated_queue import SimulatedQueue
from tests.support.simulated_time import simulated
from tests.support.tables import RETENTION_SECONDS, put
from tests.support.timer_schedules import simulation_database
from tests.support.timer_world import Actor, Database, World
from tests.support.timers import Timers

MANY = 40
"""How often somebody changes the limits. A thousand times is 25 of these."""


@pytest.fixture(scope="module")
def database(dynamodb_local_endpoint: str) -> Database:
    """A table for all runs."""
    return simulation_database(dynamodb_local_endpoint)


@pytest.fixture
def world(database: Database) -> World:
    """Without faults."""
    return World(database, random.Random(14), NOON_MS)  # noqa: S311 - no secret


def create(world: World, session_id: str) -> None:
    """Create a session of 50 minutes, at once."""
    created = session(session_id, created=0, active=0, expires=50, timeout=50, maximum=120)
    with world.acting(Actor("client")):
        create_session(world.table, created)


def change_at(world: World, session_id: str, minutes: float, **limits: Any) -> None:
    """Change the limits of the session at that instant."""

    def change() -> None:
        with world.acting(Actor("client")):
            change_timeout(world.table, session_id, world.time.now_ms, TimeoutChange(**limits))

    world.time.at(NOON_MS + int(minutes * MS_PER_MINUTE), change)


def minutes_of(world: World, detail_type: str) -> list[float]:
    """When the events of this type were published, in minutes from the start."""
    return [
        (each.at_ms - NOON_MS) / MS_PER_MINUTE
        for each in world.published
        if each.detail_type == detail_type
    ]


@pytest.mark.parametrize(
    ("limits", "warned", "expired"),
    [
        ({"timeout_minutes": 30}, [25], 30),
        ({"timeout_minutes": 20}, [], 20),
        ({"timeout_minutes": 1}, [], 20),
        ({"max_duration_minutes": 50}, [45], 50),
        ({"warning_threshold_minutes": 25}, [25], 50),
        ({"warning_threshold_minutes": 45}, [20], 50),
    ],
    ids=str,
)
def test_a_change_is_announced_within_a_minute_of_its_instant(
    world: World, limits: dict[str, int], warned: list[float], expired: float
) -> None:
    """It is made after 20 minutes, when the timer waits for later."""
    session_id = f"changed-{json.dumps(limits)}"
    with simulated(world.time):
        create(world, session_id)
        change_at(world, session_id, 20, **limits)
        world.time.run()
    assert minutes_of(world, "SessionExpiring") == pytest.approx(warned, abs=1)
    assert minutes_of(world, "SessionExpired") == [pytest.approx(expired, abs=1)]


def test_many_changes_leave_one_timer_and_no_pile_of_messages(world: World) -> None:
    """Each brings something nearer, and so starts a timer, which ends the one before."""
    with simulated(world.time):
        create(world, "changed-often")
        for number in range(MANY):
            minutes = 5 + 10 * number / MANY
            change_at(world, "changed-often", minutes, warning_threshold_minutes=6 + number % 30)
        world.time.run()
    late = [each for each in world.handled if each.at_ms > NOON_MS + 30 * MS_PER_MINUTE]
    # Of those who wait when the changes end, one goes on; the others end when they come.
    assert Counter(each.went_on for each in world.handled)[False] <= MANY
    assert len([each for each in late if not each.went_on]) == 0
    assert len(minutes_of(world, "SessionExpired")) == 1
    assert world.queue.messages == []


# After an outage


def test_many_expiries_at_once_are_announced_in_the_order_they_are_due(
    database: Database,
) -> None:
    """As far as the queue keeps it. 120 sessions expired in an outage of two hours."""
    numbers = list(range(120))
    now_ms = [NOON_MS]
    queue = SimulatedQueue(lambda: now_ms[0])
    timers = Timers(database.table)
    random.Random(14).shuffle(numbers)  # noqa: S311 - no secret
    for each in numbers:
        token = f"{each:032x}"
        late = item_of(session(f"late-{each}", expires=-each - 1), RETENTION_SECONDS)
        put(database.table, {**late, "timer": {"S": token}})
        now_ms[0] = NOON_MS - (each + 1) * MS_PER_MINUTE
        queue.enqueue(TimerMessage(f"late-{each}", token).body, 0)
    now_ms[0] = timers.now_ms = NOON_MS
    lateness: list[float] = []
    while records := queue.receive():
        with captured_lines() as lines:
            assert timers.handle(*records) == []
        queue.delete(records)
        lateness += lines[0]["Lateness"]
        timers.now_ms += 1_000
        now_ms[0] = timers.now_ms
    assert timers.published == [
        ("SessionExpired", f"late-{each}") for each in sorted(numbers, reverse=True)
    ]
    batches = [index // 10 for index in range(120)]
    assert lateness == [
        (each + 1) * MS_PER_MINUTE + 1_000 * batch
        for each, batch in zip(sorted(numbers, reverse=True), batches, strict=True)
    ]
