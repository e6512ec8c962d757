"""The tables of docs/cost.md about timers."""

from benchmarks.markdown import table
from pricing.call_price import MILLION, Parts, price_of_a_million, total_of
from pricing.deployment import Deployment
from pricing.markdown import NOTHING, bold, dollars
from pricing.platforms import sample_session
from pricing.price_list import PriceList
from pricing.timer_life import BY_TTL, MINUTES_PER_HOUR, REMOVAL, STEP, Usual, cost_of_times
from pricing.timer_load import Load, executions_for, steps_a_second_of
from pricing.units import Units

AT_ONCE = (1, 10)
CONCURRENCIES = (10, 20, 100)
STEADY = (Usual(5, 1, 1, 0), Usual(30, 5, 5, 0), Usual(30, 5, 20, 0), Usual(1440, 5, 60, 0))
"""Sessions that are renewed in time: with timeouts of 5 and 30 minutes and of a day."""


def session_hours(units: Units, prices: PriceList, deployment: Deployment) -> str:
    """Dollars per million session-hours, beside those of the renewals."""
    renewal = total_of(price_of_a_million(units.calls["renewal"], prices, deployment))
    rows = []
    for each in STEADY:
        steps, renewals = each.steps_an_hour(), MINUTES_PER_HOUR / each.renewed_every_minutes
        costs = [
            total_of(cost_of_times({STEP: steps * MILLION}, at_once, units, prices, deployment))
            for at_once in AT_ONCE
        ]
        rows.append(
            [
                f"{each.timeout_minutes:,} minutes, {each.renewed_every_minutes}",
                f"{steps:g}",
                *(bold(dollars(cost)) for cost in costs),
                f"{renewals:g}",
                dollars(renewals * renewal),
            ]
        )
    header = [
        "timeout, and minutes from renewal to renewal",
        "messages an hour",
        "timer, one message at once",
        "timer, ten at once",
        "renewals an hour",
        "renewals",
    ]
    return table(header, rows)


def session_life(units: Units, prices: PriceList, deployment: Deployment) -> str:
    """What the timer of a sample session does in its life, per million sessions."""
    times = {**sample_session(deployment).timers(), REMOVAL: 1}

    def costs(done: dict[str, int]) -> list[str]:
        millions = {name: each * MILLION for name, each in done.items()}
        parts: list[Parts] = [
            cost_of_times(millions, at_once, units, prices, deployment) for at_once in AT_ONCE
        ]
        return [dollars(total_of(each)) for each in parts]

    rows = [[name, str(each), *costs({name: each})] for name, each in times.items()]
    rows.append([bold("all of it"), NOTHING, *map(bold, costs(times))])
    rows.append([f"`Timers=off`: {BY_TTL}", "1", *costs({BY_TTL: 1})])
    header = ["dollars per million sessions", "times", "one at once", "ten at once"]
    return table(header, rows)


def concurrencies(units: Units, _: PriceList, deployment: Deployment) -> str:
    """What the timers carry with each concurrency, and take."""
    rows = []
    for each in sorted({deployment.timer_concurrency, *CONCURRENCIES}):
        load = Load(each, units, deployment)
        rows.append(
            [
                f"{each:,}" + (" (default)" if each == deployment.timer_concurrency else ""),
                f"{load.steps_a_second:,.0f}",
                f"{load.live_sessions:,}",
                f"{load.expiries_a_second:,.0f}",
                f"{load.seconds_to_announce(MILLION) / 60:,.1f}",
                f"{load.write_units_a_second:,.0f}",
                f"{load.bus_requests_a_second:,.0f}",
            ]
        )
    header = [
        "`TimerConcurrency`",
        "steps a second",
        "live sessions",
        "expiries a second",
        "minutes for a million at once",
        "write units a second meanwhile",
        "`PutEvents` a second",
    ]
    return table(header, rows)


def steps_of_a_million() -> str:
    """The messages a second of a million sessions."""
    return f"{steps_a_second_of(MILLION):,.0f}"


def executions_of_a_million(units: Units, deployment: Deployment) -> str:
    """The executions at once for a million sessions."""
    return f"{executions_for(MILLION, units, deployment):,.1f}"
