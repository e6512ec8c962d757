"""What CloudFormation gets: a value of the right type for every property."""

import json
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

import pytest
from cfnlint.api import ManualArgs, lint

from tests.support.contract import ROOT
from tests.support.deployed_template import REGION, Deployment
from tests.support.parameter_values import other_values

COMBINATIONS: dict[str, dict[str, str]] = {
    "defaults": {},
    "all others": other_values(),
    **{name: {name: value} for name, value in other_values().items()},
}


@pytest.mark.parametrize("combination", COMBINATIONS)
def test_every_function_call_of_the_template_has_a_value(combination: str) -> None:
    stack = Deployment(COMBINATIONS[combination])
    assert not list(calls_in([stack.resources, stack.outputs]))


def calls_in(node: Any) -> Iterator[Any]:
    """Every function call that is left, at any depth."""
    if isinstance(node, dict):
        # A policy's condition is a mapping, and no call.
        names = [key for key in node if key != "Condition" or isinstance(node[key], str)]
        if any(name in ("Ref", "Condition") or name.startswith("Fn::") for name in names):
            yield node
        node = list(node.values())
    if isinstance(node, list):
        for each in node:
            yield from calls_in(each)


@pytest.mark.parametrize("combination", ["defaults", "all others"])
def test_each_value_has_the_type_that_cloudformation_wants(combination: str) -> None:
    template = {"Resources": Deployment(COMBINATIONS[combination]).resources}
    found = lint(json.dumps(template), config=ManualArgs(regions=[REGION]))
    assert not [match for match in found if match.rule.severity == "error"]


def test_the_transform_is_the_one_that_sam_cli_has() -> None:
    package = "aws-sam-translator"
    assert f"\n{package}=={version(package)} " in (ROOT / "requirements-sam.txt").read_text()
