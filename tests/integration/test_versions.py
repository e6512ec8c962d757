"""The published versions of the functions, which their aliases call: when there is a new one."""

from collections.abc import Iterable
from functools import cache
from typing import Any

import pytest
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from local.template import Template
from tests.support.deployed_template import REGION, Deployment, transform
from tests.support.parameter_values import longest_values, other_values

pytestmark = pytest.mark.long

MAX_DESCRIPTION_CHARS = 256  # Lambda's limit for that of a version
MAX_STACK_NAME_CHARS = 128  # CloudFormation's limit
FUNCTIONS = Deployment().functions()
REPLACED_FOR = {
    "AWS::IAM::Role": {"RoleName", "Path"},
    "AWS::Logs::LogGroup": {"LogGroupName"},
    "AWS::SecretsManager::Secret": {"Name"},
    "AWS::SQS::Queue": {"QueueName", "FifoQueue"},
}
"""Types whose resources CloudFormation replaces for a change of these properties alone."""


OF_NO_VERSION = {"ReservedConcurrentExecutions"}
"""Properties that Lambda keeps for a function as a whole, whatever version is called."""


def versioned(deployment: Deployment, function: str) -> dict[str, Any]:
    """The function's configuration, as far as a version has it."""
    properties = deployment.properties(function)
    return {name: value for name, value in properties.items() if name not in OF_NO_VERSION}


def reaching(function: str, changes: Iterable[Deployment]) -> list[Deployment]:
    """The changes by which the function gets another configuration."""
    before = versioned(Deployment(), function)
    return [change for change in changes if versioned(change, function) != before]


@cache
def parameter_changes() -> list[Deployment]:
    return [Deployment({name: value}) for name, value in other_values().items()]


@cache
def replacements() -> list[Deployment]:
    """Of each resource that can be replaced although what is written of it keeps its place."""
    stack = Deployment()
    return [
        Deployment(replaced=name)
        for name, resource in stack.resources.items()
        if resource["Type"] not in REPLACED_FOR and not name.startswith(tuple(FUNCTIONS))
    ]


def published(deployment: Deployment, function: str) -> Any:
    """What tells one version from another: CloudFormation updates neither in place."""
    logical_id, version = deployment.version(function)
    return logical_id, version["Properties"]["Description"]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_another_parameter_value_publishes_another_version(function: str) -> None:
    """Otherwise the alias, and so the API, would stay on the version with the old value."""
    changes = reaching(function, parameter_changes())
    assert changes
    for change in changes:
        assert published(change, function) != published(Deployment(), function), change.parameters


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_replaced_resource_publishes_another_version(function: str) -> None:
    """Otherwise the version would call the old table, which may be gone."""
    changes = reaching(function, replacements())
    assert changes or "SESSIONS_TABLE" not in Deployment().environment(function)
    for change in changes:
        assert published(change, function) != published(Deployment(), function), change.replaced


@pytest.mark.parametrize("function", FUNCTIONS)
def test_another_property_in_the_template_publishes_another_version(function: str) -> None:
    document = Template().document
    document["Resources"][function]["Properties"]["Timeout"] = 99
    logical_id, _ = Deployment().version(function)
    assert logical_id not in transform(document, {})["Resources"]


@pytest.mark.parametrize("kind", REPLACED_FOR)
def test_what_no_description_has_is_never_replaced(kind: str) -> None:
    resources = Deployment().of_type(kind)
    assert resources
    for properties in resources.values():
        assert not REPLACED_FOR[kind] & properties.keys()


@pytest.mark.parametrize("kind", REPLACED_FOR)
def test_cloudformation_replaces_such_a_resource_for_nothing_else(kind: str) -> None:
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema(REGION, kind).schema
    paths = schema["createOnlyProperties"]
    assert REPLACED_FOR[kind] == {path.removeprefix("/properties/") for path in paths}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_change_that_does_not_reach_a_function_keeps_its_version(function: str) -> None:
    before = Deployment()
    for change in [*parameter_changes(), *replacements()]:
        if versioned(change, function) == versioned(before, function):
            assert published(change, function) == published(before, function)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_version_description_is_never_too_long(function: str) -> None:
    for parameters in (longest_values(), {}):
        largest = Deployment(parameters, stack="s" * MAX_STACK_NAME_CHARS)
        assert len(published(largest, function)[1]) <= MAX_DESCRIPTION_CHARS


@pytest.mark.parametrize("function", FUNCTIONS)
def test_each_parameter_of_a_description_has_a_longest_value(function: str) -> None:
    for change in reaching(function, parameter_changes()):
        assert change.parameters.keys() <= longest_values().keys()


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_version_is_deleted_when_the_next_has_taken_its_place(function: str) -> None:
    _, version = Deployment().version(function)
    assert version["DeletionPolicy"] == version.get("UpdateReplacePolicy", "Delete") == "Delete"
