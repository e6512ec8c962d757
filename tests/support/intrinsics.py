"""CloudFormation's intrinsic functions, as far as templates of ours use them.

The meaning of each is that of the CloudFormation template reference. What is not known here, and
what CloudFormation would refuse, is an error: nothing is left as it was.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

NO_VALUE = object()
"""What a property has that is to be left out: ``AWS::NoValue``."""

Lookup = Callable[[str, str], Any]
"""The value of a parameter or resource: its name and the attribute, which is ``Ref`` for itself."""

_PLACEHOLDER = re.compile(r"\$\{(!?)([^}]+)\}")


class IntrinsicError(ValueError):
    """CloudFormation would refuse this, or it is a function that is not known here."""


def resolve(node: Any, lookup: Lookup, conditions: Mapping[str, Any]) -> Any:
    """The node with a value in the place of every function call.

    Raises:
        IntrinsicError: a call has no value.
    """

    def value_of(node: Any) -> Any:
        if isinstance(node, list):
            return [each for each in map(value_of, node) if each is not NO_VALUE]
        if not isinstance(node, dict):
            return node
        name, *others = node or [""]
        if name in ("Ref", "Condition") or name.startswith("Fn::"):
            if others or name not in functions:
                raise IntrinsicError(f"not a call of a known function: {node}")
            return functions[name](node[name])
        values = {key: value_of(each) for key, each in node.items()}
        return {key: each for key, each in values.items() if each is not NO_VALUE}

    def text(node: Any) -> str:
        value = value_of(node)
        if not isinstance(value, str | int):
            raise IntrinsicError(f"not a text: {node} is {value}")
        return str(value)

    def texts(node: Any) -> list[str]:
        values = value_of(node)
        if not isinstance(values, list):
            raise IntrinsicError(f"not a list: {node} is {values}")
        return list(map(text, values))

    def attribute(argument: Any) -> Any:
        names = argument if isinstance(argument, list) else argument.split(".", 1)
        return lookup(*names)

    def substitute(argument: Any) -> str:
        template, own = argument if isinstance(argument, list) else (argument, {})

        def replacement(found: re.Match[str]) -> str:
            literal, name = found.groups()
            if literal:
                return f"${{{name}}}"
            if name in own:
                return text(own[name])
            return text({"Fn::GetAtt": name} if "." in name else {"Ref": name})

        return _PLACEHOLDER.sub(replacement, template)

    def select(argument: Any) -> str:
        index, values = int(text(argument[0])), texts(argument[1])
        if not 0 <= index < len(values):
            raise IntrinsicError(f"no element {index}: {values}")
        return values[index]

    def holds(condition: Any) -> bool:
        """Of a condition's name or of its definition."""
        if isinstance(condition, str):
            if condition not in conditions:
                raise IntrinsicError(f"no condition {condition}")
            condition = conditions[condition]
        value = value_of(condition)
        if not isinstance(value, bool):
            raise IntrinsicError(f"not a condition: {condition}")
        return value

    functions: dict[str, Callable[[Any], Any]] = {
        "Ref": lambda name: NO_VALUE if name == "AWS::NoValue" else lookup(name, "Ref"),
        "Condition": holds,
        "Fn::And": lambda each: all(map(holds, each)),
        "Fn::Equals": lambda pair: text(pair[0]) == text(pair[1]),
        "Fn::GetAtt": attribute,
        "Fn::If": lambda argument: value_of(argument[1 if holds(argument[0]) else 2]),
        "Fn::Join": lambda argument: argument[0].join(texts(argument[1])),
        "Fn::Not": lambda each: not holds(each[0]),
        "Fn::Or": lambda each: any(map(holds, each)),
        "Fn::Select": select,
        "Fn::Split": lambda argument: text(argument[1]).split(argument[0]),
        "Fn::Sub": substitute,
    }
    return value_of(node)
