"""What a sample platform pays in a month, by examples that can be computed by hand."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from pricing.deployment import Deployment
from pricing.platforms import Platform, million_restores, monthly_bill, snapshot_month
from pricing.price_list import PriceList
from pricing.timer_life import EXPIRY as EXPIRED
from pricing.timer_life import REMOVAL, START, STEP, WARNING
from tests.support.costs import CALL, DEPLOYMENT, prices, units

LISTED = PriceList.load()
PLATFORM = Platform(1_000, 1)
EXPIRY = replace(CALL, function="G", response_bytes=0, metrics=["Expiries"])
CALLS = {
    "creation with a key": replace(CALL, write_units=8, metrics=["Creations"]),
    "renewal": CALL,
    "read": replace(CALL, write_units=0, read_units=1, metrics=["Reads"]),
    "expiry by TTL, 1 at once": EXPIRY,
}
LEVELS = {"F": "WARN", "G": "WARN"}


def bill(deployment: Deployment = DEPLOYMENT, **usd: float) -> Mapping[str, float]:
    """The bill of 1,000 sessions a day, at these prices alone."""
    with_levels = replace(deployment, system_log_levels=LEVELS)
    return monthly_bill(PLATFORM, units(**CALLS), prices(**usd), with_levels)


def test_a_session_makes_eight_calls_of_the_gateway() -> None:
    assert bill(gatewayRequest=0.5)["gateway"] == pytest.approx(30_000 * 8 * 0.5)


def test_an_expiry_is_an_invocation_more() -> None:
    assert bill(lambdaRequest=1)["Lambda requests"] == pytest.approx(30_000 * 9)


def test_a_sessions_writes_are_its_creation_renewals_and_expiry() -> None:
    assert bill(dynamodbWriteUnit=1)["DynamoDB writes"] == pytest.approx(30_000 * (8 + 6 + 1))


def test_a_session_is_stored_for_its_life_the_retention_and_two_days() -> None:
    # 1,000 sessions a day for 73 hours, each of 1,500 bytes.
    stored_gb = 1_000 * 73 / 24 * 1_500 / 1e9
    assert bill(dynamodbStorageGbMonth=1)["storage"] == pytest.approx(stored_gb)


def test_with_timers_a_session_is_warned_of_and_announced_on_time() -> None:
    timed = replace(CALL, function="G", response_bytes=0, metrics=[], write_units=100)
    own = (START, STEP, WARNING, EXPIRED, REMOVAL)
    calls = CALLS | {f"{name}, 1 at once": timed for name in own}
    deployment = replace(DEPLOYMENT, timers=True, system_log_levels=LEVELS)
    charged = monthly_bill(PLATFORM, units(**calls), prices(dynamodbWriteUnit=1), deployment)
    # A start, four steps, a warning, an expiry and a removal; no expiry by TTL.
    assert charged["DynamoDB writes"] == pytest.approx(30_000 * (8 + 6 + 8 * 100))


def test_without_timers_their_queue_is_not_polled() -> None:
    assert bill(queueRequest=1)["idle timer queue"] == 0


def test_backups_are_of_the_table_alone() -> None:
    stored_gb = 1_000 * 73 / 24 * 1_000 / 1e9
    assert bill(dynamodbPitrGbMonth=1)["continuous backups"] == pytest.approx(stored_gb)


def test_each_metric_is_charged_once() -> None:
    assert bill(metricMonth=1)["custom metrics"] == 4


def test_each_metric_of_an_alarm_is_charged() -> None:
    assert bill(alarmMonth=0.1)["alarms"] == pytest.approx(0.3)


def test_the_dashboard_is_charged() -> None:
    assert bill(dashboardMonth=3)["dashboard"] == 3


def test_each_secret_is_charged() -> None:
    assert bill(secretMonth=0.4)["secret"] == pytest.approx(0.4)


def test_no_snapshot_is_charged_without_snap_start() -> None:
    assert bill(snapStartCacheGbSecond=1)["SnapStart: cached snapshots"] == 0


def test_a_snapshot_is_charged_for_each_function_with_snap_start() -> None:
    on = replace(DEPLOYMENT, snap_start={"F": True, "G": True})
    snapshots = bill(on, snapStartCacheGbSecond=1)["SnapStart: cached snapshots"]
    assert snapshots == pytest.approx(2 * 0.5 * 30 * 86_400)


def test_a_cold_start_is_charged_as_duration() -> None:
    # One call in a thousand; 0.4 s of half a gigabyte.
    starts = 30_000 * 9 / 1_000
    assert bill(lambdaGbSecondArm64=1)["cold starts"] == pytest.approx(starts * 0.2)


def test_a_restore_is_charged_by_its_size() -> None:
    on = replace(DEPLOYMENT, snap_start={"F": True, "G": False})
    restores = 30_000 * 8 / 1_000
    assert bill(on, snapStartRestoredGb=1)["cold starts"] == pytest.approx(restores * 0.5)


def test_a_version_of_half_a_gigabyte_costs_two_dollars_a_month() -> None:
    # 0.5 GB for 2,592,000 seconds.
    assert snapshot_month(LISTED, DEPLOYMENT) == pytest.approx(1_296_000 * 0.0000015046)


def test_a_million_restores_are_of_half_a_million_gigabytes() -> None:
    assert million_restores(LISTED, DEPLOYMENT) == pytest.approx(500_000 * 0.0001397998)
