"""Who can cost how much: each route's dearest request, as often as its throttle lets it through."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from api.collection_routes import MAX_PAGE_BYTES
from api.responses import MAX_REQUEST_SECONDS
from pricing.call_price import MILLION, PARTS, Parts, longest_ms, price_of_a_million
from pricing.deployment import Deployment
from pricing.price_list import PriceList
from pricing.units import CallUnits, Units
from storage.session_listing import MAX_READS

SECONDS_PER_DAY = 86_400
TABLE_QUOTA = 40_000
"""AWS's default quota of a table: read units a second, and as many write units."""

SESSIONS = "/api/messaging/sessions"
SESSION = f"{SESSIONS}/{{sessionId}}"


@dataclass(frozen=True)
class Route:
    """A route, by its key, and what was measured of its dearest request; of a list, one read."""

    key: str
    measured: str
    is_list: bool = False


ROUTES = (
    Route(f"GET {SESSIONS}", "list of a user", is_list=True),
    Route(f"GET {SESSIONS}", "list of everyone", is_list=True),
    Route(f"POST {SESSIONS}", "creation"),
    Route(f"POST {SESSION}/renew", "renewal"),
    Route(f"POST {SESSION}/heartbeat", "heartbeat"),
    Route(f"PATCH {SESSION}/timeout", "change of the timeout"),
    Route(f"DELETE {SESSION}", "deletion"),
    Route(f"GET {SESSION}", "read"),
    Route(f"GET {SESSIONS}/health", "health check"),
)


@dataclass(frozen=True)
class WorstCase:
    """The dearest request of a route, and how often a second the route lets it through."""

    route: Route
    call: CallUnits
    a_second: int

    @property
    def read_units_a_second(self) -> float:
        """What the table would have to take, if it could."""
        return self.a_second * self.call.read_units

    @property
    def write_units_a_second(self) -> float:
        """The same of write units."""
        return self.a_second * self.call.write_units

    def concurrency(self, deployment: Deployment) -> float:
        """How many executions go on at once, by Little's law."""
        return self.a_second * longest_ms(self.call, deployment) / 1000


def worst_cases(units: Units, deployment: Deployment) -> list[WorstCase]:
    """That of each route."""
    return [
        WorstCase(
            route,
            dearest_request(route, units),
            deployment.throttles.get(route.key, deployment.other_routes_throttle),
        )
        for route in ROUTES
    ]


def dearest_request(route: Route, units: Units) -> CallUnits:
    """What was measured or, of a list, all of its reads and the largest page that there is.

    How long such a list takes was not measured: as long as a request may.
    """
    measured = units.worst_calls[route.measured]
    if not route.is_list:
        return measured
    return replace(
        measured,
        requests={name: MAX_READS * made for name, made in measured.requests.items()},
        read_units=MAX_READS * measured.read_units,
        cpu_ms=1000 * MAX_REQUEST_SECONDS,
        response_bytes=MAX_PAGE_BYTES,
    )


def most_units(deployment: Deployment) -> tuple[int, int]:
    """The read units and the write units that the table takes a second at most."""
    maxima = (deployment.max_read_units, deployment.max_write_units)
    reads, writes = (min(each or TABLE_QUOTA, TABLE_QUOTA) for each in maxima)
    return reads, writes


def price_of_a_day(cases: Sequence[WorstCase], prices: PriceList, deployment: Deployment) -> Parts:
    """What a day costs with all of them at once, by part.

    The table takes no more units than its maximum or its quota.
    """
    reads = sum(each.read_units_a_second for each in cases)
    writes = sum(each.write_units_a_second for each in cases)
    most_reads, most_writes = most_units(deployment)
    taken = {
        "DynamoDB reads": min(1, most_reads / reads) if reads else 1,
        "DynamoDB writes": min(1, most_writes / writes) if writes else 1,
    }
    return {
        part: taken.get(part, 1) * sum(_day(each, prices, deployment)[part] for each in cases)
        for part in PARTS
    }


def _day(case: WorstCase, prices: PriceList, deployment: Deployment) -> Parts:
    millions = case.a_second * SECONDS_PER_DAY / MILLION
    parts = price_of_a_million(case.call, prices, deployment)
    return {part: millions * cost for part, cost in parts.items()}


def dearest_of_each_route(
    cases: Sequence[WorstCase], prices: PriceList, deployment: Deployment
) -> list[WorstCase]:
    """One for each route: two lists share a route's limit."""
    dearest: dict[str, WorstCase] = {}
    for case in sorted(cases, key=lambda each: sum(_day(each, prices, deployment).values())):
        dearest[case.route.key] = case
    return list(dearest.values())
