"""What sample platforms pay in a month."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce

from pricing.call_price import (
    BYTES_PER_GB,
    DAYS_PER_MONTH,
    MB_PER_GB,
    MILLION,
    PARTS,
    TRANSFER,
    Parts,
    Usage,
    cost_of,
    duration_price,
    gb_seconds,
    usage_of,
)
from pricing.deployment import Deployment
from pricing.price_list import PriceList
from pricing.units import Units

SECONDS_PER_MONTH = DAYS_PER_MONTH * 86_400
CALLS_OF_A_SESSION: Mapping[str, int] = {"creation with a key": 1, "renewal": 6, "read": 1}
"""A session of half an hour that is renewed every five minutes, read once, and left to expire."""

LIFE_HOURS = 0.5
TTL_DELAY_HOURS = 48
"""AWS: DynamoDB typically deletes an expired item within two days."""

COLD_SHARE = 0.001
"""An assumption: of the requests. AWS says that cold starts are "typically" under 1%."""

FIXED = (
    "storage",
    "continuous backups",
    "custom metrics",
    "alarms",
    "dashboard",
    "secret",
    "SnapStart: cached snapshots",
    "cold starts",
)


@dataclass(frozen=True)
class Platform:
    """A number of sessions a day, and how many of them Lambda is told of at once when they end."""

    sessions_a_day: int
    expiry: str

    @property
    def sessions_a_month(self) -> int:
        """The new sessions of a month."""
        return self.sessions_a_day * DAYS_PER_MONTH


PLATFORMS = (
    Platform(1_000, "expiry, 1 at once"),
    Platform(100_000, "expiry, 1 at once"),
    Platform(10_000_000, "expiry, 10 at once"),
)


def monthly_bill(
    platform: Platform, units: Units, prices: PriceList, deployment: Deployment
) -> Parts:
    """What the platform pays in a month, by part; the transfer out is the last."""
    calls = {**CALLS_OF_A_SESSION, platform.expiry: 1}
    usages = (
        usage_of(units.calls[name], deployment, times * platform.sessions_a_month)
        for name, times in calls.items()
    )
    usage = reduce(Usage.__add__, usages)
    moving = cost_of(usage, prices, deployment)
    metrics = {metric for name in calls for metric in units.calls[name].metrics}
    stored_gb = {
        part: size * stored_sessions(platform, deployment) / BYTES_PER_GB
        for part, size in units.stored_bytes.items()
    }
    fixed = (
        prices.usd("dynamodbStorageGbMonth", sum(stored_gb.values())),
        prices.usd("dynamodbPitrGbMonth", stored_gb["table"]),
        prices.usd("metricMonth", len(metrics)),
        prices.usd("alarmMonth", deployment.alarm_metrics),
        prices.usd("dashboardMonth", deployment.dashboards),
        prices.usd("secretMonth", deployment.secrets),
        cached_snapshots(prices, deployment),
        sum(
            COLD_SHARE
            * requests_of(name, platform, units, calls)
            * cold_start(units.calls[name].function, units, prices, deployment)
            / MILLION
            for name in calls
        ),
    )
    parts = dict(zip(FIXED, fixed, strict=True))
    without_transfer = {part: moving[part] for part in PARTS if part != TRANSFER}
    return without_transfer | parts | {TRANSFER: moving[TRANSFER]}


def requests_of(name: str, platform: Platform, units: Units, calls: Mapping[str, int]) -> float:
    """How often these calls of the platform invoke their function in a month."""
    return calls[name] * platform.sessions_a_month / units.calls[name].times


def stored_sessions(platform: Platform, deployment: Deployment) -> float:
    """How many sessions are stored at once: the live ones, and those that are not deleted yet."""
    hours = LIFE_HOURS + deployment.retention_hours + TTL_DELAY_HOURS
    return platform.sessions_a_day * hours / 24


def cached_snapshots(prices: PriceList, deployment: Deployment) -> float:
    """What the snapshots of the current versions cost in a month."""
    return sum(deployment.snap_start.values()) * snapshot_month(prices, deployment)


def snapshot_month(prices: PriceList, deployment: Deployment) -> float:
    """What the snapshot of one version costs in a month."""
    gigabytes = deployment.memory_mb / MB_PER_GB
    return prices.usd("snapStartCacheGbSecond", gigabytes * SECONDS_PER_MONTH)


def cold_start(function: str, units: Units, prices: PriceList, deployment: Deployment) -> float:
    """What a million cold starts of the function cost: restores with SnapStart, else its start."""
    if deployment.snap_start[function]:
        return million_restores(prices, deployment)
    return million_starts(function, units, prices, deployment)


def million_restores(prices: PriceList, deployment: Deployment) -> float:
    """What a million restores cost by their size. The time that they take is billed besides."""
    return prices.usd("snapStartRestoredGb", MILLION * deployment.memory_mb / MB_PER_GB)


def million_starts(function: str, units: Units, prices: PriceList, deployment: Deployment) -> float:
    """What a million starts cost: since August 2025, Lambda bills their duration.

    It is taken to be the CPU time where it was measured: Lambda gives a start more CPU.
    """
    milliseconds = units.start_cpu_ms[function]
    name = duration_price(deployment)
    return prices.usd(name, MILLION * gb_seconds(milliseconds, deployment))
