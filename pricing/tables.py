"""The tables of docs/cost.md."""

from dataclasses import replace

from benchmarks.markdown import table
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
)
from pricing.deployment import Deployment
from pricing.log_lines import SYSTEM_LOG_LEVELS, access_log_line, platform_log_bytes
from pricing.markdown import bold, count, dollars
from pricing.price_list import PriceList
from pricing.units import Units


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
                    count(call.refused_writes),
                    count(call.write_units),
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
