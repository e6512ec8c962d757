"""What the code and the deployment promise each other, and the deployment its operators."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from api.responses import MAX_REQUEST_SECONDS
from domain.renewal import renew
from publishing import clients
from publishing.clients import eventbridge_client, sqs_client
from publishing.dead_letters import MAX_BODY_BYTES
from publishing.expiry_publisher import MAX_WAIT_MS, RESERVE_MS
from publishing.stream_records import TTL_IDENTITY
from runtime.deadline import SECONDS_BEFORE_LAMBDA_STOPS
from runtime.settings import (
    MIN_SIGNING_KEY_CHARS,
    NO_API_KEYS,
    ExpirySettings,
    RenewSettings,
    SessionsSettings,
    TimerSettings,
)
from storage import table
from storage.item import item_of
from storage.table import dynamodb_client
from tests.support.contract import ROOT
from tests.support.deployed_template import Deployment
from tests.support.sessions import NOON_MS, POLICY, session

API_GATEWAY_TIMEOUT_SECONDS = 30
STREAM_KEEPS_SECONDS = 24 * 3600
API_KEYS_ARN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:api-keys-a1B2c3"

Read = Callable[[Mapping[str, str]], Any]
SETTINGS: dict[str, Read] = {
    "RenewFunction": RenewSettings.from_environment,
    "SessionsFunction": SessionsSettings.from_environment,
    "ExpiryFunction": ExpirySettings.from_environment,
    "TimerFunction": TimerSettings.from_environment,
}
API_FUNCTIONS = ("RenewFunction", "SessionsFunction")
OF_THE_LIBRARIES = ("AWS_ENDPOINT_URL_", "POWERTOOLS_")
"""Beginnings of the variables that botocore and Powertools read, not the settings."""


STACK = Deployment()


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


@pytest.mark.parametrize("function", SETTINGS)
def test_a_function_gets_the_variables_that_it_reads(function: str) -> None:
    with_keys = Deployment({"ApiKeys": API_KEYS_ARN}).environment(function)
    if "API_KEYS" in with_keys:
        with_keys["API_KEYS"] = "what-the-secret-holds"
    environment = Noted(with_keys)
    SETTINGS[function](environment)
    given = {name for name in environment if not name.startswith(OF_THE_LIBRARIES)}
    assert environment.read == given


@pytest.mark.parametrize("function", API_FUNCTIONS)
def test_the_api_is_open_unless_there_is_a_secret_with_keys(function: str) -> None:
    closed = Deployment({"ApiKeys": API_KEYS_ARN})
    assert STACK.environment(function)["API_KEYS"] == NO_API_KEYS
    assert "asks nobody" in STACK.outputs["Access"]
    reference = f"{{{{resolve:secretsmanager:{API_KEYS_ARN}:SecretString:::}}}}"
    assert closed.environment(function)["API_KEYS"] == reference
    assert closed.outputs["Access"].startswith("Every call but OPTIONS needs one of the keys")
    but_for_health = Deployment({"ApiKeys": API_KEYS_ARN, "PublicHealth": "on"})
    assert "and the health call" in but_for_health.outputs["Access"]


def test_the_default_limits_are_the_contracts() -> None:
    environment = STACK.environment("SessionsFunction")
    assert SessionsSettings.from_environment(environment).timeout_policy == POLICY


def test_every_function_has_its_settings() -> None:
    assert STACK.functions() == [*SETTINGS]


def test_the_generated_signing_key_is_long_enough() -> None:
    generated = STACK.properties("SigningKey")["GenerateSecretString"]
    assert generated["PasswordLength"] >= MIN_SIGNING_KEY_CHARS


def test_an_outage_ends_in_an_answer_before_lambda_gives_up() -> None:
    for function in API_FUNCTIONS:
        function_seconds = STACK.properties(function)["Timeout"]
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


@pytest.mark.parametrize(("choice", "applied"), [("on", "PublishedVersions"), ("off", "None")])
def test_snapstart_is_chosen_for_the_functions_that_clients_wait_for(
    choice: str, applied: str
) -> None:
    stack = Deployment({"SnapStart": choice})
    settings = {name: stack.properties(name)["SnapStart"]["ApplyOn"] for name in STACK.functions()}
    assert settings == dict.fromkeys(STACK.functions(), "None") | dict.fromkeys(
        API_FUNCTIONS, applied
    )


@pytest.mark.parametrize("choice", ["on", "off"])
def test_the_api_calls_published_versions_with_snapstart_or_without(choice: str) -> None:
    stack = Deployment({"SnapStart": choice})
    assert {stack.version(name)[1]["Type"] for name in API_FUNCTIONS} == {"AWS::Lambda::Version"}
    assert set(stack.routes().values()) == set(API_FUNCTIONS)


def test_a_batch_has_time_for_many_requests_besides_its_reserve() -> None:
    assert STACK.properties("ExpiryFunction")["Timeout"] > 4 * RESERVE_MS / 1000


def test_the_stream_filter_states_the_identity_that_the_code_asks_for() -> None:
    """One rule in two places: the filter saves invocations, but nothing relies on it."""
    first, *_ = STACK.properties("ExpiryStream")["FilterCriteria"]["Filters"]
    pattern = json.loads(first["Pattern"])
    kind, principal = TTL_IDENTITY
    assert pattern["userIdentity"] == {"type": [kind], "principalId": [principal]}


def test_a_record_is_kept_whole_before_lambda_drops_it() -> None:
    stream = STACK.properties("ExpiryStream")
    dropped_after_seconds = stream["MaximumRecordAgeInSeconds"]
    assert MAX_WAIT_MS / 1000 < dropped_after_seconds < STREAM_KEEPS_SECONDS
    assert stream["FunctionResponseTypes"] == ["ReportBatchItemFailures"]  # what the code returns


def test_the_largest_dead_letter_fits_into_the_queue() -> None:
    assert STACK.properties("ExpiryDeadLetters")["MaximumMessageSize"] > MAX_BODY_BYTES


def test_what_is_lost_for_good_is_kept_when_the_stack_is_deleted() -> None:
    for name in ("SessionsTable", "ExpiryDeadLetters", "TimerDeadLetters"):
        resource = STACK.resources[name]
        assert resource["DeletionPolicy"] == resource["UpdateReplacePolicy"] == "Retain"


def test_the_deployment_fails_if_the_event_bus_does_not_exist() -> None:
    """EventBridge drops what is put on such a bus. A rule cannot be created on it."""
    rule = Deployment({"EventBusName": "agents"}).properties("ExpiryBusExists")
    assert rule["EventBusName"] == "agents"
    assert rule["State"] == "DISABLED"


def test_no_index_projects_what_a_renewal_changes() -> None:
    """So a renewal stays one write."""
    before = item_of(session(), 0)
    after = item_of(renew(session(), NOON_MS, "r1").session, 0)
    changed = {name for name in after if after[name] != before.get(name)}
    assert changed >= {"expiresAt", "lastActivity", "renewalCount", "recentRenewals", "ttl"}
    for index in STACK.properties("SessionsTable")["GlobalSecondaryIndexes"]:
        projected = {key["AttributeName"] for key in index["KeySchema"]}
        projected |= set(index["Projection"].get("NonKeyAttributes", []))
        assert index["Projection"]["ProjectionType"] in ("KEYS_ONLY", "INCLUDE")
        assert not projected & changed


def test_every_function_writes_json_to_a_log_that_expires() -> None:
    kept = {
        STACK.value(name)
        for name, group in STACK.of_type("AWS::Logs::LogGroup").items()
        if "RetentionInDays" in group
    }
    for function in SETTINGS:
        logging = STACK.properties(function)["LoggingConfig"]
        assert logging["LogFormat"] == "JSON"
        assert logging["LogGroup"] in kept


@pytest.mark.parametrize("level", ["WARN", "INFO", "DEBUG"])
@pytest.mark.parametrize("function", ["RenewFunction", "SessionsFunction"])
def test_lambda_logs_of_a_request_what_it_is_asked_to(function: str, level: str) -> None:
    logging = Deployment({"SystemLogLevel": level}).properties(function)["LoggingConfig"]
    assert logging["SystemLogLevel"] == level
    assert STACK.properties(function)["LoggingConfig"]["SystemLogLevel"] == "WARN"


def test_the_page_on_deployment_has_each_parameter_with_its_default() -> None:
    page = (ROOT / "docs" / "deploy.md").read_text()
    rows = re.findall(r"^\| `([A-Z]\w+)` \| `?([^|`]*?)`? \|", page, re.MULTILINE)
    in_words = {"": "(none)"}
    definitions = STACK.parameter_definitions
    assert {name: default for name, default in rows if name in definitions} == {
        name: in_words.get(str(each["Default"]), str(each["Default"]))
        for name, each in definitions.items()
    }
