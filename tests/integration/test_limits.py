"""The parameters that bound what calls may cost and how much of the account they may take."""

from typing import Any

import pytest

from tests.support.deployed_template import Deployment

THROTTLES = {
    "POST /api/messaging/sessions/{sessionId}/renew": "Renewal",
    "POST /api/messaging/sessions": "Creation",
    "GET /api/messaging/sessions": "List",
    "GET /api/messaging/sessions/health": "Health",
}
"""The routes with a throttle of their own, and how the names of its parameters begin."""

RESERVED = {"RenewFunction": "Renew", "SessionsFunction": "Sessions"}
STACK = Deployment()


def stage(deployment: Deployment) -> dict[str, Any]:
    """The only stage of the API."""
    ((_, properties),) = deployment.of_type("AWS::ApiGatewayV2::Stage").items()
    return properties


def reserved(deployment: Deployment) -> dict[str, Any]:
    """The reserved concurrency of each function that has one."""
    functions = deployment.of_type("AWS::Lambda::Function")
    return {
        name: properties["ReservedConcurrentExecutions"]
        for name, properties in functions.items()
        if "ReservedConcurrentExecutions" in properties
    }


def table_and_indexes(deployment: Deployment) -> list[dict[str, Any]]:
    """All that has a throughput of its own."""
    table = deployment.properties("SessionsTable")
    return [table, *table["GlobalSecondaryIndexes"]]


def test_each_throttled_route_is_one_that_the_api_has() -> None:
    routes = {f"{method} {path}" for method, path in STACK.routes()}
    assert stage(STACK)["RouteSettings"].keys() == THROTTLES.keys()
    assert routes >= THROTTLES.keys()


@pytest.mark.parametrize(("route", "name"), THROTTLES.items())
def test_a_throttle_of_a_route_is_a_parameter(route: str, name: str) -> None:
    parameters = {f"{name}ThrottlingRateLimit": "7", f"{name}ThrottlingBurstLimit": "8"}
    settings = stage(Deployment(parameters))["RouteSettings"]
    assert settings.pop(route) == {"ThrottlingRateLimit": "7", "ThrottlingBurstLimit": "8"}
    assert settings.items() <= stage(STACK)["RouteSettings"].items()


def test_all_other_routes_share_their_parameters() -> None:
    parameters = {"ThrottlingRateLimit": "7", "ThrottlingBurstLimit": "8"}
    changed = stage(Deployment(parameters))
    assert changed["DefaultRouteSettings"] == parameters
    assert changed["RouteSettings"] == stage(STACK)["RouteSettings"]


def test_no_concurrency_is_reserved_unless_one_asks_for_it() -> None:
    """An account with a quota of 10 executions could not deploy the stack otherwise."""
    assert reserved(STACK) == {}


@pytest.mark.parametrize(("function", "name"), RESERVED.items())
def test_concurrency_is_reserved_for_one_function(function: str, name: str) -> None:
    assert reserved(Deployment({f"{name}ReservedConcurrency": "25"})) == {function: "25"}


def test_only_reads_have_a_maximum_by_default() -> None:
    """One of writes would throttle renewals, too."""
    limited = [each["OnDemandThroughput"] for each in table_and_indexes(STACK)]
    assert limited == [{"MaxReadRequestUnits": "4000"}] * 3


def test_without_a_maximum_the_property_is_left_out() -> None:
    unlimited = table_and_indexes(Deployment({"MaxReadUnits": "0"}))
    assert not [each for each in unlimited if "OnDemandThroughput" in each]


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"MaxReadUnits": "9"}, {"MaxReadRequestUnits": "9"}),
        ({"MaxReadUnits": "0", "MaxWriteUnits": "9"}, {"MaxWriteRequestUnits": "9"}),
        (
            {"MaxReadUnits": "8", "MaxWriteUnits": "9"},
            {"MaxReadRequestUnits": "8", "MaxWriteRequestUnits": "9"},
        ),
    ],
)
def test_a_maximum_is_that_of_the_table_and_of_each_index(
    parameters: dict[str, str], expected: dict[str, str]
) -> None:
    limited = table_and_indexes(Deployment(parameters))
    assert [each["OnDemandThroughput"] for each in limited] == [expected] * 3


def test_the_table_is_not_warmed_unless_one_asks_for_it() -> None:
    assert "WarmThroughput" not in STACK.properties("SessionsTable")


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"WarmReadUnits": "20000"}, {"ReadUnitsPerSecond": "20000"}),
        ({"WarmWriteUnits": "9000"}, {"WriteUnitsPerSecond": "9000"}),
        (
            {"WarmReadUnits": "20000", "WarmWriteUnits": "9000"},
            {"ReadUnitsPerSecond": "20000", "WriteUnitsPerSecond": "9000"},
        ),
    ],
)
def test_the_table_alone_is_warmed(parameters: dict[str, str], expected: dict[str, str]) -> None:
    table, *indexes = table_and_indexes(Deployment(parameters))
    assert table["WarmThroughput"] == expected
    assert not [index for index in indexes if "WarmThroughput" in index]
