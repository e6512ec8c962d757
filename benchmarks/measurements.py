"""docs/measurements.json: the figures of each part, and what they were taken with."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parent.parent / "docs"
FILE = DOCS / "measurements.json"
LINE_LENGTH = 240

Figures = dict[str, Any]
"""What one part measured, as JSON."""

Part = Mapping[str, Any]
"""The figures of a part as they are stored: ``taken`` with what, in so many ``seconds``."""


def read_measurements(file: Path = FILE) -> dict[str, Part]:
    """The parts that were measured, by name."""
    measured: dict[str, Part] = json.loads(file.read_text()) if file.exists() else {}
    return measured


def write_measurements(measured: Mapping[str, Part], file: Path = FILE) -> None:
    """Replace the file."""
    file.write_text(_json(measured) + "\n")


def _json(value: Any, indent: str = "") -> str:
    """The value as JSON: on one line if it fits, for files that can be read and compared."""
    line = json.dumps(value, ensure_ascii=False)
    if len(indent) + len(line) < LINE_LENGTH or not isinstance(value, dict | list):
        return line
    deeper = indent + "  "
    if isinstance(value, list):
        start, end = "[]"
        lines = [_json(each, deeper) for each in value]
    else:
        start, end = "{}"
        lines = [f"{json.dumps(name)}: {_json(each, deeper)}" for name, each in value.items()]
    return f"{start}\n{deeper}" + f",\n{deeper}".join(lines) + f"\n{indent}{end}"
