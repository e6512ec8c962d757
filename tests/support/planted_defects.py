"""Plants a defect in running code.

Defects are planted from outside: in the conditions that the clients send, or in the place of a
function. So they outlive most changes of the expressions.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from itertools import product
from typing import Any

import pytest

from tests.support.function_instances import FunctionInstance

Instances = Sequence[FunctionInstance]
Planting = Callable[[Instances], AbstractContextManager[None]]
Parameters = dict[str, Any]


def altering_updates(alter: Callable[[Parameters], None]) -> Planting:
    """Alter the parameters of each update, alone or in a transaction."""

    def alter_update(params: Parameters, **_: Any) -> None:
        alter(params)

    def alter_transaction(params: Parameters, **_: Any) -> None:
        for part in params["TransactItems"]:
            if "Update" in part:
                alter(part["Update"])

    alterations = {"UpdateItem": alter_update, "TransactWriteItems": alter_transaction}

    @contextmanager
    def planted(instances: Instances) -> Iterator[None]:
        all_events = [each.table.client.meta.events for each in instances]
        for events, (operation, altered) in product(all_events, alterations.items()):
            events.register(f"provide-client-params.dynamodb.{operation}", altered)
        try:
            yield
        finally:
            for events, (operation, altered) in product(all_events, alterations.items()):
                events.unregister(f"provide-client-params.dynamodb.{operation}", altered)

    return planted


def without_clause(pattern: str, *, of: str = "") -> Planting:
    """Take each clause that the pattern is found in from the conditions of the updates.

    ``of`` is a pattern that these updates, or their conditions, have.
    """
    taken: list[str] = []

    def alter(params: Parameters) -> None:
        if not re.search(of, f"{params['UpdateExpression']} {params['ConditionExpression']}"):
            return
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
