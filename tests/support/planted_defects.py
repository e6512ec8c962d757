"""Plants a defect in running code.

Defects are planted from outside: in the conditions that the clients send, or in the place of a
function. So they outlive most changes of the expressions.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest

from tests.support.function_instances import FunctionInstance

Instances = Sequence[FunctionInstance]
Planting = Callable[[Instances], AbstractContextManager[None]]
Parameters = dict[str, Any]


def altering_updates(alter: Callable[[Parameters], None]) -> Planting:
    """Alter the parameters of each ``UpdateItem``."""

    def send_altered(params: Parameters, **_: Any) -> None:
        alter(params)

    @contextmanager
    def planted(instances: Instances) -> Iterator[None]:
        event = "provide-client-params.dynamodb.UpdateItem"
        for each in instances:
            each.table.client.meta.events.register(event, send_altered)
        try:
            yield
        finally:
            for each in instances:
                each.table.client.meta.events.unregister(event, send_altered)

    return planted


def without_clause(pattern: str) -> Planting:
    """Take each clause that the pattern is found in from the conditions of the updates."""
    taken: list[str] = []

    def alter(params: Parameters) -> None:
        clauses = str(params.pop("ConditionExpression")).split(" AND ")
        kept = " AND ".join(each for each in clauses if not re.search(pattern, each))
        taken.extend(each for each in clauses if re.search(pattern, each))
        if kept:
            params["ConditionExpression"] = kept
        # DynamoDB refuses values that no expression uses.
        used = set(re.findall(r":\w+", f"{params['UpdateExpression']} {kept}"))
        values: Mapping[str, Any] = params["ExpressionAttributeValues"]
        params["ExpressionAttributeValues"] = {name: values[name] for name in used}

    @contextmanager
    def planted(instances: Instances) -> Iterator[None]:
        with altering_updates(alter)(instances):
            yield
        assert taken, f"no condition has a clause with {pattern}"

    return planted


def replacing(target: str, replacement: Callable[..., Any]) -> Planting:
    """Put another function in the place of one, which is named by its module and its name."""

    @contextmanager
    def planted(_: Instances) -> Iterator[None]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(target, replacement)
            yield

    return planted
