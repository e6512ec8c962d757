"""Each function may do what it was seen to do in the suite, and nothing else."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

import boto3
import pytest

from local.template import Template
from storage.table import SessionsTable
from tests.support.api_events import EVENTS
from tests.support.functions import expiry_function
from tests.support.queues import Queue
from tests.support.scenarios import SCENARIOS, play
from tests.support.stream_records import Invocation
from tests.support.tables import Requested, create_table, recorded_requests

# Lambda reads the stream with the function's role: its developer guide names these four.
STREAM_READING = {
    ("dynamodb:DescribeStream", "stream"),
    ("dynamodb:GetRecords", "stream"),
    ("dynamodb:GetShardIterator", "stream"),
    ("dynamodb:ListStreams", "streams"),
}
RESOURCES = {
    "SessionsTable.Arn": "table",
    "${SessionsTable.Arn}/index/byAgent": "index byAgent",
    "${SessionsTable.Arn}/index/byUser": "index byUser",
    "${SessionsTable.Arn}/stream/*": "streams",
    "SessionsTable.StreamArn": "stream",
    "ExpiryDeadLetters.Arn": "queue",
    f"arn:{':'.join(['${AWS::Partition}', 'events', '${AWS::Region}', '${AWS::AccountId}'])}"
    ":event-bus/${EventBusName}": "bus",
}
Permission = tuple[str, str]


def permissions_of(function: str) -> set[Permission]:
    """The actions that the template allows the function, each with its resource."""
    (policy,) = Template().properties(function)["Policies"]
    return {
        (action, RESOURCES[next(iter(resource.values()))])
        for statement in policy["Statement"]
        for action in as_list(statement["Action"])
        for resource in as_list(statement["Resource"])
    }


def as_list(one_or_more: Any) -> list[Any]:
    return one_or_more if isinstance(one_or_more, list) else [one_or_more]


def needed_for(requests: Iterable[Requested]) -> Iterator[Permission]:
    """The permissions without which AWS would have denied the requests."""
    for request in requests:
        if request.operation == "TransactWriteItems":
            for item in request.parameters["TransactItems"]:
                yield from ((f"dynamodb:{kind}Item", "table") for kind in item)
        else:
            index = request.parameters.get("IndexName")
            yield f"dynamodb:{request.operation}", f"index {index}" if index else "table"


def seen_in(table: SessionsTable, *, renewals: bool) -> set[Permission]:
    """What the calls need, those of one function or of the other, over all their outcomes."""
    needed: set[Permission] = set()
    for scenario in SCENARIOS.values():
        calls = [call for call in scenario.calls if call.path.endswith("/renew") is renewals]
        if not calls:
            continue
        own_table = create_table(table.client)
        play(own_table, type(scenario)((), scenario.stored))
        with recorded_requests(table.client) as requests:
            play(own_table, type(scenario)(tuple(calls)))
        needed |= set(needed_for(requests))
        table.client.delete_table(TableName=own_table.name)
    return needed


@pytest.mark.parametrize(
    ("function", "renewals"), [("RenewFunction", True), ("SessionsFunction", False)]
)
def test_a_function_of_the_api_may_do_what_its_calls_need(
    table_on_moto: SessionsTable, function: str, renewals: bool
) -> None:
    assert permissions_of(function) == seen_in(table_on_moto, renewals=renewals)


def test_the_expiry_function_may_do_what_its_records_need(
    consumer: Queue,  # noqa: ARG001 - the bus must be there
    dead_letters: Queue,
) -> None:
    events = boto3.client("events")
    sample = json.loads((EVENTS / "removed-by-ttl.json").read_text())
    with recorded_requests(events) as published, recorded_requests(dead_letters.client) as kept:
        function = expiry_function(events, dead_letters)
        function({"Records": [*sample["Records"], {}]}, Invocation())
    needed = {(f"events:{each.operation}", "bus") for each in published}
    needed |= {(f"sqs:{each.operation}", "queue") for each in kept}
    assert permissions_of("ExpiryFunction") == needed | STREAM_READING


def test_no_function_has_a_role_beside_its_policy() -> None:
    template = Template()
    assert not [name for name in template.functions() if "Role" in template.properties(name)]
