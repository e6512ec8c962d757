"""Generated faults in simulated time: what expires is announced, whatever goes wrong.

A run is a day and a half of three sessions. It is named by its seed. ``SCHEDULES=300`` in the
environment makes 300 of them.
"""

import os

import pytest

from tests.support.moto_queue import MotoQueue, moto_by
from tests.support.sessions import NOON_MS
from tests.support.timer_mutants import TIMER_MUTANTS
from tests.support.timer_schedules import run, simulation_database
from tests.support.timer_world import Database, World

pytestmark = pytest.mark.long

SCHEDULES = int(os.environ.get("SCHEDULES", "8"))
SCHEDULES_ON_MOTO = range(1000, 1002)


@pytest.fixture(scope="module")
def database(dynamodb_local_endpoint: str) -> Database:
    """A table for all runs."""
    return simulation_database(dynamodb_local_endpoint)


@pytest.mark.parametrize("seed", range(SCHEDULES))
def test_what_expires_is_announced_whatever_goes_wrong(database: Database, seed: int) -> None:
    assert run(database, seed).violations == []


@pytest.mark.parametrize("seed", SCHEDULES_ON_MOTO)
def test_so_it_is_on_motos_queue(database: Database, seed: int) -> None:
    worlds: list[World] = []

    def queue_of(world: World) -> MotoQueue:
        worlds.append(world)
        return MotoQueue()

    with moto_by(lambda: worlds[0].queue_clock_ms() if worlds else NOON_MS):
        assert run(database, seed, queue_of=queue_of).violations == []


@pytest.mark.parametrize("name", [name for name in TIMER_MUTANTS if TIMER_MUTANTS[name].faults])
def test_under_the_faults_that_a_safety_is_for_all_is_well(database: Database, name: str) -> None:
    mutant = TIMER_MUTANTS[name]
    assert run(database, mutant.seeds[0], mutant.faults).violations == []


@pytest.mark.parametrize("name", TIMER_MUTANTS)
def test_without_one_of_the_safeties_a_schedule_fails(database: Database, name: str) -> None:
    mutant = TIMER_MUTANTS[name]
    with mutant.planted(database.table):
        runs = (run(database, seed, mutant.faults) for seed in mutant.seeds)
        found = next((each for each in runs if each.violations), None)
    assert found is not None


def test_without_a_fault_each_expiry_is_announced_once(database: Database) -> None:
    ended = run(database, 3000, [])
    assert ended.violations == []
    assert ended.world.published
