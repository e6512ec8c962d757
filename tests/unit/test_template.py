"""What the deployment promises, held to the template."""

import json

import pytest

from local.template import Template
from storage.renewal import MAX_WRITES
from storage.table import ATTEMPTS, CONNECT_TIMEOUT_SECONDS, READ_TIMEOUT_SECONDS
from tests.contract import OPENAPI

API_GATEWAY_TIMEOUT_SECONDS = 30


@pytest.fixture(scope="module")
def template() -> Template:
    """The template."""
    return Template()


def test_the_function_is_allowed_to_update_items_of_its_table_and_nothing_else(
    template: Template,
) -> None:
    (policy,) = template.properties("RenewFunction")["Policies"]
    assert policy["Statement"] == [
        {
            "Effect": "Allow",
            "Action": "dynamodb:UpdateItem",
            "Resource": {"Fn::GetAtt": "SessionsTable.Arn"},
        }
    ]


def test_a_bad_day_ends_in_an_answer_before_lambda_and_api_gateway_give_up(
    template: Template,
) -> None:
    throttling_waits = sum(2**retry for retry in range(ATTEMPTS - 1))  # botocore's standard mode
    one_write = ATTEMPTS * (CONNECT_TIMEOUT_SECONDS + READ_TIMEOUT_SECONDS) + throttling_waits
    function_timeout = template.document["Globals"]["Function"]["Timeout"]
    assert MAX_WRITES * one_write + 2 < function_timeout < API_GATEWAY_TIMEOUT_SECONDS


def test_the_routes_are_those_of_the_contract_and_what_else_may_come(template: Template) -> None:
    routes = [(route.method, route.path) for route in template.routes()]
    stated = [
        (method.upper(), path)
        for path, operations in OPENAPI["paths"].items()
        for method in operations
        if method != "parameters"
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
    assert "GlobalSecondaryIndexes" not in template.properties("SessionsTable")


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
    assert template.properties("RenewFunction")["LoggingConfig"]["LogFormat"] == "JSON"
