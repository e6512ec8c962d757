"""What callers can make the stack cost, by examples that can be computed by hand."""

from dataclasses import replace
from typing import Any

import pytest

from api.collection_routes import MAX_PAGE_BYTES
from pricing.deployment import Deployment
from pricing.price_list import PriceList
from pricing.units import Units
from pricing.worst_case_tables import dearest_day, worst_loads
from pricing.worst_cases import (
    ROUTES,
    Route,
    WorstCase,
    dearest_of_each_route,
    dearest_request,
    most_units,
    price_of_a_day,
    worst_cases,
)
from storage.session_listing import MAX_READS
from tests.support.costs import CALL, DEPLOYMENT, prices

LISTS, RENEWALS = Route("GET /list", "lists", is_list=True), Route("POST /renew", "renewals")
READ = replace(CALL, requests={"Query": 1}, write_units=0, read_units=100)
UNITS = Units({}, {}, {}, {}, {"lists": READ, "renewals": CALL})


def case(a_second: int, route: Route = RENEWALS, **changes: Any) -> WorstCase:
    """So many calls a second, each with these changes."""
    return WorstCase(route, replace(CALL, **changes), a_second)


def day(*cases: WorstCase, deployment: Deployment = DEPLOYMENT, **usd: float) -> float:
    """What a day of them costs, at these prices alone."""
    return sum(price_of_a_day(cases, prices(**usd), deployment).values())


def test_a_list_makes_all_of_its_reads() -> None:
    request = dearest_request(LISTS, UNITS)
    assert (request.requests, request.read_units) == ({"Query": MAX_READS}, 100 * MAX_READS)


def test_a_list_fills_the_largest_page() -> None:
    assert dearest_request(LISTS, UNITS).response_bytes == MAX_PAGE_BYTES


def test_another_request_is_as_it_was_measured() -> None:
    assert dearest_request(RENEWALS, UNITS) == CALL


def test_a_day_has_as_many_calls_as_the_throttle_lets_through() -> None:
    assert day(case(5), lambdaRequest=1) == pytest.approx(5 * 86_400)


def test_a_day_has_the_transfer_out_in_it() -> None:
    assert day(case(1), transferredGb=1) > 0


def test_the_table_takes_no_more_than_its_quota() -> None:
    flood = case(1000, write_units=80)
    assert day(flood, dynamodbWriteUnit=1) == pytest.approx(40_000 * 86_400)


def test_all_routes_together_take_no_more_than_the_quota() -> None:
    flood = [case(1000, write_units=30)] * 2
    assert day(*flood, dynamodbWriteUnit=1) == pytest.approx(40_000 * 86_400)


def test_the_table_takes_no_more_than_a_maximum() -> None:
    limited = replace(DEPLOYMENT, max_read_units=4_000)
    flood = case(1000, write_units=0, read_units=5)
    assert day(flood, deployment=limited, dynamodbReadUnit=1) == pytest.approx(4_000 * 86_400)


def test_a_maximum_beyond_the_quota_bounds_nothing() -> None:
    assert most_units(replace(DEPLOYMENT, max_write_units=90_000)) == (40_000, 40_000)


def test_a_throttled_call_is_charged_for_all_but_its_units() -> None:
    flood = case(1000, write_units=80)
    assert day(flood, lambdaRequest=1) == pytest.approx(1000 * 86_400)


def test_two_lists_share_the_limit_of_their_route() -> None:
    cheap, dear = case(5, LISTS), case(5, LISTS, read_units=9_000)
    dearest = dearest_of_each_route([dear, cheap, case(1)], PriceList.load(), DEPLOYMENT)
    assert {each.route: each for each in dearest} == {LISTS: dear, RENEWALS: case(1)}


def test_executions_at_once_are_the_rate_times_the_duration() -> None:
    # 2 ms at 512/1,769 of a CPU and 5 ms for the reply are 12 ms.
    assert case(1000).concurrency(DEPLOYMENT) == pytest.approx(12)


def test_a_route_without_a_limit_of_its_own_has_that_of_the_others() -> None:
    units = Units({}, {}, {}, {}, dict.fromkeys((route.measured for route in ROUTES), CALL))
    limits = {f"{each.route.key}": each.a_second for each in worst_cases(units, DEPLOYMENT)}
    assert set(limits.values()) == {DEPLOYMENT.other_routes_throttle}


def test_the_shown_loads_are_those_of_a_new_table_and_a_partition() -> None:
    worst = dict.fromkeys((route.measured for route in ROUTES), replace(CALL, write_units=28))
    shown = worst_loads(Units({}, {}, {}, {}, worst), prices(), DEPLOYMENT)
    assert "| creation | 1,000 | 28,000 | - | 142.9 | 35.7 | 12 |" in shown


def test_the_dearest_day_is_in_whole_dollars() -> None:
    worst = dict.fromkeys((route.measured for route in ROUTES), CALL)
    routes = len({route.key for route in ROUTES})
    shown = dearest_day(Units({}, {}, {}, {}, worst), prices(lambdaRequest=1), DEPLOYMENT)
    assert shown == f"${routes * 1000 * 86_400:,}"
