"""What browsers may do, as API Gateway is told it."""

from typing import Any

import pytest

from local.template import DEFAULT_ROUTE
from storage.table import SessionsTable
from tests.support.api_events import LAMBDA_CONTEXT, renewal_event
from tests.support.contract import OPENAPI
from tests.support.deployed_template import Deployment
from tests.support.functions import renew_function, sessions_function
from tests.support.parameter_values import is_allowed
from tests.support.sessions import NOON_MS

ORIGINS = [
    "*",
    "https://app.example.com",
    "http://localhost:8080",
    "https://app.example.com,https://admin.example.com,http://localhost:8080",
]
ROUTES = Deployment().routes()
FUNCTIONS = {"RenewFunction": renew_function, "SessionsFunction": sessions_function}


def cors(**parameters: str) -> dict[str, Any]:
    configuration: dict[str, Any] = Deployment(parameters).api_definition[
        "x-amazon-apigateway-cors"
    ]
    return configuration


@pytest.mark.parametrize("origins", ORIGINS)
def test_cors_is_an_object_of_the_types_that_api_gateway_reads(origins: str) -> None:
    configuration = cors(CorsOrigins=origins)
    lists = ("allowOrigins", "allowMethods", "allowHeaders", "exposeHeaders")
    assert configuration.keys() == {*lists, "maxAge"}
    for name in lists:
        assert isinstance(configuration[name], list)
        assert configuration[name]
        assert all(isinstance(each, str) and each for each in configuration[name])
    assert isinstance(configuration["maxAge"], int)


@pytest.mark.parametrize("origins", ORIGINS)
def test_each_origin_of_the_parameter_is_allowed(origins: str) -> None:
    assert is_allowed("CorsOrigins", origins)
    assert ",".join(cors(CorsOrigins=origins)["allowOrigins"]) == origins


@pytest.mark.parametrize(
    "origins",
    ["", "app.example.com", "https://a.example, https://b.example", "https://a.example/", "*,*"],
)
def test_what_no_browser_sends_as_an_origin_is_refused(origins: str) -> None:
    assert not is_allowed("CorsOrigins", origins)


def test_browsers_may_send_the_methods_of_the_contract() -> None:
    operations = OPENAPI["paths"].values()
    assert set(cors()["allowMethods"]) == {method.upper() for each in operations for method in each}


def test_browsers_may_send_the_headers_of_the_contract_and_a_token() -> None:
    assert {"Authorization", "Content-Type", "X-API-KEY"} <= set(cors()["allowHeaders"])
    parameters = [
        OPENAPI["components"]["parameters"][each["$ref"].rpartition("/")[2]]
        if "$ref" in each
        else each
        for operations in OPENAPI["paths"].values()
        for operation in operations.values()
        for each in operation.get("parameters", [])
    ]
    headers = {each["name"] for each in parameters if each["in"] == "header"}
    assert headers
    assert headers <= set(cors()["allowHeaders"])


def test_browsers_may_read_when_to_retry() -> None:
    assert cors()["exposeHeaders"] == ["Retry-After"]


@pytest.mark.parametrize("path", sorted({path for _, path in ROUTES}))
def test_a_preflight_that_reaches_a_function_succeeds(
    table_on_moto: SessionsTable, path: str
) -> None:
    """Where API Gateway does not answer it, a route for any method takes it."""
    route = path if path == DEFAULT_ROUTE else f"ANY {path}"
    event = renewal_event(routeKey=route)
    event["requestContext"]["http"]["method"] = "OPTIONS"
    function = FUNCTIONS[ROUTES["ANY", path]](table_on_moto, lambda: NOON_MS)
    assert function(event, LAMBDA_CONTEXT)["statusCode"] == 204
