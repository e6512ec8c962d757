"""The alarms and the dashboard as ``sam deploy`` deploys them, on an emulator of AWS.

It evaluates no alarm on several metrics, and has no saved queries: tests.support.ministack.
"""

import json
from typing import Any

import pytest

from tests.support.alarms import alarms_of
from tests.support.deployed_calls import CALLS
from tests.support.deployed_stack import FUNCTIONS, DeployedStack
from tests.support.deployed_template import Deployment

ALARMS = alarms_of(Deployment())


@pytest.fixture(scope="module")
def deployed_alarms(stack: DeployedStack) -> dict[str, Any]:
    """What CloudWatch says of each alarm, by its logical ID."""
    pages = stack.emulator.client("cloudwatch").get_paginator("describe_alarms").paginate()
    by_name = {each["AlarmName"]: each for page in pages for each in page["MetricAlarms"]}
    return {name: by_name.get(stack.physical_ids[name]) for name in ALARMS}


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_is_there_and_says_what_it_means(
    deployed_alarms: dict[str, Any], name: str
) -> None:
    alarm = deployed_alarms[name]
    assert alarm["AlarmDescription"] == ALARMS[name].properties["AlarmDescription"]


def test_an_alarm_on_one_metric_watches_the_stacks_own(
    stack: DeployedStack, deployed_alarms: dict[str, Any]
) -> None:
    watched = deployed_alarms["StorageFaultsAlarm"]
    dimensions = {each["Name"]: each["Value"] for each in watched["Dimensions"]}
    assert dimensions == {"service": stack.name, "reason": "SERVICE_UNAVAILABLE"}


@pytest.mark.parametrize("function", sorted(FUNCTIONS))
def test_a_function_emits_its_metrics_by_the_stacks_name(
    stack: DeployedStack, function: str
) -> None:
    variables = stack.live(function)["Environment"]["Variables"]
    assert variables["POWERTOOLS_SERVICE_NAME"] == stack.name


def test_the_dashboard_is_there_and_names_the_stacks_resources(stack: DeployedStack) -> None:
    cloudwatch, names = stack.emulator.client("cloudwatch"), stack.physical_ids
    body = cloudwatch.get_dashboard(DashboardName=names["Dashboard"])["DashboardBody"]
    assert json.loads(body)["widgets"]
    assert "${" not in body
    for name in ("SessionsApi", "SessionsTable", "ExpiryStream", "ExpiryLog", "TimerLog"):
        assert names[name] in body
    assert names["Dashboard"] in stack.outputs["DashboardUrl"]["OutputValue"]


def test_a_missing_permission_moves_the_metric_of_internal_errors(stack: DeployedStack) -> None:
    (watched,) = ALARMS["InternalErrorsAlarm"].metrics.values()
    before = stack.lines_with("RenewLog", watched.name)
    with stack.without("RenewFunction", ("dynamodb:UpdateItem", "table/SessionsTable")):
        assert CALLS["renewal"].make(stack).status == 500
    assert CALLS["renewal"].make(stack).status == 200
    (line,) = stack.lines_with("RenewLog", watched.name)[len(before) :]
    assert (line["service"], line["reason"]) == (stack.name, "INTERNAL_SERVER_ERROR")


@pytest.mark.parametrize(
    ("function", "mapping"),
    [("ExpiryFunction", "ExpiryStream"), ("TimerFunction", "TimerMessages")],
)
def test_a_mapping_that_was_stopped_is_seen_and_started_again(
    stack: DeployedStack, function: str, mapping: str
) -> None:
    """By the commands of the runbooks of ExpiryStoppedAlarm and TimerStoppedAlarm."""
    functions, uuid = stack.emulator.client("lambda"), stack.physical_ids[mapping]
    name = f"{stack.physical_ids[function]}:live"

    def state() -> str:
        (found,) = functions.list_event_source_mappings(FunctionName=name)["EventSourceMappings"]
        assert found["UUID"] == uuid
        return str(found["State"])

    functions.update_event_source_mapping(UUID=uuid, Enabled=False)
    assert state().startswith("Disabl")
    functions.update_event_source_mapping(UUID=uuid, Enabled=True)
    assert state().startswith("Enabl")
