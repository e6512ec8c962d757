"""How calls move to a new version of a function: at once, or gradually by CodeDeploy."""

import re
from collections.abc import Iterator
from graphlib import TopologicalSorter
from typing import Any

import pytest

from local.template import Template
from tests.support.deployed_template import Deployment, transformed

GRADUAL = [
    value
    for value in Deployment().parameter_definitions["ReleasePreference"]["AllowedValues"]
    if value != "AllAtOnce"
]
API_FUNCTIONS = ("RenewFunction", "SessionsFunction")


def deployed(preference: str) -> Deployment:
    """The stack with this preference."""
    return Deployment({"ReleasePreference": preference})


def alias(deployment: Deployment, function: str) -> dict[str, Any]:
    """The whole resource of the function's alias."""
    resource: dict[str, Any] = deployment.resources[f"{function}Aliaslive"]
    return resource


def test_by_default_nothing_of_codedeploy_is_deployed() -> None:
    stack = Deployment()
    types = {resource["Type"] for resource in stack.resources.values()}
    assert not [each for each in types if each.startswith("AWS::CodeDeploy::")]
    assert "CodeDeployServiceRole" not in stack.resources


@pytest.mark.parametrize("function", Deployment().functions())
def test_by_default_an_alias_is_moved_at_once(function: str) -> None:
    assert "UpdatePolicy" not in alias(Deployment(), function)


@pytest.mark.parametrize("preference", GRADUAL)
def test_a_gradual_release_is_the_one_that_codedeploy_knows(preference: str) -> None:
    groups = deployed(preference).of_type("AWS::CodeDeploy::DeploymentGroup")
    assert {each["DeploymentConfigName"] for each in groups.values()} == {
        f"CodeDeployDefault.Lambda{preference}"
    }


@pytest.mark.parametrize("function", API_FUNCTIONS)
def test_an_alias_of_the_api_is_moved_by_its_deployment_group(function: str) -> None:
    stack = deployed(GRADUAL[0])
    assert alias(stack, function)["UpdatePolicy"]["CodeDeployLambdaAliasUpdate"] == {
        "ApplicationName": stack.value("ServerlessDeploymentApplication"),
        "DeploymentGroupName": stack.value(f"{function}DeploymentGroup"),
    }


def test_expiries_are_always_moved_at_once() -> None:
    assert "UpdatePolicy" not in alias(deployed(GRADUAL[0]), "ExpiryFunction")


def test_a_release_is_rolled_back_for_an_alarm_and_for_a_failure() -> None:
    for group in deployed(GRADUAL[0]).of_type("AWS::CodeDeploy::DeploymentGroup").values():
        rollback = group["AutoRollbackConfiguration"]
        assert rollback["Enabled"]
        assert set(rollback["Events"]) >= {"DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM"}


@pytest.mark.parametrize("function", API_FUNCTIONS)
def test_alarms_that_a_release_can_set_off_roll_it_back(function: str) -> None:
    stack = deployed(GRADUAL[0])
    alarms = stack.properties(f"{function}DeploymentGroup")["AlarmConfiguration"]["Alarms"]
    expected = (f"{function}ErrorsAlarm", "InternalErrorsAlarm", "StorageFaultsAlarm")
    assert {each["Name"] for each in alarms} == {stack.value(name) for name in expected}


@pytest.mark.parametrize("preference", ["AllAtOnce", GRADUAL[0]])
def test_no_resource_waits_for_itself(preference: str) -> None:
    """An alarm that names the API would: the API names the aliases, which wait for its release."""
    resources = transformed((("ReleasePreference", preference),))["Resources"]
    waits_for = {
        name: set(references(resource)) & {*resources} for name, resource in resources.items()
    }
    assert list(TopologicalSorter(waits_for).static_order())


def references(node: Any) -> Iterator[str]:
    """The names of whatever the node refers to, at any depth."""
    match node:
        case {"Ref": str(name)} | {"Fn::GetAtt": [str(name), *_]}:
            yield name
        case {"Fn::GetAtt": str(path)}:
            yield path.partition(".")[0]
        case {"DependsOn": str(name), **rest}:
            yield name
            yield from references(rest)
        case {"Fn::Sub": str(text)}:
            yield from (name.partition(".")[0] for name in re.findall(r"\$\{([^!}]+)\}", text))
        case {"Fn::Sub": [text, values]}:
            yield from references({"Fn::Sub": text})
            yield from references(values)
        case dict():
            yield from (name for each in node.values() for name in references(each))
        case list():
            yield from (name for each in node for name in references(each))


def test_codedeploys_role_is_for_codedeploy_alone() -> None:
    role = deployed(GRADUAL[0]).properties("CodeDeployServiceRole")
    (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": ["codedeploy.amazonaws.com"]}
    assert role["ManagedPolicyArns"] == [
        "arn:aws:iam::aws:policy/service-role/AWSCodeDeployRoleForLambda"
    ]


@pytest.mark.parametrize("function", API_FUNCTIONS)
def test_another_preference_publishes_no_version(function: str) -> None:
    assert deployed(GRADUAL[0]).version(function) == Deployment().version(function)


def test_every_preference_is_said_to_be_gradual_or_not() -> None:
    known = Template().document["Mappings"]["ReleasePreferences"]
    assert list(known) == Deployment().parameter_definitions["ReleasePreference"]["AllowedValues"]
