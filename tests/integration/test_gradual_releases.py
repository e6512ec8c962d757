"""How calls move to a new version of a function: at once, or gradually by CodeDeploy."""

from typing import Any

import pytest

from local.template import Template
from tests.support.deployed_template import Deployment

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
