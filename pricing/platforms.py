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
from pricing.timer_life import BY_TTL, MINUTES_PER_HOUR, REMOVAL, Usual
from pricing.units import Units

SECONDS_PER_MONTH = DAYS_PER_MONTH * 86_400
CALLS_OF_A_SESSION: Mapping[str, int] = {"creation with a key": 1, "renewal": 6, "read": 1}
"""What the API is asked for a session."""

RENEWED_EVERY_MINUTES = 5
TTL_DELAY_HOURS = 48
"""AWS: DynamoDB typically deletes an expired item within two days."""

IDLE_POLLERS, POLL_SECONDS = 5, 20
"""How many requests at a time Lambda has at an idle queue, and an assumption: how long each waits.
AWS says that it polls for the least of five batches, and that no poll waits longer.
"""

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
    "idle timer queue",
)


@dataclass(frozen=True)
class Platform:
    """A number of sessions a day, and how many of them Lambda is told of at once."""

    sessions_a_day: int
    at_once: int

    @property
    def sessions_a_month(self) -> int:
        """The new sessions of a month."""
        return self.sessions_a_day * DAYS_PER_MONTH


PLATFORMS = (
    Platform(1_000, 1),
    Platform(100_000, 1),
    Platform(10_000_000, 10),
)


def monthly_bill(
    platform: Platform, units: Units, prices: PriceList, deployment: Deployment
) -> Parts:
    """What the platform pays in a month, by part; the transfer out is the last."""
    calls = calls_of_a_session(platform, deployment)
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
        idle_queue(prices) if deployment.timers else 0,
    )
    parts = dict(zip(FIXED, fixed, strict=True))
    without_transfer = {part: moving[part] for part in PARTS if part != TRANSFER}
    return without_transfer | parts | {TRANSFER: moving[TRANSFER]}


def sample_session(deployment: Deployment) -> Usual:
    """The session of the sample platforms: renewed for half an hour, and then left to expire."""
    return Usual(
        deployment.timeout_minutes,
        deployment.warning_minutes,
        RENEWED_EVERY_MINUTES,
        CALLS_OF_A_SESSION["renewal"],
    )


def calls_of_a_session(platform: Platform, deployment: Deployment) -> Mapping[str, int]:
    """How often a session leads to each call, and to what comes of itself."""
    own: Mapping[str, int] = {BY_TTL: 1}
    if deployment.timers:
        own = {**sample_session(deployment).timers(), REMOVAL: 1}
    at_once = {f"{name}, {platform.at_once} at once": times for name, times in own.items()}
    return {**CALLS_OF_A_SESSION, **at_once}


def idle_queue(prices: PriceList) -> float:
    """What Lambda's requests to the timers' queue cost in a month in which there is nothing."""
    return prices.usd("queueRequest", IDLE_POLLERS * SECONDS_PER_MONTH / POLL_SECONDS)


def requests_of(name: str, platform: Platform, units: Units, calls: Mapping[str, int]) -> float:
    """How often these calls of the platform invoke their function in a month."""
    return calls[name] * platform.sessions_a_month / units.calls[name].times


def stored_sessions(platform: Platform, deployment: Deployment) -> float:
    """How many sessions are stored at once: the live ones, and those that are not deleted yet."""
    hours = life_hours(deployment) + deployment.retention_hours + TTL_DELAY_HOURS
    return platform.sessions_a_day * hours / 24


def life_hours(deployment: Deployment) -> float:
    """From a sample session's creation to its expiry."""
    session = sample_session(deployment)
    minutes = session.renewed_every_minutes * session.renewals + session.timeout_minutes
    return minutes / MINUTES_PER_HOUR


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
