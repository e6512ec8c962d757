"""Each function may do what it was seen to do in the suite, and nothing else."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

import boto3
import pytest

from storage.keys import IDEMPOTENCY_PREFIX
from storage.table import SessionsTable
from tests.support.api_events import EVENTS
from tests.support.deployed_template import PLACE, Deployment
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
STACK = Deployment()
TABLE, STREAM = STACK.value("SessionsTable", "Arn"), STACK.value("SessionsTable", "StreamArn")
RESOURCES = {
    TABLE: "table",
    f"{TABLE}/index/byAgent": "index byAgent",
    f"{TABLE}/index/byUser": "index byUser",
    f"{TABLE}/stream/*": "streams",
    STREAM: "stream",
    STACK.value("ExpiryDeadLetters", "Arn"): "queue",
    STACK.value("TimerDeadLetters", "Arn"): "timers' dead letters",
    STACK.value("TimerQueue", "Arn"): "timers",
    f"arn:aws:events:{PLACE}:event-bus/{STACK.value('EventBusName')}": "bus",
}
LOGS = {
    "RenewFunction": "RenewLog",
    "SessionsFunction": "SessionsLog",
    "ExpiryFunction": "ExpiryLog",
    "TimerFunction": "TimerLog",
}
# Its batch has no permission of its own: AWS, "Amazon SQS batch actions".
SQS_ACTIONS = {"SendMessageBatch": "sqs:SendMessage"}
Permission = tuple[str, str]


def permissions_of(function: str) -> set[Permission]:
    """The actions that its role allows the function, each with its resource."""
    statements = STACK.statements(function)
    assert all(statement["Effect"] == "Allow" for statement in statements)
    return {
        (action, RESOURCES[resource])
        for statement in statements
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
    own_table = create_table(table.client)
    for scenario in SCENARIOS.values():
        calls = [call for call in scenario.calls if call.path.endswith("/renew") is renewals]
        if not calls:
            continue
        play(own_table, type(scenario)((), scenario.stored))
        with recorded_requests(table.client) as requests:
            play(own_table, type(scenario)(tuple(calls)))
        needed |= set(needed_for(requests))
    return needed


@pytest.mark.usefixtures("pauses")
@pytest.mark.parametrize(
    ("function", "renewals"), [("RenewFunction", True), ("SessionsFunction", False)]
)
def test_a_function_of_the_api_may_do_what_its_calls_need(
    table_on_dynamodb_local: SessionsTable, function: str, renewals: bool
) -> None:
    assert permissions_of(function) == seen_in(table_on_dynamodb_local, renewals=renewals)


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
    needed |= {(SQS_ACTIONS[each.operation], "queue") for each in kept}
    assert permissions_of("ExpiryFunction") == needed | STREAM_READING


@pytest.mark.parametrize("function", STACK.functions())
def test_besides_that_a_function_may_only_write_its_own_log(function: str) -> None:
    (statement,) = STACK.statements(function, log=True)
    assert statement == {
        "Effect": "Allow",
        "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
        "Resource": STACK.value(LOGS[function], "Arn"),
    }
    assert STACK.properties(function)["LoggingConfig"]["LogGroup"] == STACK.value(LOGS[function])


def test_no_role_has_a_managed_policy() -> None:
    for role in STACK.of_type("AWS::IAM::Role").values():
        assert "ManagedPolicyArns" not in role


@pytest.mark.parametrize("function", ["RenewFunction", "TimerFunction"])
def test_renewals_and_timers_may_not_write_what_is_no_session(function: str) -> None:
    (statement,) = (
        each for each in STACK.statements(function) if each["Action"] == "dynamodb:UpdateItem"
    )
    assert statement["Condition"] == {
        "ForAllValues:StringNotLike": {"dynamodb:LeadingKeys": f"{IDEMPOTENCY_PREFIX}*"}
    }


@pytest.mark.parametrize("queue", STACK.of_type("AWS::SQS::Queue"))
def test_a_queue_refuses_whoever_comes_without_tls(queue: str) -> None:
    policy = STACK.properties(f"{queue}Policy")
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert policy["Queues"] == [STACK.value(queue)]
    assert statement["Resource"] == STACK.value(queue, "Arn")
    assert (statement["Effect"], statement["Principal"], statement["Action"]) == (
        "Deny",
        "*",
        "sqs:*",
    )
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_each_function_has_a_role_of_its_own() -> None:
    roles = {STACK.properties(function)["Role"] for function in STACK.functions()}
    assert roles == {STACK.value(role, "Arn") for role in STACK.of_type("AWS::IAM::Role")}
    assert len(roles) == len(STACK.functions())
