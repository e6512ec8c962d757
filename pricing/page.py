"""The page docs/cost.md, made of the units, the prices and the template."""

from collections.abc import Callable, Mapping
from pathlib import Path

from pricing.call_price import (
    MILLION,
    TRANSFER,
    Parts,
    longest_ms,
    price_of_a_million,
    total_of,
)
from pricing.deployment import Deployment
from pricing.monthly_tables import bills, snap_start
from pricing.platforms import idle_queue
from pricing.price_list import PriceList
from pricing.source_tables import call_units, price_table
from pricing.tables import (
    calls_by_part,
    durations,
    log_bytes_of_a_renewal,
    log_settings,
    processors,
    refusals,
)
from pricing.timer_life import STEP
from pricing.timer_load import Load
from pricing.timer_tables import (
    concurrencies,
    executions_of_a_million,
    session_hours,
    session_life,
    steps_of_a_million,
)
from pricing.units import Units
from pricing.worst_case_tables import dearest_day, most_units_of_a_day, worst_costs, worst_loads

TEXT = Path(__file__).parent / "cost.md.template"

CHARTED = (
    "renewal",
    "heartbeat that renews",
    "creation",
    "creation with a key",
    "read",
    "change of the timeout",
    "deletion",
    "list of a user, 50 sessions",
    "list of everyone, 50 sessions",
    "timer start, 10 at once",
    "timer step, 1 at once",
    "timer step, 10 at once",
    "warning, 10 at once",
    "expiry on time, 10 at once",
    "expiry by TTL, 10 at once",
)

Section = Callable[[Units, PriceList, Deployment], str]

SECTIONS: Mapping[str, Section] = {
    "calls": calls_by_part,
    "refusals": refusals,
    "durations": durations,
    "logs": log_settings,
    "processors": processors,
    "snap start": snap_start,
    "session hours": session_hours,
    "session life": session_life,
    "concurrencies": concurrencies,
    "bills": bills,
    "worst costs": worst_costs,
    "dearest day": dearest_day,
    "most units": most_units_of_a_day,
    "worst loads": worst_loads,
    "units": lambda units, *_: call_units(units),
    "prices": lambda _, prices, __: price_table(prices),
}


def render(units: Units, prices: PriceList, deployment: Deployment) -> str:
    """The whole page: the text in pricing/cost.md.template with its blanks filled in."""
    renewal = price_of_a_million(units.calls["renewal"], prices, deployment)
    total = total_of(renewal)
    filled = {
        "date": prices.date,
        "region": prices.region,
        "measured": units.provenance["date"],
        "measured with": ", ".join(
            f"{name} {value}" for name, value in units.provenance.items() if name != "date"
        ),
        "renewal": f"${total:.2f}",
        "least": f"${least(renewal):.3f}",
        "with transfer": f"${total + renewal[TRANSFER]:.2f}",
        "log bytes": str(log_bytes_of_a_renewal(units, deployment)),
        "idle queue": f"${idle_queue(prices):.2f}",
        "steps a second": steps_of_a_million(),
        "executions": executions_of_a_million(units, deployment),
        "carried": f"{Load(deployment.timer_concurrency, units, deployment).live_sessions:,}",
        "batch": str(longest_ms(units.calls[f"{STEP}, 10 at once"], deployment)),
        "concurrency": str(deployment.timer_concurrency),
        "memory": str(deployment.memory_mb),
        "architecture": deployment.architecture,
        "dead letter": f"${prices.usd('queueRequest', MILLION):.2f}",
        "retention": str(deployment.log_retention_days),
        **{
            name: section(units, prices, deployment).rstrip("\n")
            for name, section in SECTIONS.items()
        },
    }
    text = TEXT.read_text()
    for name, value in filled.items():
        blank = f"{{{{{name}}}}}"
        if blank not in text:
            raise ValueError(f"pricing/cost.md.template has no {blank}")
        text = text.replace(blank, value)
    return text


def least(parts: Parts) -> float:
    """What no log and no millisecond can change: the gateway, Lambda's request, the write."""
    return parts["gateway"] + parts["Lambda requests"] + parts["DynamoDB writes"]


def charted(units: Units, prices: PriceList, deployment: Deployment) -> Mapping[str, Parts]:
    """The bars of docs/cost.svg."""
    return {name: price_of_a_million(units.calls[name], prices, deployment) for name in CHARTED}
