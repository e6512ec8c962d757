"""The local server reads template.yaml itself: what it sees is what AWS gets."""

import pytest

from local.template import Template
from tests.support.deployed_template import Deployment

STACK = Deployment()
TEMPLATE = Template()
USED_LOCALLY = (
    "AttributeDefinitions",
    "BillingMode",
    "KeySchema",
    "StreamSpecification",
    "TimeToLiveSpecification",
)
"""What ``Template.create_table`` makes a table of, besides its indexes."""


def test_the_routes_lead_to_the_same_functions() -> None:
    assert {(route.method, route.path): route.handler for route in TEMPLATE.routes()} == {
        route: STACK.properties(function)["Handler"] for route, function in STACK.routes().items()
    }


def test_no_route_is_there_twice() -> None:
    assert len(TEMPLATE.routes()) == len(STACK.routes())


def test_browsers_may_do_the_same() -> None:
    cors = STACK.api_definition["x-amazon-apigateway-cors"]
    assert TEMPLATE.cors() == {
        "allow_origins": cors["allowOrigins"],
        "allow_methods": cors["allowMethods"],
        "allow_headers": cors["allowHeaders"],
        "expose_headers": cors["exposeHeaders"],
        "max_age": cors["maxAge"],
    }


def test_the_functions_are_the_same() -> None:
    assert TEMPLATE.functions() == STACK.functions()


def test_the_environment_is_the_same_but_for_what_only_aws_has() -> None:
    for function in STACK.functions():
        deployed = STACK.environment(function)
        only_on_aws = {name for name in deployed if not TEMPLATE.environment(function).get(name)}
        assert TEMPLATE.environment(function).items() <= deployed.items()
        assert all(STACK.stack in deployed[name] for name in only_on_aws if deployed[name])


@pytest.mark.parametrize("name", USED_LOCALLY)
def test_the_table_is_the_same(name: str) -> None:
    assert TEMPLATE.properties("SessionsTable")[name] == STACK.properties("SessionsTable")[name]


def test_the_tables_indexes_are_the_same_but_for_limits_of_them() -> None:
    deployed = STACK.properties("SessionsTable")["GlobalSecondaryIndexes"]
    local = TEMPLATE.table_definition()["GlobalSecondaryIndexes"]
    pairs = zip(deployed, local, strict=True)
    assert [{name: each[name] for name in index} for each, index in pairs] == local


def test_the_stream_filters_are_the_same() -> None:
    deployed = STACK.properties("ExpiryStream")["FilterCriteria"]["Filters"]
    assert TEMPLATE.stream_filters() == [each["Pattern"] for each in deployed]
