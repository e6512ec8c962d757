"""The tables of docs/cost.md about the worst that callers can do."""

from benchmarks.markdown import table
from pricing.call_price import longest_ms, price_of_a_million, transferred_bytes
from pricing.deployment import Deployment
from pricing.markdown import NOTHING, bold, count, dollars
from pricing.price_list import PriceList
from pricing.units import Units
from pricing.worst_cases import (
    SECONDS_PER_DAY,
    WorstCase,
    dearest_of_each_route,
    most_units,
    price_of_a_day,
    worst_cases,
)

HOURS_PER_DAY = 24
NEW_TABLE_READS, NEW_TABLE_WRITES = 12_000, 4_000
PARTITION_READS, PARTITION_WRITES = 3_000, 1_000
"""AWS: what a new table on demand takes a second, and what a partition does, which has an item."""


def worst_costs(units: Units, prices: PriceList, deployment: Deployment) -> str:
    """The dearest request of each route, and what its throttle lets through in a day."""
    cases = worst_cases(units, deployment)
    days = [sum(price_of_a_day([each], prices, deployment).values()) for each in cases]
    rows = [
        [
            case.route.measured,
            f"{case.a_second:,}",
            sum(case.call.requests.values()),
            count(case.call.write_units),
            count(case.call.read_units),
            f"{longest_ms(case.call, deployment):,}",
            f"{transferred_bytes(case.call):,}",
            dollars(sum(price_of_a_million(case.call, prices, deployment).values())),
            dollars(day / HOURS_PER_DAY),
            bold(dollars(day)),
        ]
        for case, day in zip(cases, days, strict=True)
    ]
    header = [
        "dearest request",
        "limit, a second",
        "requests to DynamoDB",
        "write units",
        "read units",
        "at most, ms",
        "bytes out",
        "dollars per million",
        "dollars an hour",
        "dollars a day",
    ]
    return table(header, rows)


def dearest_day(units: Units, prices: PriceList, deployment: Deployment) -> str:
    """What a day costs in which every route is flooded with its dearest request."""
    cases = dearest_of_each_route(worst_cases(units, deployment), prices, deployment)
    return f"${sum(price_of_a_day(cases, prices, deployment).values()):,.0f}"


def most_units_of_a_day(_: Units, prices: PriceList, deployment: Deployment) -> str:
    """What a day costs in which the table takes all the units that it may."""
    reads, writes = most_units(deployment)
    read_price = prices.usd("dynamodbReadUnit", reads * SECONDS_PER_DAY)
    write_price = prices.usd("dynamodbWriteUnit", writes * SECONDS_PER_DAY)
    return (
        f"{reads:,} read units a second (${read_price:,.0f} a day) "
        f"and {writes:,} write units (${write_price:,.0f})"
    )


def worst_loads(units: Units, _: PriceList, deployment: Deployment) -> str:
    """What each route at its limit takes of the table and of Lambda."""
    rows = [_load_row(case, deployment) for case in worst_cases(units, deployment)]
    header = [
        "dearest request",
        "limit, a second",
        "write units a second",
        "read units a second",
        "as many a second use up a new table",
        "and one partition",
        "executions at once",
    ]
    return table(header, rows)


def _load_row(case: WorstCase, deployment: Deployment) -> list[str]:
    return [
        case.route.measured,
        f"{case.a_second:,}",
        _units(case.write_units_a_second),
        _units(case.read_units_a_second),
        _enough(case, NEW_TABLE_WRITES, NEW_TABLE_READS),
        NOTHING if case.route.is_list else _enough(case, PARTITION_WRITES, PARTITION_READS),
        f"{case.concurrency(deployment):,.0f}",
    ]


def _units(a_second: float) -> str:
    return f"{a_second:,.0f}" if a_second else NOTHING


def _enough(case: WorstCase, writes: int, reads: int) -> str:
    """How many requests a second take all of so many units, whichever are used up first."""
    call = case.call
    enough = [
        available / taken
        for available, taken in ((writes, call.write_units), (reads, call.read_units))
        if taken
    ]
    return f"{min(enough):,.1f}" if enough else NOTHING
