"""The contract: openapi.yaml for answers, session-expired.schema.json for events."""

import json
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator

from tests.support.api_events import Answered

ROOT = Path(__file__).parent.parent.parent
OPENAPI_FILE = ROOT / "openapi.yaml"
OPENAPI: dict[str, Any] = yaml.safe_load(OPENAPI_FILE.read_text())
SESSION_EXPIRED: dict[str, Any] = json.loads((ROOT / "session-expired.schema.json").read_text())


def assert_schema(schema: str, instance: object) -> None:
    """Raise where the instance is not what the contract calls ``schema``."""
    Draft202012Validator(
        {**OPENAPI, "$ref": f"#/components/schemas/{schema}"},
        format_checker=Draft202012Validator.FORMAT_CHECKER,
    ).validate(instance)


def assert_event_schema(event: object) -> None:
    """Raise where it is not a ``SessionExpired`` event, as a rule's target gets it."""
    Draft202012Validator(
        SESSION_EXPIRED, format_checker=Draft202012Validator.FORMAT_CHECKER
    ).validate(event)


def assert_detail_schema(detail: object) -> None:
    """Raise where it is not the detail of one; whether an ID is a UUID is not looked at."""
    schema = SESSION_EXPIRED["properties"]["detail"]
    Draft202012Validator({**schema, "$defs": SESSION_EXPIRED["$defs"]}).validate(detail)


def answered(response: dict[str, Any]) -> Answered:
    """The response, read, once it is sure to be in the contract's shape."""
    answer = Answered(response)
    assert_schema("SessionInfo" if answer.status == 200 else "Error", answer.body)
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"
    return answer
