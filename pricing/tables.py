"""The tables of docs/cost.md."""

from collections.abc import Iterable
from dataclasses import replace

from pricing.call_price import (
    BYTES_PER_GB,
    MILLION,
    PARTS,
    TRANSFER,
    Parts,
    duration_price,
    gb_seconds,
    log_price,
    longest_ms,
    price_of_a_million,
    shortest_ms,
    total_of,
    transferred_bytes,
)
from pricing.deployment import Deployment
from pricing.log_lines import SYSTEM_LOG_LEVELS, access_log_line, platform_log_bytes
from pricing.markdown import NOTHING, bold, dollars, table, text_table
from pricing.platforms import (
    FIXED,
    PLATFORMS,
    million_restores,
    million_starts,
    monthly_bill,
    snapshot_month,
)
from pricing.price_list import PriceList
from pricing.units import CallUnits, Units


def is_unusual(name: str) -> bool:
    """Whether the call is refused, replayed, or needs a second write."""
    return any(word in name for word in ("refused", "replayed", "maximum", "without"))


def calls_by_part(units: Units, prices: PriceList, deployment: Deployment) -> str:
    """Dollars per million calls."""
    costs = {
        name: price_of_a_million(call, prices, deployment)
        for name, call in units.calls.items()
        if not is_unusual(name)
    }
    header = ["dollars per million", *PARTS[:-1], "total", TRANSFER]
    return table(header, (_row(name, parts) for name, parts in costs.items()))


def _row(name: str, parts: Parts) -> list[str]:
    amounts = [dollars(parts[part]) for part in PARTS[:-1]]
    return [name, *amounts, bold(dollars(total_of(parts))), dollars(parts[TRANSFER])]


def refusals(units: Units, prices: PriceList, deployment: Deployment) -> str:
    """Refusals, replays and calls of two writes."""
    rows = []
    for name, call in units.calls.items():
        if is_unusual(name):
            parts = price_of_a_million(call, prices, deployment)
            rows.append(
                [
                    name,
                    f"{sum(call.requests.values())}",
                    f"{call.refused_writes or NOTHING}",
                    _number(call.write_units),
                    dollars(parts["DynamoDB writes"]),
                    bold(dollars(total_of(parts))),
                ]
            )
    header = ["call", "requests", "refused writes", "write units", "their price", "total"]
    return table(header, rows)


def durations(units: Units, prices: PriceList, deployment: Deployment) -> str:
    """Both bounds of the billed duration."""
    rows = []
    for name in ("renewal", "creation with a key", "read", "list of a user, 50 sessions"):
        call = units.calls[name]
        row = [name, f"{call.cpu_ms:.1f}"]
        for milliseconds in (shortest_ms(call), longest_ms(call, deployment)):
            used = MILLION * gb_seconds(milliseconds, deployment)
            row += [str(milliseconds), dollars(prices.usd(duration_price(deployment), used))]
        rows.append(row)
    header = ["call", "CPU, ms", "at least, ms", "per million", "at most, ms", "per million"]
    return table(header, rows)


def log_bytes_of_a_renewal(units: Units, deployment: Deployment) -> int:
    """The bytes that the function, Lambda and the gateway log of a renewal."""
    call = units.calls["renewal"]
    gateway = len(access_log_line(deployment.access_log_format)) * deployment.access_log
    lambda_bytes = platform_log_bytes(deployment.system_log_levels[call.function])
    return call.function_log_bytes + lambda_bytes + gateway


def log_settings(units: Units, prices: PriceList, deployment: Deployment) -> str:
    """What each log adds to a renewal, whichever is the default."""
    call = units.calls["renewal"]
    current = deployment.system_log_levels[call.function]
    logs = [("the function's own", True, call.function_log_bytes)]
    logs += [
        (f"Lambda's, at system log level {level}", level == current, platform_log_bytes(level))
        for level in SYSTEM_LOG_LEVELS
    ]
    line = access_log_line(deployment.access_log_format)
    logs.append(("the gateway's access log", deployment.access_log, len(line)))
    rows = (
        [
            name,
            "yes" if default else "no",
            str(size),
            dollars(log_price(MILLION * size / BYTES_PER_GB, prices, deployment)),
        ]
        for name, default, size in logs
    )
    return table(["log of a renewal", "default", "bytes", "dollars per million"], rows)


def processors(units: Units, prices: PriceList, deployment: Deployment) -> str:
    """The duration of a million renewals on each processor, of the same length on both."""
    call = units.calls["renewal"]
    costs = (
        price_of_a_million(call, prices, replace(deployment, architecture=name))
        for name in ("arm64", "x86_64")
    )
    arm64, x86_64 = (parts["Lambda duration"] for parts in costs)
    return f"${arm64:.3f} on arm64, and ${x86_64:.3f} on x86_64"


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
    rows.append([TRANSFER, *(dollars(bill[TRANSFER]) for bill in months)])
    a_thousand = (
        1000 * each / platform.sessions_a_month
        for each, platform in zip(totals, PLATFORMS, strict=True)
    )
    rows.append(["total for a thousand sessions", *map(dollars, a_thousand)])
    header = ["dollars a month", *(f"{each.sessions_a_day:,} sessions a day" for each in PLATFORMS)]
    return table(header, rows)


def call_units(units: Units) -> str:
    """Everything that was measured of each call."""
    rows = (_units_row(name, call) for name, call in units.calls.items())
    header = [
        "an invocation",
        "requests",
        "write units",
        "read units",
        "events",
        "CPU, ms",
        "log, bytes",
        "response, bytes",
    ]
    return table(header, rows)


def _units_row(name: str, call: CallUnits) -> list[str]:
    requests = ", ".join(
        operation if count == 1 else f"{count} {operation}"
        for operation, count in call.requests.items()
    )
    return [
        name,
        requests or NOTHING,
        _number(call.write_units),
        _number(call.read_units),
        _number(call.event_chunks),
        f"{call.cpu_ms:.1f}",
        str(call.function_log_bytes),
        str(transferred_bytes(call)) if call.by_gateway else NOTHING,
    ]


def price_table(prices: PriceList) -> str:
    """The price list, where each price is from, and whether it was confirmed."""
    rows = (
        [
            price["name"],
            _price(price["usd"]),
            f"[AWS]({price['page']})",
            price["seen"],
            price["copy"] if price["confirmed"] else f"{price['copy']}, not confirmed",
        ]
        for price in prices.prices.values()
    )
    listed = text_table(["price of", "dollars", "page", "AWS's Price List", "copy"], rows)
    return f"{listed}\n\n{_copies(prices)}"


def _copies(prices: PriceList) -> str:
    lines: Iterable[str] = (
        f"- {name}: <{copy['url']}>, {copy['says']}" for name, copy in prices.copies.items()
    )
    return "\n".join(lines)


def _price(amount: float) -> str:
    """A price with all of its digits, and two decimals at least."""
    whole, _, decimals = f"{amount:.10f}".rstrip("0").partition(".")
    return f"${whole}.{decimals.ljust(2, '0')}"


def _number(amount: float) -> str:
    return f"{amount:g}" if amount else NOTHING
