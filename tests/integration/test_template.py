"""What the code and the deployment promise each other, and the deployment its operators."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from api.responses import MAX_REQUEST_SECONDS
from domain.renewal import renew
from local.template import Template
from publishing import clients
from publishing.clients import eventbridge_client, sqs_client
from publishing.dead_letters import MAX_BODY_BYTES
from publishing.expiry_publisher import MAX_WAIT_MS, RESERVE_MS
from publishing.stream_records import TTL_IDENTITY
from runtime.deadline import SECONDS_BEFORE_LAMBDA_STOPS
from runtime.settings import (
    MIN_SIGNING_KEY_CHARS,
    ExpirySettings,
    RenewSettings,
    SessionsSettings,
)
from storage import table
from storage.item import item_of
from storage.table import dynamodb_client
from tests.support.contract import OPENAPI
from tests.support.sessions import NOON_MS, POLICY, session

API_GATEWAY_TIMEOUT_SECONDS = 30
STREAM_KEEPS_SECONDS = 24 * 3600
MAX_DESCRIPTION_CHARS = 256  # Lambda's limit for that of a version

Read = Callable[[Mapping[str, str]], Any]
SETTINGS: dict[str, Read] = {
    "RenewFunction": RenewSettings.from_environment,
    "SessionsFunction": SessionsSettings.from_environment,
    "ExpiryFunction": ExpirySettings.from_environment,
}
API_FUNCTIONS = ("RenewFunction", "SessionsFunction")
OF_THE_SDK = ("AWS_ENDPOINT_URL_",)
"""Beginnings of the variables that boto3 reads, not the settings."""


@pytest.fixture(scope="module")
def template() -> Template:
    """The template."""
    return Template()


def variables_of(template: Template, function: str) -> dict[str, Any]:
    variables: dict[str, Any] = template.properties(function)["Environment"]["Variables"]
    return variables


class Noted(Mapping[str, str]):
    """An environment that remembers which of its variables were read."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self.read: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.read.add(name)
        return self._environment[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._environment)

    def __len__(self) -> int:
        return len(self._environment)


def deployed_environment(template: Template, function: str) -> Noted:
    """The function's environment with the parameters' defaults; resources have made-up names."""
    made_up = dict.fromkeys(variables_of(template, function), "a-name-of-32-characters-or-more.")
    return Noted({**made_up, **template.environment(function)})


@pytest.mark.parametrize("function", SETTINGS)
def test_a_function_gets_the_variables_that_it_reads(template: Template, function: str) -> None:
    environment = deployed_environment(template, function)
    SETTINGS[function](environment)
    given = {name for name in environment if not name.startswith(OF_THE_SDK)}
    assert environment.read == given


def test_the_default_limits_are_the_contracts(template: Template) -> None:
    environment = deployed_environment(template, "SessionsFunction")
    assert SessionsSettings.from_environment(environment).timeout_policy == POLICY


def test_every_function_has_its_settings(template: Template) -> None:
    assert template.functions() == [*SETTINGS]


def test_the_generated_signing_key_is_long_enough(template: Template) -> None:
    generated = template.properties("SigningKey")["GenerateSecretString"]
    assert generated["PasswordLength"] >= MIN_SIGNING_KEY_CHARS


@pytest.mark.parametrize("function", SETTINGS)
def test_another_parameter_value_publishes_another_version(
    template: Template, function: str
) -> None:
    """Otherwise the alias, and so the API, would stay on the version with the old value."""
    description = template.properties(function)["VersionDescription"]["Fn::Sub"]
    variables = variables_of(template, function).values()
    references = [value["Ref"] for value in variables if "Ref" in value]
    parameters = [each for each in references if each in template.document["Parameters"]]
    for parameter in ("Architecture", *parameters):
        assert f"${{{parameter}}}" in description
    assert template.properties(function)["AutoPublishAliasAllProperties"] is True


@pytest.mark.parametrize("function", SETTINGS)
def test_a_version_description_is_never_too_long(template: Template, function: str) -> None:
    description = template.properties(function)["VersionDescription"]["Fn::Sub"]
    longest = re.sub(r"\$\{\w+Url\}", "u" * 80, description.replace("${EventBusName}", "n" * 128))
    assert len(re.sub(r"\$\{\w+\}", "9" * 8, longest)) <= MAX_DESCRIPTION_CHARS


def test_an_outage_ends_in_an_answer_before_lambda_gives_up(template: Template) -> None:
    function_seconds = template.document["Globals"]["Function"]["Timeout"]
    assert function_seconds > MAX_REQUEST_SECONDS + SECONDS_BEFORE_LAMBDA_STOPS
    assert function_seconds < API_GATEWAY_TIMEOUT_SECONDS


def test_no_client_retries_or_waits_longer_than_an_attempt_may_take() -> None:
    """Retries are made where the deadline is known."""
    limits: list[tuple[Any, float]] = [
        (dynamodb_client(), table.ATTEMPT_SECONDS),
        (eventbridge_client(), clients.ATTEMPT_SECONDS),
        (sqs_client(), clients.ATTEMPT_SECONDS),
    ]
    for client, seconds in limits:
        config = client.meta.config
        assert config.retries["total_max_attempts"] == 1
        assert config.connect_timeout + config.read_timeout <= seconds


def test_a_batch_has_time_for_many_requests_besides_its_reserve(template: Template) -> None:
    assert template.properties("ExpiryFunction")["Timeout"] > 4 * RESERVE_MS / 1000


def test_the_stream_filter_states_the_identity_that_the_code_asks_for(template: Template) -> None:
    """One rule in two places: the filter saves invocations, but nothing relies on it."""
    (each,) = template.properties("ExpiryStream")["FilterCriteria"]["Filters"]
    pattern = json.loads(each["Pattern"])
    kind, principal = TTL_IDENTITY
    assert pattern["userIdentity"] == {"type": [kind], "principalId": [principal]}


def test_a_record_is_kept_whole_before_lambda_drops_it(template: Template) -> None:
    stream = template.properties("ExpiryStream")
    dropped_after_seconds = stream["MaximumRecordAgeInSeconds"]
    assert MAX_WAIT_MS / 1000 < dropped_after_seconds < STREAM_KEEPS_SECONDS
    assert stream["FunctionResponseTypes"] == ["ReportBatchItemFailures"]  # what the code returns


def test_the_largest_dead_letter_fits_into_the_queue(template: Template) -> None:
    assert template.properties("ExpiryDeadLetters")["MaximumMessageSize"] > MAX_BODY_BYTES


def test_every_alarm_watches_a_resource_of_the_stack_and_tells(template: Template) -> None:
    alarms = [r["Properties"] for r in template.resources.values() if r["Type"].endswith("::Alarm")]
    assert len(alarms) >= 3
    for alarm in alarms:
        (dimension,) = alarm["Dimensions"]
        (reference,) = dimension["Value"].values()
        assert reference.partition(".")[0] in template.resources
        assert alarm["TreatMissingData"] == "notBreaching"  # no traffic is no fault
        assert alarm["AlarmActions"]["Fn::If"][1] == [{"Ref": "AlarmTopicArn"}]


def test_what_is_lost_for_good_is_kept_when_the_stack_is_deleted(template: Template) -> None:
    for name in ("SessionsTable", "ExpiryDeadLetters"):
        resource = template.resources[name]
        assert resource["DeletionPolicy"] == resource["UpdateReplacePolicy"] == "Retain"


def test_the_deployment_fails_if_the_event_bus_does_not_exist(template: Template) -> None:
    """EventBridge drops what is put on such a bus. A rule cannot be created on it."""
    rule = template.properties("ExpiryBusExists")
    assert rule["EventBusName"] == {"Ref": "EventBusName"}
    assert rule["State"] == "DISABLED"


def test_the_routes_are_those_of_the_contract_and_all_others(template: Template) -> None:
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
def test_a_path_has_one_function_for_all_its_methods(template: Template, path: str) -> None:
    handlers = {route.handler for route in template.routes() if route.path == path}
    module = "renew" if path.endswith("/renew") else "sessions"
    assert handlers == {f"handlers.{module}.handler"}


def test_browsers_may_send_the_methods_of_the_contract(template: Template) -> None:
    allowed = template.properties("SessionsApi")["CorsConfiguration"]["AllowMethods"]
    operations = OPENAPI["paths"].values()
    assert set(allowed) == {method.upper() for each in operations for method in each}


def test_no_index_projects_what_a_renewal_changes(template: Template) -> None:
    """So a renewal stays one write."""
    before = item_of(session(), 0)
    after = item_of(renew(session(), NOON_MS, "r1").session, 0)
    changed = {name for name in after if after[name] != before.get(name)}
    assert changed >= {"expiresAt", "lastActivity", "renewalCount", "recentRenewals", "ttl"}
    for index in template.properties("SessionsTable")["GlobalSecondaryIndexes"]:
        projected = {key["AttributeName"] for key in index["KeySchema"]}
        projected |= set(index["Projection"].get("NonKeyAttributes", []))
        assert index["Projection"]["ProjectionType"] in ("KEYS_ONLY", "INCLUDE")
        assert not projected & changed


def test_every_function_writes_json_to_a_log_that_expires(template: Template) -> None:
    for function in SETTINGS:
        logging = template.properties(function)["LoggingConfig"]
        assert logging["LogFormat"] == "JSON"
        assert "RetentionInDays" in template.properties(logging["LogGroup"]["Ref"])


def test_a_line_of_the_access_log_is_json(template: Template) -> None:
    assert json.loads(template.properties("SessionsApi")["AccessLogSettings"]["Format"])
