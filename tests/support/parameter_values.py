"""Values that a template's parameters may have, from how the template declares them."""

import re
from typing import Any

from tests.support.deployed_template import Deployment

ADOPTED_TABLE = "arn:aws:dynamodb:eu-west-1:123456789012:table/restored"
ADOPTED_STREAM = f"{ADOPTED_TABLE}/stream/2026-03-31T12:00:00.000"
TEXTS = (
    "another",
    "https://app.example.com",
    "arn:aws:sns:eu-west-1:123456789012:alarms",
    "arn:aws:secretsmanager:eu-west-1:123456789012:secret:api-keys-a1B2c3",
    "01234567-89ab-cdef-0123-456789abcdef",
    "arn:aws:kms:eu-west-1:123456789012:key/6f815f63-e628-448c-8251-e40cb0d29f59",
    ADOPTED_STREAM,
)


def other_values() -> dict[str, str]:
    """For each parameter, an allowed value that is not the default."""
    return {
        name: next(value for value in _samples(definition) if value != str(definition["Default"]))
        for name, definition in Deployment().parameter_definitions.items()
    }


def longest_values() -> dict[str, str]:
    """For each parameter with a limit, an allowed value that is as long as any."""
    values = {}
    for name, definition in Deployment().parameter_definitions.items():
        if "AllowedValues" in definition:
            values[name] = max(map(str, definition["AllowedValues"]), key=len)
        elif "MaxLength" in definition:
            values[name] = "x" * definition["MaxLength"]
        elif name == "ApiKeys":  # of which the name alone is part of a description
            values[name] = f"arn:aws:secretsmanager:eu-west-1:123456789012:secret:{'x' * 20}-a1B2c3"
            assert is_allowed(name, values[name])
            assert not is_allowed(name, values[name].replace("x-", "xx-"))
        elif name in ("ApiKeysVersion", "SigningKeyVersion"):
            (values[name],) = _samples(definition)
        elif (
            name == "AdoptedTableStreamArn"
        ):  # whose label, which a description has, has one length
            values[name] = ADOPTED_STREAM
        elif "MaxValue" in definition:
            values[name] = str(definition["MaxValue"])
    return values


def is_allowed(parameter: str, value: str) -> bool:
    """Whether the parameter's pattern allows the text."""
    pattern = Deployment().parameter_definitions[parameter]["AllowedPattern"]
    return re.fullmatch(pattern, value) is not None


def _samples(definition: dict[str, Any]) -> list[str]:
    if "AllowedValues" in definition:
        return list(map(str, definition["AllowedValues"]))
    if definition["Type"] == "Number":
        least = definition.get("MinValue", 0)
        return [str(least), str(least + 1)]
    pattern = definition.get("AllowedPattern", ".*")
    return [text for text in TEXTS if re.fullmatch(pattern, text)]
