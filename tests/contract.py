"""The contract, openapi.yaml, as something an answer can be held to."""

from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator

from tests.events import Answered

OPENAPI_FILE = Path(__file__).parent.parent / "openapi.yaml"
OPENAPI: dict[str, Any] = yaml.safe_load(OPENAPI_FILE.read_text())


def hold_to(schema: str, instance: object) -> None:
    """Raise where the instance is not what the contract calls ``schema``."""
    Draft202012Validator(
        {**OPENAPI, "$ref": f"#/components/schemas/{schema}"},
        format_checker=Draft202012Validator.FORMAT_CHECKER,
    ).validate(instance)


def answered(response: dict[str, Any]) -> Answered:
    """The response, read, once it is sure to be in the contract's shape."""
    answer = Answered(response)
    hold_to("SessionInfo" if answer.status == 200 else "Error", answer.body)
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"
    return answer
