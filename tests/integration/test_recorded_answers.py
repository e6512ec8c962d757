"""Every outcome of every call is answered as recorded: what a reshaping must not change.

``RECORD=1 pytest tests/integration/test_recorded_answers.py`` records anew. The difference to the
recording that it replaces is the change that clients see.
"""

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from storage.table import SessionsTable
from tests.support.scenarios import OTHER_ID, SCENARIOS, play
from tests.support.sessions import AGENT_ID, USER_ID
from tests.support.tables import create_table

RECORDING = Path(__file__).parent.parent / "support" / "recorded_answers.json"

# The spelling of a number matters, the order of an object's members does not.
parse = json.JSONDecoder(parse_int=str, parse_float=str).decode

NEW_ID = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def without_randomness(answers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The answers with new sessions numbered as they appear, and the range of random seconds."""
    text = re.sub('"Retry-After": "[1-3]"', '"Retry-After": "1 to 3"', json.dumps(answers))
    for number, made in enumerate(dict.fromkeys(NEW_ID.findall(text))):
        if made not in {AGENT_ID, USER_ID, OTHER_ID}:
            text = text.replace(made, f"new-session-{number}")
    found: list[dict[str, Any]] = json.loads(text)
    return found


def parsed(answers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The answers with their bodies parsed."""
    return [{**each, "body": parse(each["body"] or "null")} for each in answers]


@pytest.mark.parametrize("name", SCENARIOS)
def test_an_answer_is_the_recorded_one(table: SessionsTable, name: str) -> None:
    own_table = create_table(table.client)
    try:
        answers = without_randomness(play(own_table, SCENARIOS[name]))
    finally:
        table.client.delete_table(TableName=own_table.name)
    recording: dict[str, Any] = json.loads(RECORDING.read_text())
    if os.environ.get("RECORD"):
        recording[name] = answers
        lines = (f"{json.dumps(each)}: {json.dumps(recording.get(each))}" for each in SCENARIOS)
        RECORDING.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    assert parsed(answers) == parsed(recording[name])
