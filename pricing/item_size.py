"""The size of a DynamoDB item, which its storage is billed by.

The rules are those of AWS's page "DynamoDB item sizes and formats". Numbers are approximate there.
"""

import math
from collections.abc import Mapping
from typing import Any

OVERHEAD_BYTES = 100
"""What AWS bills besides for every item, and for every entry of an index."""


def item_bytes(item: Mapping[str, Any]) -> int:
    """The size of the item, in DynamoDB's own JSON: its names and its values."""
    return sum(len(name.encode()) + value_bytes(value) for name, value in item.items())


def value_bytes(value: Mapping[str, Any]) -> int:
    """The size of a value. Strings, numbers, Booleans, lists and maps are known."""
    [(kind, content)] = value.items()
    match kind:
        case "S":
            return len(content.encode())
        case "N":
            return math.ceil(len(content.lstrip("-0").replace(".", "").rstrip("0")) / 2) + 1
        case "BOOL":
            return 1
        case "L":
            return 3 + sum(1 + value_bytes(each) for each in content)
        case "M":
            return 3 + sum(
                1 + len(name.encode()) + value_bytes(each) for name, each in content.items()
            )
        case _:
            raise ValueError(f"the size of a {kind} is not known here")


def index_bytes(item: Mapping[str, Any], projected: frozenset[str]) -> int:
    """The size of the item's entry in an index that has these attributes."""
    return item_bytes({name: value for name, value in item.items() if name in projected})
