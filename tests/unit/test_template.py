"""What the deployment promises, held to the template."""

import json
import re
from typing import Any

import pytest

from domain.renewal import renew
from handlers.expiry import RESERVE_MS
from handlers.settings import MIN_SIGNING_KEY_CHARS, timeout_policy_from
from local.template import Template
from publishing.bus import MAX_ENTRIES, MAX_PAUSES_SECONDS
from publishing.clients import eventbridge_client, sqs_client
from publishing.dead_letters import MAX_BODY_BYTES
from storage.change import MAX_WRITES
from storage.expiry import TTL_IDENTITY
from storage.item import item_of
from storage.table import dynamodb_client
from tests.contract import OPENAPI
from tests.removals import removal, removal_of
from tests.sessions import NOON_MS, POLICY, session

API_GATEWAY_TIMEOUT_SECONDS = 30
STREAM_KEEPS_SECONDS = 24 * 3600
SQS_KEEPS_SECONDS = 14 * 24 * 3600


@pytest.fixture(scope="module")
def template() -> Template:
    """The template."""
    return Template()


TABLE = {"Fn::GetAtt": "SessionsTable.Arn"}
QUEUE = {"Fn::GetAtt": "ExpiryDeadLetters.Arn"}
BUS = "arn:${AWS::Partition}:events:${AWS::Region}:${AWS::AccountId}:event-bus/${EventBusName}"
API_FUNCTIONS = ("RenewFunction", "SessionsFunction")
FUNCTIONS = (*API_FUNCTIONS, "ExpiryFunction")
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
    "ExpiryFunction": [
        {
            "Effect": "Allow",
            "Action": [
                "dynamodb:DescribeStream",
                "dynamodb:GetRecords",
                "dynamodb:GetShardIterator",
            ],
            "Resource": {"Fn::GetAtt": "SessionsTable.StreamArn"},
        },
        {
            "Effect": "Allow",
            "Action": "dynamodb:ListStreams",
            "Resource": {"Fn::Sub": "${SessionsTable.Arn}/stream/*"},
        },
        {"Effect": "Allow", "Action": "events:PutEvents", "Resource": {"Fn::Sub": BUS}},
        {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": QUEUE},
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
    of_the_api = {
        "SESSIONS_TABLE": {"Ref": "SessionsTable"},
        "RETENTION_HOURS": {"Ref": "RetentionHours"},
        "AWS_ENDPOINT_URL_DYNAMODB": {"Ref": "DynamoDBEndpointUrl"},
    }
    settings = {name: template.properties(name)["Environment"] for name in FUNCTIONS}
    assert settings == {
        "RenewFunction": {"Variables": of_the_api},
        "SessionsFunction": {
            "Variables": {
                **of_the_api,
                "DEFAULT_TIMEOUT_MINUTES": {"Ref": "DefaultTimeoutMinutes"},
                "MIN_TIMEOUT_MINUTES": {"Ref": "MinTimeoutMinutes"},
                "MAX_TIMEOUT_MINUTES": {"Ref": "MaxTimeoutMinutes"},
                "DEFAULT_MAX_DURATION_MINUTES": {"Ref": "DefaultMaxDurationMinutes"},
                "DEFAULT_WARNING_THRESHOLD_MINUTES": {"Ref": "DefaultWarningThresholdMinutes"},
                "SIGNING_KEY": {"Fn::Sub": "{{resolve:secretsmanager:${SigningKey}}}"},
            }
        },
        "ExpiryFunction": {
            "Variables": {
                "EVENT_BUS_NAME": {"Ref": "EventBusName"},
                "DEAD_LETTER_QUEUE_URL": {"Ref": "ExpiryDeadLetters"},
                "AWS_ENDPOINT_URL_EVENTBRIDGE": {"Ref": "PublishingEndpointUrl"},
                "AWS_ENDPOINT_URL_SQS": {"Ref": "PublishingEndpointUrl"},
            }
        },
    }
    assert "Environment" not in template.document["Globals"]["Function"]
    for endpoint in ("DynamoDBEndpointUrl", "PublishingEndpointUrl"):
        assert template.document["Parameters"][endpoint]["Default"] == ""


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
    variables = function["Environment"]["Variables"]
    references = [value["Ref"] for value in variables.values() if "Ref" in value]
    parameters = [each for each in references if each in template.document["Parameters"]]
    for parameter in ("Architecture", *parameters):
        assert f"${{{parameter}}}" in description
    longest = re.sub(r"\$\{\w+Url\}", "u" * 80, description.replace("${EventBusName}", "n" * 128))
    longest = re.sub(r"\$\{\w+\}", "9" * 8, longest)
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
    one_write = longest_seconds(dynamodb_client().meta.config)
    function_timeout = template.document["Globals"]["Function"]["Timeout"]
    assert MAX_WRITES * one_write + 2 < function_timeout < API_GATEWAY_TIMEOUT_SECONDS


def longest_seconds(config: Any) -> float:
    """What a request may take with all its attempts."""
    attempts = config.retries["total_max_attempts"]
    assert config.retries["mode"] == "standard"
    throttling_waits = sum(2**retry for retry in range(attempts - 1))  # at most, in that mode
    seconds: float = attempts * (config.connect_timeout + config.read_timeout) + throttling_waits
    return seconds


def test_a_request_on_a_bad_day_takes_no_more_than_the_time_that_is_kept_for_it(
    template: Template,
) -> None:
    """To EventBridge, with all its tries or one by one, and then one to SQS that fails."""
    configs: list[Any] = [eventbridge_client().meta.config, sqs_client().meta.config]
    one_request = max(map(longest_seconds, configs))
    with_all_tries = (1 + len(MAX_PAUSES_SECONDS)) * one_request + sum(MAX_PAUSES_SECONDS)
    one_by_one = (1 + MAX_ENTRIES) * one_request
    assert max(with_all_tries, one_by_one) + one_request < RESERVE_MS / 1000
    assert template.properties("ExpiryFunction")["Timeout"] > 2 * RESERVE_MS / 1000


def test_the_stream_tells_what_was_removed(template: Template) -> None:
    assert template.properties("SessionsTable")["StreamSpecification"] == {
        "StreamViewType": "OLD_IMAGE"
    }


def test_the_function_is_told_of_every_removal_from_the_first_on(template: Template) -> None:
    stream = template.properties("ExpiryStream")
    assert stream["EventSourceArn"] == {"Fn::GetAtt": "SessionsTable.StreamArn"}
    assert stream["FunctionName"] == {"Ref": "ExpiryFunction.Alias"}
    assert stream["StartingPosition"] == "TRIM_HORIZON"
    assert "Events" not in template.properties("ExpiryFunction")  # it would read every stream


def test_the_filter_lets_expired_sessions_through_and_nothing_else(template: Template) -> None:
    """By moto's reading of patterns, which are EventBridge's and Lambda's."""
    expired = removal(session(expires=-1))
    deleted = {name: value for name, value in expired.items() if name != "userIdentity"}
    memory = removal_of(
        {"sessionId": {"S": "k"}, "createdSessionId": {"S": "s"}, "ttl": {"N": "1"}}
    )
    another = {"type": "Service", "principalId": "another.amazonaws.com"}
    a_user = {"type": "User", "principalId": "dynamodb.amazonaws.com"}
    assert template.lets_through(expired)
    for record in (
        deleted,
        memory,
        {**expired, "eventName": "MODIFY"},
        {**expired, "eventName": "INSERT"},
        {**expired, "userIdentity": another},
        {**expired, "userIdentity": a_user},
    ):
        assert not template.lets_through(record)


def test_what_the_filter_lets_through_is_what_the_function_takes_for_a_removal(
    template: Template,
) -> None:
    """One rule, in two places: the filter saves invocations, the function does not trust it."""
    (each,) = template.properties("ExpiryStream")["FilterCriteria"]["Filters"]
    pattern = json.loads(each["Pattern"])
    assert pattern["eventName"] == ["REMOVE"]
    kind, principal = TTL_IDENTITY
    assert pattern["userIdentity"] == {"type": [kind], "principalId": [principal]}


def test_what_fails_comes_back_in_part_and_at_last_goes_to_the_queue(template: Template) -> None:
    stream = template.properties("ExpiryStream")
    assert stream["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert stream["BisectBatchOnFunctionError"] is True
    assert stream["MaximumRetryAttempts"] == -1  # as often as the age allows
    assert 0 < stream["MaximumRecordAgeInSeconds"] < STREAM_KEEPS_SECONDS
    assert stream["DestinationConfig"] == {"OnFailure": {"Destination": QUEUE}}


def test_the_dead_letters_are_kept_encrypted_and_whole(template: Template) -> None:
    resource = template.resources["ExpiryDeadLetters"]
    assert resource["DeletionPolicy"] == resource["UpdateReplacePolicy"] == "Retain"
    queue = resource["Properties"]
    assert queue["MessageRetentionPeriod"] == SQS_KEEPS_SECONDS
    assert queue["SqsManagedSseEnabled"] is True
    assert queue["MaximumMessageSize"] > MAX_BODY_BYTES


@pytest.mark.parametrize(
    ("alarm", "metric", "dimension", "threshold"),
    [
        (
            "ExpiryDeadLettersAlarm",
            ("AWS/SQS", "ApproximateNumberOfMessagesVisible"),
            {"Name": "QueueName", "Value": {"Fn::GetAtt": "ExpiryDeadLetters.QueueName"}},
            0,
        ),
        (
            "ExpiryDelayAlarm",
            ("AWS/Lambda", "IteratorAge"),
            {"Name": "FunctionName", "Value": {"Ref": "ExpiryFunction"}},
            3_600_000,
        ),
        (
            "ExpiryLossAlarm",
            ("AWS/Lambda", "DestinationDeliveryFailures"),
            {"Name": "FunctionName", "Value": {"Ref": "ExpiryFunction"}},
            0,
        ),
    ],
)
def test_an_alarm_tells_of_dead_letters_of_delay_and_of_loss(
    template: Template,
    alarm: str,
    metric: tuple[str, str],
    dimension: dict[str, Any],
    threshold: int,
) -> None:
    properties = template.properties(alarm)
    assert (properties["Namespace"], properties["MetricName"]) == metric
    assert properties["Dimensions"] == [dimension]
    assert properties["ComparisonOperator"] == "GreaterThanThreshold"
    assert properties["Threshold"] == threshold
    assert (properties["Statistic"], properties["EvaluationPeriods"]) == ("Maximum", 1)
    assert properties["TreatMissingData"] == "notBreaching"
    assert properties["AlarmActions"] == {
        "Fn::If": ["HasAlarmTopic", [{"Ref": "AlarmTopicArn"}], {"Ref": "AWS::NoValue"}]
    }


def test_expiries_go_to_the_default_bus_or_to_another_that_exists(template: Template) -> None:
    """EventBridge drops what is put on a bus that does not: the deployment must fail."""
    assert template.document["Parameters"]["EventBusName"]["Default"] == "default"
    assert template.resources["ExpiryBusExists"]["Type"] == "AWS::Events::Rule"
    rule = template.properties("ExpiryBusExists")
    assert rule["EventBusName"] == {"Ref": "EventBusName"}
    assert rule["State"] == "DISABLED"
    assert "Targets" not in rule


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
    assert not any("SnapStart" in template.properties(name) for name in API_FUNCTIONS)
    assert shared["Runtime"] == "python3.13"
    assert shared["SnapStart"] == {"ApplyOn": "PublishedVersions"}
    assert shared["AutoPublishAlias"] == "live"
    assert template.document["Parameters"]["Architecture"]["Default"] == "arm64"


def test_every_log_is_kept_for_a_stated_time_and_the_access_log_is_json(
    template: Template,
) -> None:
    logs = [r for r in template.resources.values() if r["Type"] == "AWS::Logs::LogGroup"]
    assert [log["Properties"]["RetentionInDays"] for log in logs] == 4 * [
        {"Ref": "LogRetentionDays"}
    ]
    assert json.loads(template.properties("SessionsApi")["AccessLogSettings"]["Format"])
    for function in FUNCTIONS:
        assert template.properties(function)["LoggingConfig"] == {
            "LogFormat": "JSON",
            "LogGroup": {"Ref": function.replace("Function", "Log")},
        }
