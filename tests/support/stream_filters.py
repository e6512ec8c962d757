"""The filters of the stream's event source mapping, as a deployment has them."""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

from moto.events.models import EventPattern

from local.stream import Record
from tests.support.deployed_template import Deployment

if TYPE_CHECKING:
    from moto.events.utils import EventMessageType

DOCUMENTED_BY_LAMBDA = frozenset(
    {"anything-but", "equals-ignore-case", "exists", "numeric", "prefix", "suffix"}
)
"""The operators in Lambda's table, by its developer guide.

It is in "Control which events Lambda sends to your function", seen on 2026-11-30:
docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html. "anything-but" takes whole
values there, and no other operator; EventBridge's table has that for buses, but not for pipes
(docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html).
"""


def patterns(stack: Deployment) -> list[str]:
    """The patterns, one of which a record has to match."""
    filters = stack.properties("ExpiryStream")["FilterCriteria"]["Filters"]
    return [each["Pattern"] for each in filters]


def matches(stack: Deployment, record: Record) -> bool:
    """Whether the record is passed to the function."""
    event = cast("EventMessageType", record)
    return any(EventPattern.load(pattern).matches_event(event) for pattern in patterns(stack))


def operators(pattern: str) -> Iterator[tuple[str, Any]]:
    """Each operator of the pattern, with what it is given."""
    yield from _operators(json.loads(pattern))


def _operators(node: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(node, dict):
        for each in node.values():
            yield from _operators(each)
    if isinstance(node, list):
        for rule in node:
            if isinstance(rule, dict):
                yield from rule.items()
