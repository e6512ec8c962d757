"""The templates of docs/access.md: CloudFormation takes them, and they ask who calls."""

import json
import subprocess
import sys
from typing import Any

import pytest
from cfnlint.api import ManualArgs, lint

from examples.access.__main__ import FOLDER, template_with
from tests.support.contract import OPENAPI, ROOT
from tests.support.deployed_template import REGION, transform

pytestmark = pytest.mark.long

EXCERPTS = {
    "jwt": {"JwtIssuer": "https://id.example.com", "JwtAudiences": "sessions"},
    "iam": {},
}
STACKS = {"domain": REGION, "kms-key": REGION, "cloudfront": "us-east-1"}
AUTHORIZERS = {"jwt": "Tokens", "iam": "AWS_IAM"}


def api_with(excerpt: str) -> dict[str, Any]:
    """The OpenAPI document that SAM makes of the template with the excerpt."""
    resources = transform(template_with(excerpt), EXCERPTS[excerpt])["Resources"]
    definition: dict[str, Any] = resources["SessionsApi"]["Properties"]["Body"]
    return definition


def authorizers_of(definition: dict[str, Any]) -> dict[tuple[str, str], str]:
    """The authorizer of each route."""
    return {
        (method, path): name
        for path, operations in definition["paths"].items()
        for method, operation in operations.items()
        for (name,) in operation["security"]
    }


def test_every_file_is_tested() -> None:
    assert {file.stem for file in FOLDER.glob("*.yaml")} == {*EXCERPTS, *STACKS}


@pytest.mark.parametrize("excerpt", EXCERPTS)
def test_every_call_of_the_contract_needs_the_authorizer(excerpt: str) -> None:
    authorizers = authorizers_of(api_with(excerpt))
    for path, operations in OPENAPI["paths"].items():
        for method in operations:
            assert authorizers[method, path] == AUTHORIZERS[excerpt]


@pytest.mark.parametrize("excerpt", EXCERPTS)
def test_preflights_need_no_authorizer_on_any_path(excerpt: str) -> None:
    """Browsers send them without a token. The routes that get them refuse all other methods."""
    authorizers = authorizers_of(api_with(excerpt))
    open_to_all = {route for route, name in authorizers.items() if name == "NONE"}
    any_method = "x-amazon-apigateway-any-method"
    assert open_to_all == {(any_method, path) for path in [*OPENAPI["paths"], "$default"]}


@pytest.mark.parametrize("excerpt", EXCERPTS)
def test_every_authorizer_that_a_route_needs_is_defined(excerpt: str) -> None:
    definition = api_with(excerpt)
    needed = {*authorizers_of(definition).values()} - {"NONE"}
    assert set(definition["components"]["securitySchemes"]) == needed


def test_tokens_are_checked_for_their_issuer_and_their_audience() -> None:
    scheme = api_with("jwt")["components"]["securitySchemes"]["Tokens"]
    authorizer = scheme["x-amazon-apigateway-authorizer"]
    assert authorizer["type"] == "jwt"
    assert authorizer["identitySource"] == "$request.header.Authorization"
    assert authorizer["jwtConfiguration"] == {
        "issuer": {"Ref": "JwtIssuer"},
        "audience": {"Fn::Split": [",", {"Ref": "JwtAudiences"}]},
    }


@pytest.mark.parametrize("excerpt", EXCERPTS)
def test_the_template_with_an_excerpt_has_no_lint(excerpt: str) -> None:
    found = lint(json.dumps(template_with(excerpt)), config=ManualArgs(regions=[REGION]))
    assert not found


@pytest.mark.parametrize("stack", STACKS)
def test_a_template_beside_the_api_has_no_lint(stack: str) -> None:
    text = (FOLDER / f"{stack}.yaml").read_text()
    assert not lint(text, config=ManualArgs(regions=[STACKS[stack]]))


def test_the_program_prints_the_template_with_an_excerpt() -> None:
    command = [sys.executable, "-m", "examples.access", "jwt"]
    environment = {"PYTHONPATH": "src:."}
    printed = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=True)
    assert json.loads(printed.stdout) == template_with("jwt")
