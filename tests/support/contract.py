"""The contract: openapi.yaml for answers, a schema for each kind of event."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator

from tests.support.api_events import Answered

ROOT = Path(__file__).parent.parent.parent
OPENAPI_FILE = ROOT / "openapi.yaml"
OPENAPI: dict[str, Any] = yaml.safe_load(OPENAPI_FILE.read_text())
EVENT_SCHEMAS: dict[str, dict[str, Any]] = {
    "SessionExpired": json.loads((ROOT / "session-expired.schema.json").read_text()),
    "SessionExpiring": json.loads((ROOT / "session-expiring.schema.json").read_text()),
}


def assert_schema(schema: str, instance: object) -> None:
    """Raise where the instance is not what the contract calls ``schema``."""
    Draft202012Validator(
        {**OPENAPI, "$ref": f"#/components/schemas/{schema}"},
        format_checker=Draft202012Validator.FORMAT_CHECKER,
    ).validate(instance)


def assert_event_schema(event: Mapping[str, Any]) -> None:
    """Raise where it is not an event of its detail type, as a rule's target gets it."""
    Draft202012Validator(
        EVENT_SCHEMAS[event["detail-type"]], format_checker=Draft202012Validator.FORMAT_CHECKER
    ).validate(event)


def assert_detail_schema(detail: object, detail_type: str = "SessionExpired") -> None:
    """Raise where it is not the detail of one; whether an ID is a UUID is not looked at."""
    schema = EVENT_SCHEMAS[detail_type]
    detail_schema = {**schema["properties"]["detail"], "$defs": schema["$defs"]}
    Draft202012Validator(detail_schema).validate(detail)


def answered(response: dict[str, Any]) -> Answered:
    """The response, read, once it is sure to be in the contract's shape."""
    answer = Answered(response)
    assert_schema("SessionInfo" if answer.status == 200 else "Error", answer.body)
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"
    return answer
