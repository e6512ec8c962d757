"""What the deployment promises, held to the template."""

import json
from typing import Any

import pytest

from local.template import Template
from storage.change import MAX_WRITES
from storage.table import dynamodb_client
from tests.contract import OPENAPI

API_GATEWAY_TIMEOUT_SECONDS = 30


@pytest.fixture(scope="module")
def template() -> Template:
    """The template."""
    return Template()


def test_the_function_is_allowed_to_update_items_of_its_table_and_nothing_else(
    template: Template,
) -> None:
    function = template.properties("RenewFunction")
    (policy,) = function["Policies"]
    assert policy["Statement"] == [
        {
            "Effect": "Allow",
            "Action": "dynamodb:UpdateItem",
            "Resource": {"Fn::GetAtt": "SessionsTable.Arn"},
        }
    ]
    assert "Role" not in function  # it would stand in for the policy


def test_the_function_gets_its_settings_from_the_stack(template: Template) -> None:
    assert template.document["Globals"]["Function"]["Environment"]["Variables"] == {
        "SESSIONS_TABLE": {"Ref": "SessionsTable"},
        "RETENTION_HOURS": {"Ref": "RetentionHours"},
        "AWS_ENDPOINT_URL_DYNAMODB": {"Ref": "DynamoDBEndpointUrl"},
    }
    assert template.document["Parameters"]["RetentionHours"]["Default"] == 24
    assert template.document["Parameters"]["DynamoDBEndpointUrl"]["Default"] == ""


def test_another_value_of_a_parameter_publishes_another_version(template: Template) -> None:
    """Else the alias, and so the API, would stay on the version with the old value."""
    function = template.properties("RenewFunction")
    description = function["VersionDescription"]["Fn::Sub"]
    for parameter in ("Architecture", "RetentionHours", "DynamoDBEndpointUrl"):
        assert f"${{{parameter}}}" in description
    assert function["AutoPublishAliasAllProperties"] is True


def test_the_apis_origins_and_limits_are_parameters(template: Template) -> None:
    api = template.properties("SessionsApi")
    assert api["CorsConfiguration"]["AllowOrigins"] == {"Fn::Split": [",", {"Ref": "CorsOrigins"}]}
    assert api["CorsConfiguration"]["AllowMethods"] == ["POST"]
    assert "Idempotency-Key" in api["CorsConfiguration"]["AllowHeaders"]
    assert api["DefaultRouteSettings"] == {
        "ThrottlingRateLimit": {"Ref": "ThrottlingRateLimit"},
        "ThrottlingBurstLimit": {"Ref": "ThrottlingBurstLimit"},
    }


def test_a_bad_day_ends_in_an_answer_before_lambda_and_api_gateway_give_up(
    template: Template,
) -> None:
    config: Any = dynamodb_client().meta.config
    attempts = config.retries["total_max_attempts"]
    assert config.retries["mode"] == "standard"
    throttling_waits = sum(2**retry for retry in range(attempts - 1))  # at most, in that mode
    one_write = attempts * (config.connect_timeout + config.read_timeout) + throttling_waits
    function_timeout = template.document["Globals"]["Function"]["Timeout"]
    assert MAX_WRITES * one_write + 2 < function_timeout < API_GATEWAY_TIMEOUT_SECONDS


def test_the_routes_are_those_of_the_contract_and_what_else_may_come(template: Template) -> None:
    routes = [(route.method, route.path) for route in template.routes()]
    stated = [
        (method.upper(), path)
        for path, operations in OPENAPI["paths"].items()
        for method in operations
    ]
    others = [("ANY", path) for path in OPENAPI["paths"]]
    assert routes == [*stated, *others, ("ANY", "$default")]


def test_the_tables_items_expire_by_ttl_and_the_table_outlives_the_stack(
    template: Template,
) -> None:
    resource = template.resources["SessionsTable"]
    table = resource["Properties"]
    assert resource["DeletionPolicy"] == resource["UpdateReplacePolicy"] == "Retain"
    assert table["TimeToLiveSpecification"] == {"AttributeName": "ttl", "Enabled": True}
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["SSESpecification"] == {"SSEEnabled": True}
    assert table["DeletionProtectionEnabled"] is True
    assert table["BillingMode"] == "PAY_PER_REQUEST"


def test_no_index_projects_what_a_renewal_changes(template: Template) -> None:
    """A renewal stays one write."""
    assert not {"GlobalSecondaryIndexes", "LocalSecondaryIndexes"} & set(
        template.properties("SessionsTable")
    )


def test_the_function_runs_the_deployed_python_behind_an_alias_with_a_snapshot(
    template: Template,
) -> None:
    shared = template.document["Globals"]["Function"]
    assert shared["Runtime"] == "python3.13"
    assert shared["SnapStart"] == {"ApplyOn": "PublishedVersions"}
    assert shared["AutoPublishAlias"] == "live"
    assert template.document["Parameters"]["Architecture"]["Default"] == "arm64"


def test_every_log_is_kept_for_a_stated_time_and_the_access_log_is_json(
    template: Template,
) -> None:
    logs = [r for r in template.resources.values() if r["Type"] == "AWS::Logs::LogGroup"]
    assert [log["Properties"]["RetentionInDays"] for log in logs] == 2 * [
        {"Ref": "LogRetentionDays"}
    ]
    assert json.loads(template.properties("SessionsApi")["AccessLogSettings"]["Format"])
    assert template.properties("RenewFunction")["LoggingConfig"] == {
        "LogFormat": "JSON",
        "LogGroup": {"Ref": "RenewLog"},
    }
