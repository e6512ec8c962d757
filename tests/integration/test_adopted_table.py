"""A stack that uses a restored table instead of its own, as SAM's transform makes it."""

import json
from typing import Any

import pytest

from tests.support.deployed_template import Deployment
from tests.support.parameter_values import ADOPTED_STREAM, ADOPTED_TABLE, is_allowed

PARAMETER = "AdoptedTableStreamArn"
OWN = Deployment()
ADOPTING = Deployment({PARAMETER: ADOPTED_STREAM})


def made_of(stack: Deployment) -> Any:
    """The resources and outputs. Versions are called by what they are of: their IDs are hashes."""
    versions = {stack.version(function)[0]: f"{function}Version" for function in stack.functions()}
    text = json.dumps([stack.resources, stack.outputs])
    for logical_id, name in versions.items():
        text = text.replace(logical_id, name)
    return json.loads(text)


def without_roles(made: Any) -> Any:
    """The same without the roles, which are used by the versions before and after a switch."""
    resources, outputs = made
    kept = {name: each for name, each in resources.items() if each["Type"] != "AWS::IAM::Role"}
    return kept, outputs


def with_the_adopted_table(made: Any) -> Any:
    """The same with the adopted table in the place of the stack's own."""
    stream = OWN.value("SessionsTable", "StreamArn")
    text = json.dumps(made).replace(stream, ADOPTED_STREAM)
    text = text.replace(OWN.value("SessionsTable", "Arn"), ADOPTED_TABLE)
    text = text.replace(OWN.value("SessionsTable"), ADOPTED_TABLE.rpartition("/")[2])
    label, adopted_label = (each.rpartition("/")[2] for each in (stream, ADOPTED_STREAM))
    return json.loads(text.replace(label, adopted_label))


def permissions(stack: Deployment, function: str) -> list[Any]:
    """Each action that the function's role allows, with a resource and a condition."""
    return [
        [action, resource, statement.get("Condition")]
        for statement in stack.statements(function)
        for action in _as_list(statement["Action"])
        for resource in _as_list(statement["Resource"])
    ]


def _as_list(one_or_more: Any) -> list[Any]:
    return one_or_more if isinstance(one_or_more, list) else [one_or_more]


def test_all_that_uses_the_own_table_uses_the_adopted_one_instead() -> None:
    adopting = json.loads(json.dumps(without_roles(made_of(ADOPTING))))
    assert adopting == with_the_adopted_table(without_roles(made_of(OWN)))


@pytest.mark.parametrize("function", OWN.functions())
def test_a_role_allows_the_same_on_both_tables(function: str) -> None:
    """The versions before a switch serve clients until those after it do."""
    own = permissions(OWN, function)
    both = [*own, *(each for each in with_the_adopted_table(own) if each not in own)]
    assert sorted(permissions(ADOPTING, function), key=str) == sorted(both, key=str)


def test_the_own_table_is_used_where_none_is_adopted() -> None:
    assert ADOPTED_TABLE not in json.dumps(made_of(OWN))
    assert OWN.outputs["SessionsTableName"] == OWN.value("SessionsTable")


def test_the_own_table_stays_where_another_is_adopted() -> None:
    assert ADOPTING.resources["SessionsTable"] == OWN.resources["SessionsTable"]


@pytest.mark.parametrize("arn", ["", ADOPTED_STREAM])
def test_a_stream_may_be_adopted_or_none(arn: str) -> None:
    assert is_allowed(PARAMETER, arn)


@pytest.mark.parametrize(
    "arn", ["restored", ADOPTED_TABLE, f"{ADOPTED_TABLE}/stream/", f"{ADOPTED_STREAM}/"]
)
def test_what_is_no_stream_of_a_table_is_refused(arn: str) -> None:
    assert not is_allowed(PARAMETER, arn)
