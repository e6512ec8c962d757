"""How the figures of the benchmarks are computed."""

from typing import Any

import pytest

from benchmarks.contention_runs import (
    DRIVERS,
    REPEATS,
    WORKERS,
    Setting,
    figures,
    lost_updates,
    shuffled_settings,
)
from benchmarks.implementations import MODULES, THIS_PROJECT
from benchmarks.spread import extremes, percentile, quartiles, ratios
from tests.support.measured_runs import share

ONE_SESSION = Setting(THIS_PROJECT, 16, one_session=True)


@pytest.mark.parametrize(
    ("values", "of", "expected"),
    [
        ([7], 0.99, 7),
        ([4, 1, 3, 2], 0.5, 2),
        ([4, 1, 3, 2], 0.51, 3),
        (range(1, 101), 0.99, 99),
        (range(1, 101), 0.07, 7),
        (range(1, 101), 1, 100),
        (range(1, 1001), 0.999, 999),
    ],
)
def test_a_percentile_is_the_value_of_the_nearest_rank(
    values: Any, of: float, expected: float
) -> None:
    assert percentile([*values], of) == expected


@pytest.mark.parametrize(("values", "of"), [([], 0.5), ([1], 0), ([1], 1.1)])
def test_a_percentile_of_nothing_is_refused(values: list[float], of: float) -> None:
    with pytest.raises(ValueError, match="a percentile needs"):
        percentile(values, of)


def test_one_slow_round_does_not_move_the_quartiles() -> None:
    spread = quartiles([1.0, 1.1, 1.2, 1.3, 90.0])
    assert (spread.low, spread.median, spread.high) == (1.1, 1.2, 1.3)


def test_the_extremes_are_the_least_and_the_greatest() -> None:
    spread = extremes([3, 1, 2])
    assert (spread.low, spread.median, spread.high) == (1, 2, 3)


def test_a_ratio_is_taken_within_its_round() -> None:
    assert ratios([2, 30], to=[1, 10]) == [2, 3]


def test_a_round_without_its_counterpart_is_refused() -> None:
    with pytest.raises(ValueError, match="zip"):
        ratios([1, 2], to=[1])


@pytest.mark.parametrize(("growth", "lost"), [(100, 0), (97, 3), (102, -2)])
def test_what_was_answered_and_not_counted_is_lost(growth: int, lost: int) -> None:
    assert lost_updates(renewed=100, growth=growth) == lost


def test_a_run_adds_up_what_its_drivers_did() -> None:
    shares = [
        share({200: 3, 503: 1}, [1.0, 2.0, 3.0], requests=20),
        share({200: 1, 500: 2}, [400.0], requests=8, ended_at=14.0),
    ]
    assert figures(ONE_SESSION, shares, growth=3) == {
        "implementation": THIS_PROJECT,
        "workers": 16,
        "oneSession": True,
        "renewed": 4,
        "perSecond": 1.0,  # in four seconds: the last answer came at the 14th
        "requestsPerSuccess": 7.0,
        "p50Ms": 2.0,
        "p99Ms": 400.0,
        "lost": 1,
        "failures": {"500": 2, "503": 1},
    }


def test_percentiles_are_of_all_drivers_together() -> None:
    fast, slow = share({200: 150}, [1.0] * 150), share({200: 50}, [5.0] * 45 + [9.0] * 5)
    run = figures(ONE_SESSION, [fast, slow], growth=200)
    assert (run["p50Ms"], run["p99Ms"]) == (1, 9)


def test_only_the_time_of_successes_counts() -> None:
    added = share({}, [])
    added.add(200, started_at=10.0, ended_at=10.5)
    added.add(503, started_at=10.0, ended_at=19.0)
    assert added.latencies_ms == [500]
    assert added.statuses == {200: 1, 503: 1}
    assert added.ended_at == 19


@pytest.mark.parametrize("workers", WORKERS)
def test_each_worker_is_in_one_driver(workers: int) -> None:
    shares = Setting(THIS_PROJECT, workers, one_session=False).shares
    assert len(shares) == min(workers, DRIVERS)
    assert len({session for ids in shares for session in ids}) == workers
    assert sum(map(len, shares)) == workers


def test_workers_on_one_session_share_it() -> None:
    assert {session for ids in ONE_SESSION.shares for session in ids} == {"contended-0"}


def test_each_repeat_has_every_setting_once() -> None:
    plan = shuffled_settings(seed=1)
    settings = len(MODULES) * len(WORKERS) * 2
    repeats = [plan[first : first + settings] for first in range(0, len(plan), settings)]
    assert len(repeats) == REPEATS
    assert all(set(each) == set(plan) and len(set(each)) == settings for each in repeats)


def test_a_seed_repeats_an_order_that_differs_by_repeat() -> None:
    plan = shuffled_settings(seed=1)
    assert plan == shuffled_settings(seed=1)
    assert plan != shuffled_settings(seed=2)
    settings = len(plan) // REPEATS
    assert plan[:settings] != plan[settings : 2 * settings]
