"""The tables of docs/cost.md that are about a month."""

from dataclasses import replace

from benchmarks.markdown import table
from pricing.call_price import PARTS, TRANSFER, total_of
from pricing.deployment import Deployment
from pricing.markdown import bold, dollars
from pricing.platforms import (
    FIXED,
    PLATFORMS,
    million_restores,
    million_starts,
    monthly_bill,
    snapshot_month,
)
from pricing.price_list import PriceList
from pricing.units import Units


def snap_start(units: Units, prices: PriceList, deployment: Deployment) -> str:
    """A version's month, and a million cold starts with and without SnapStart."""
    rows = [
        [
            f"`{name}`",
            "on" if on else "off",
            dollars(snapshot_month(prices, deployment)),
            dollars(million_restores(prices, deployment)),
            dollars(million_starts(name, units, prices, deployment)),
        ]
        for name, on in deployment.snap_start.items()
    ]
    header = [
        "function",
        "default",
        "a version's snapshot, a month",
        "a million restores",
        "a million starts without it",
    ]
    return table(header, rows)


def bills(units: Units, prices: PriceList, deployment: Deployment) -> str:
    """The month of each sample platform."""
    months = [monthly_bill(each, units, prices, deployment) for each in PLATFORMS]
    rows = [[part, *(dollars(bill[part]) for bill in months)] for part in (*PARTS[:-1], *FIXED)]
    totals = [total_of(bill) for bill in months]
    rows.append([bold("total"), *(bold(dollars(each)) for each in totals)])
    without = [
        total_of(monthly_bill(each, units, prices, replace(deployment, timers=False)))
        for each in PLATFORMS
    ]
    rows.append(["total with `Timers=off`", *map(dollars, without)])
    rows.append([TRANSFER, *(dollars(bill[TRANSFER]) for bill in months)])
    a_thousand = (
        1000 * each / platform.sessions_a_month
        for each, platform in zip(totals, PLATFORMS, strict=True)
    )
    rows.append(["total for a thousand sessions", *map(dollars, a_thousand)])
    header = ["dollars a month", *(f"{each.sessions_a_day:,} sessions a day" for each in PLATFORMS)]
    return table(header, rows)
