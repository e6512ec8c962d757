"""A deployment, a price list and units with round figures."""

from pricing.deployment import Deployment
from pricing.price_list import PriceList
from pricing.units import CallUnits, Units

DEPLOYMENT = Deployment(
    memory_mb=512,
    architecture="arm64",
    system_log_levels={"F": "WARN"},
    snap_start={"F": False, "G": False},
    access_log=False,
    access_log_format="$context.requestId",
    log_retention_days=30,
    retention_hours=24,
    alarm_metrics=3,
    dashboards=1,
    secrets=1,
    throttles={"GET /list": 5},
    other_routes_throttle=1000,
    max_read_units=0,
    max_write_units=0,
    timers=False,
    timer_concurrency=10,
    timeout_minutes=30,
    warning_minutes=5,
)

CALL = CallUnits(
    function="F",
    times=1,
    requests={"UpdateItem": 1},
    write_units=1,
    read_units=0,
    refused_writes=0,
    event_chunks=0,
    cpu_ms=2,
    function_log_bytes=400,
    metrics=["Renewals"],
    event_bytes=900,
    response_bytes=500,
)


def prices(**usd: float) -> PriceList:
    """Prices of single units; what is not given costs nothing."""
    named = dict.fromkeys(PriceList.load().prices, 0.0) | usd
    listed = {name: {"usd": price, "per": 1} for name, price in named.items()}
    return PriceList("today", "nowhere", listed)


def units(**calls: CallUnits) -> Units:
    """Units of these calls; a session takes 1,000 bytes of the table, and 500 of the indexes."""
    stored = {"table": 1_000, "indexes": 500}
    starts = {"F": 400.0, "G": 400.0}
    return Units({}, stored, starts, calls, {})
