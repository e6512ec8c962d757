"""The HTTP API that AWS gets: its routes, and what they lead to."""

import json
from fnmatch import fnmatchcase

import pytest

from local.template import DEFAULT_ROUTE
from tests.support.contract import OPENAPI
from tests.support.deployed_template import PLACE, Deployment

STACK = Deployment()


def test_the_routes_are_those_of_the_contract_and_all_others() -> None:
    stated = {
        (method.upper(), path)
        for path, operations in OPENAPI["paths"].items()
        for method in operations
    }
    others = {("ANY", path) for path in OPENAPI["paths"]}
    assert STACK.routes().keys() == stated | others | {("ANY", "$default")}


@pytest.mark.parametrize("path", OPENAPI["paths"])
def test_a_path_has_one_function_for_all_its_methods(path: str) -> None:
    functions = {each for (_, known), each in STACK.routes().items() if known == path}
    assert functions == {"RenewFunction" if path.endswith("/renew") else "SessionsFunction"}


@pytest.mark.parametrize(("method", "path"), STACK.routes())
def test_api_gateway_may_call_the_function_of_each_route(method: str, path: str) -> None:
    alias = STACK.value(f"{STACK.routes()[method, path]}Aliaslive")
    called = path if path == DEFAULT_ROUTE else f"{method}{path}"
    source = f"arn:aws:execute-api:{PLACE}:{STACK.value('SessionsApi')}/{DEFAULT_ROUTE}/{called}"
    assert [
        permission
        for permission in STACK.of_type("AWS::Lambda::Permission").values()
        if permission["FunctionName"] == alias
        and permission["Principal"] == "apigateway.amazonaws.com"
        and permission["Action"] == "lambda:InvokeFunction"
        and fnmatchcase(source, permission["SourceArn"])
    ]


def test_the_routes_call_published_versions() -> None:
    for function in STACK.functions():
        alias = STACK.properties(f"{function}Aliaslive")
        assert alias["FunctionName"] == STACK.value(function)
        assert alias["FunctionVersion"] == STACK.value(STACK.version(function)[0], "Version")


def test_the_stage_is_the_apis_default_one() -> None:
    (stage,) = STACK.of_type("AWS::ApiGatewayV2::Stage").values()
    assert stage["ApiId"] == STACK.value("SessionsApi")
    assert stage["StageName"] == DEFAULT_ROUTE


def test_the_stack_prints_the_address_that_api_gateway_gives_the_api() -> None:
    assert STACK.outputs["ApiUrl"] == STACK.value("SessionsApi", "ApiEndpoint")


@pytest.mark.parametrize(("choice", "disabled"), [("on", False), ("off", True)])
def test_the_address_of_api_gateway_can_be_turned_off(choice: str, disabled: bool) -> None:
    (server,) = Deployment({"DefaultEndpoint": choice}).api_definition["servers"]
    configuration = server["x-amazon-apigateway-endpoint-configuration"]
    assert configuration == {"disableExecuteApiEndpoint": disabled}


def test_no_address_is_printed_at_which_nothing_answers() -> None:
    outputs = Deployment({"DefaultEndpoint": "off"}).outputs
    assert not [value for value in outputs.values() if value.startswith("https://a1b2c3d4e5.")]
    assert outputs["ApiId"] == STACK.value("SessionsApi")


def test_a_line_of_the_access_log_is_json_in_a_group_of_the_stack() -> None:
    deployment = Deployment({"AccessLog": "on"})
    (stage,) = deployment.of_type("AWS::ApiGatewayV2::Stage").values()
    assert json.loads(stage["AccessLogSettings"]["Format"])
    assert stage["AccessLogSettings"]["DestinationArn"] == deployment.value("ApiAccessLog", "Arn")


def test_api_gateway_logs_nothing_unless_it_is_asked_to() -> None:
    (stage,) = STACK.of_type("AWS::ApiGatewayV2::Stage").values()
    assert "AccessLogSettings" not in stage
