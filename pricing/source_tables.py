"""The tables of docs/cost.md that show what it is computed from."""

from benchmarks.markdown import table
from pricing.call_price import transferred_bytes
from pricing.markdown import NOTHING, count, text_table
from pricing.price_list import PriceList
from pricing.units import CallUnits, Units


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
        count(call.write_units),
        count(call.read_units),
        count(call.event_chunks),
        f"{call.cpu_ms:.1f}",
        str(call.function_log_bytes),
        str(transferred_bytes(call)) if call.by_gateway else NOTHING,
    ]


def price_table(prices: PriceList) -> str:
    """The price list, and where each price is from."""
    rows = (
        [
            price["name"],
            _price(price["usd"]),
            f"[AWS]({price['page']})",
            price["seen"],
        ]
        for price in prices.prices.values()
    )
    return text_table(["price of", "dollars", "page", "AWS's Price List"], rows)


def _price(amount: float) -> str:
    """A price with all of its digits, and two decimals at least."""
    whole, _, decimals = f"{amount:.10f}".rstrip("0").partition(".")
    return f"${whole}.{decimals.ljust(2, '0')}"
