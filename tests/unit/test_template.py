"""What the deployment promises, held to the template."""

import json
import re
from typing import Any

import pytest

from domain.renewal import renew
from handlers.settings import MIN_SIGNING_KEY_CHARS, timeout_policy_from
from local.template import Template
from storage.change import MAX_WRITES
from storage.item import item_of
from storage.table import dynamodb_client
from tests.contract import OPENAPI
from tests.sessions import NOON_MS, POLICY, session

API_GATEWAY_TIMEOUT_SECONDS = 30


@pytest.fixture(scope="module")
def template() -> Template:
    """The template."""
    return Template()


TABLE = {"Fn::GetAtt": "SessionsTable.Arn"}
FUNCTIONS = ("RenewFunction", "SessionsFunction")
PERMISSIONS = {
    "RenewFunction": [{"Effect": "Allow", "Action": "dynamodb:UpdateItem", "Resource": TABLE}],
    "SessionsFunction": [
        {
            "Effect": "Allow",
            "Action": [
                "dynamodb:BatchGetItem",
                "dynamodb:DeleteItem",
                "dynamodb:DescribeTable",
                "dynamodb:GetItem",
                "dynamodb:PutItem",
                "dynamodb:Scan",
                "dynamodb:UpdateItem",
            ],
            "Resource": TABLE,
        },
        {
            "Effect": "Allow",
            "Action": "dynamodb:Query",
            "Resource": [
                {"Fn::Sub": "${SessionsTable.Arn}/index/byAgent"},
                {"Fn::Sub": "${SessionsTable.Arn}/index/byUser"},
            ],
        },
    ],
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_is_allowed_what_its_calls_need_and_nothing_else(
    template: Template, name: str
) -> None:
    function = template.properties(name)
    (policy,) = function["Policies"]
    assert policy["Statement"] == PERMISSIONS[name]
    assert "Role" not in function  # it would stand in for the policy


def test_these_are_all_the_functions(template: Template) -> None:
    assert tuple(template.functions()) == FUNCTIONS


def test_the_functions_get_their_settings_from_the_stack(template: Template) -> None:
    assert template.document["Globals"]["Function"]["Environment"]["Variables"] == {
        "SESSIONS_TABLE": {"Ref": "SessionsTable"},
        "RETENTION_HOURS": {"Ref": "RetentionHours"},
        "AWS_ENDPOINT_URL_DYNAMODB": {"Ref": "DynamoDBEndpointUrl"},
    }
    assert template.properties("SessionsFunction")["Environment"]["Variables"] == {
        "DEFAULT_TIMEOUT_MINUTES": {"Ref": "DefaultTimeoutMinutes"},
        "MIN_TIMEOUT_MINUTES": {"Ref": "MinTimeoutMinutes"},
        "MAX_TIMEOUT_MINUTES": {"Ref": "MaxTimeoutMinutes"},
        "DEFAULT_MAX_DURATION_MINUTES": {"Ref": "DefaultMaxDurationMinutes"},
        "DEFAULT_WARNING_THRESHOLD_MINUTES": {"Ref": "DefaultWarningThresholdMinutes"},
        "SIGNING_KEY": {"Fn::Sub": "{{resolve:secretsmanager:${SigningKey}}}"},
    }
    assert template.document["Parameters"]["DynamoDBEndpointUrl"]["Default"] == ""


def test_the_defaults_are_the_contracts(template: Template) -> None:
    parameters = template.document["Parameters"]
    assert {
        name: parameters[name]["Default"]
        for name in (
            "RetentionHours",
            "DefaultTimeoutMinutes",
            "MinTimeoutMinutes",
            "MaxTimeoutMinutes",
            "DefaultMaxDurationMinutes",
            "DefaultWarningThresholdMinutes",
        )
    } == {
        "RetentionHours": 24,
        "DefaultTimeoutMinutes": 30,
        "MinTimeoutMinutes": 5,
        "MaxTimeoutMinutes": 1440,
        "DefaultMaxDurationMinutes": 720,
        "DefaultWarningThresholdMinutes": 5,
    }
    assert timeout_policy_from(template.environment()) == POLICY


def test_the_key_of_the_cursors_is_made_by_the_stack_and_long_enough(template: Template) -> None:
    generated = template.properties("SigningKey")["GenerateSecretString"]
    assert generated["PasswordLength"] >= MIN_SIGNING_KEY_CHARS


@pytest.mark.parametrize("name", FUNCTIONS)
def test_another_value_of_a_parameter_publishes_another_version(
    template: Template, name: str
) -> None:
    """Else the alias, and so the API, would stay on the version with the old value."""
    function = template.properties(name)
    description = function["VersionDescription"]["Fn::Sub"]
    shared = template.document["Globals"]["Function"]["Environment"]["Variables"]
    own = function.get("Environment", {}).get("Variables", {})
    references = [value["Ref"] for value in (shared | own).values() if "Ref" in value]
    parameters = [each for each in references if each in template.document["Parameters"]]
    for parameter in ("Architecture", *parameters):
        assert f"${{{parameter}}}" in description
    longest = re.sub(r"\$\{\w+\}", "9" * 8, description.replace("${DynamoDBEndpointUrl}", "u" * 80))
    assert len(longest) <= 256  # Lambda takes no more
    assert function["AutoPublishAliasAllProperties"] is True


def test_the_apis_origins_and_limits_are_parameters(template: Template) -> None:
    api = template.properties("SessionsApi")
    assert api["CorsConfiguration"]["AllowOrigins"] == {"Fn::Split": [",", {"Ref": "CorsOrigins"}]}
    assert api["CorsConfiguration"]["AllowMethods"] == sorted(
        {method.upper() for operations in OPENAPI["paths"].values() for method in operations}
    )
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
    stated = {
        (method.upper(), path)
        for path, operations in OPENAPI["paths"].items()
        for method in operations
    }
    others = {("ANY", path) for path in OPENAPI["paths"]}
    assert len(routes) == len(set(routes))
    assert set(routes) == stated | others | {("ANY", "$default")}


@pytest.mark.parametrize("path", OPENAPI["paths"])
def test_a_path_has_one_function_which_answers_its_other_methods_too(
    template: Template, path: str
) -> None:
    handlers = {route.handler for route in template.routes() if route.path == path}
    renew = path.endswith("/renew")
    assert handlers == {"handlers.renew.handler" if renew else "handlers.sessions.handler"}


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
    before = item_of(session(), 0)
    after = item_of(renew(session(), NOON_MS, "r1").session, 0)
    changed = {name for name in after if after[name] != before.get(name)}
    assert changed >= {"expiresAt", "lastActivity", "renewalCount", "lastRenewalId", "ttl"}
    indexes = template.properties("SessionsTable")["GlobalSecondaryIndexes"]
    for index in indexes:
        projected = {key["AttributeName"] for key in index["KeySchema"]}
        projected |= set(index["Projection"].get("NonKeyAttributes", []))
        assert index["Projection"]["ProjectionType"] in ("KEYS_ONLY", "INCLUDE")
        assert not projected & changed
    assert {index["IndexName"] for index in indexes} == {"byAgent", "byUser"}
    assert "LocalSecondaryIndexes" not in template.properties("SessionsTable")


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
    assert [log["Properties"]["RetentionInDays"] for log in logs] == 3 * [
        {"Ref": "LogRetentionDays"}
    ]
    assert json.loads(template.properties("SessionsApi")["AccessLogSettings"]["Format"])
    for function, log in (("RenewFunction", "RenewLog"), ("SessionsFunction", "SessionsLog")):
        assert template.properties(function)["LoggingConfig"] == {
            "LogFormat": "JSON",
            "LogGroup": {"Ref": log},
        }
