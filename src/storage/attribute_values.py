"""DynamoDB's attribute values: how numbers are written, and what is expected where one is read."""

from collections.abc import Mapping
from typing import Any

Item = Mapping[str, Mapping[str, Any]]

PYTHON_TYPES = {"S": str, "N": str, "BOOL": bool, "L": list, "M": dict}
"""The Python type of an attribute value, by DynamoDB's type descriptor."""


def number(value: int) -> dict[str, str]:
    """The number as an attribute value."""
    return {"N": str(value)}


def int_attribute(attributes: Item, name: str) -> int:
    """The integer that the attribute stores.

    Raises:
        ValueError: it is missing, or stores something else; the text names it.
    """
    text = attribute(attributes, name, "N")
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"{name} is not an integer") from None


def attribute(attributes: Item, name: str, kind: str) -> Any:
    """What the attribute stores. ``kind`` is the type descriptor that it must have.

    Raises:
        ValueError: it is missing or has another type; the text names it.
    """
    try:
        value = attributes[name][kind]
    except (KeyError, TypeError):
        value = None
    if type(value) is not PYTHON_TYPES[kind]:
        raise ValueError(f"{name} is missing or not of type {kind}")
    return value
