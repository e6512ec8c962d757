"""Each function may do what it was seen to do in the suite, and nothing else."""

import json
import uuid
from collections.abc import Iterable, Iterator
from typing import Any

import boto3
import pytest

from publishing.dead_letters import DeadLetterQueue
from publishing.event_bus import EventBus
from publishing.expiry_publisher import expiry_handler
from publishing.message_queue import MessageQueue
from publishing.timer_handler import timer_handler
from storage.keys import IDEMPOTENCY_PREFIX
from storage.table import SessionsTable
from tests.support.api_events import EVENTS
from tests.support.deployed_template import PLACE, Deployment
from tests.support.queues import BUS, Queue, create_queue
from tests.support.scenarios import SCENARIOS, play
from tests.support.sessions import NOON_MS, session
from tests.support.stream_records import Invocation
from tests.support.tables import Requested, create_table, put, recorded_requests
from tests.support.timer_deliveries import delivery, start

# Lambda reads the stream with the function's role: its developer guide names these four.
STREAM_READING = {
    ("dynamodb:DescribeStream", "stream"),
    ("dynamodb:GetRecords", "stream"),
    ("dynamodb:GetShardIterator", "stream"),
    ("dynamodb:ListStreams", "streams"),
}
# By the same guide, "Using Lambda with Amazon SQS", these three for the queue.
QUEUE_READING = {
    ("sqs:DeleteMessage", "TimerQueue"),
    ("sqs:GetQueueAttributes", "TimerQueue"),
    ("sqs:ReceiveMessage", "TimerQueue"),
}
STACK = Deployment()
TABLE, STREAM = STACK.value("SessionsTable", "Arn"), STACK.value("SessionsTable", "StreamArn")
RESOURCES = {
    TABLE: "table",
    f"{TABLE}/index/byAgent": "index byAgent",
    f"{TABLE}/index/byUser": "index byUser",
    f"{TABLE}/stream/*": "streams",
    STREAM: "stream",
    **{STACK.value(name, "Arn"): name for name in STACK.of_type("AWS::SQS::Queue")},
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


def needed_for_messages(requests: Iterable[Requested], **queues: Queue) -> Iterator[Permission]:
    """The permissions for these requests to SQS, in which each queue stands for the named one."""
    names = {queue.url: name for name, queue in queues.items()}
    for each in requests:
        yield SQS_ACTIONS[each.operation], names[each.parameters["QueueUrl"]]


@pytest.fixture
def timers(dead_letters: Queue) -> Queue:
    """A timer queue, in moto."""
    return create_queue(dead_letters.client, f"timers-{uuid.uuid4()}")


@pytest.mark.usefixtures("consumer")  # the bus must be there
def test_the_expiry_function_may_do_what_its_records_need(
    dead_letters: Queue, timers: Queue
) -> None:
    events, sqs = boto3.client("events"), dead_letters.client
    handler = expiry_handler(
        EventBus(events, BUS),
        MessageQueue(sqs, timers.url),
        DeadLetterQueue(MessageQueue(sqs, dead_letters.url)),
        lambda: 0,
    )
    (removal,) = json.loads((EVENTS / "removed-by-ttl.json").read_text())["Records"]
    inserted = {"eventName": "INSERT", "dynamodb": {"Keys": removal["dynamodb"]["Keys"]}}
    with recorded_requests(events) as published, recorded_requests(sqs) as sent:
        handler({"Records": [removal, inserted, {}]}, Invocation())
    needed = {(f"events:{each.operation}", "bus") for each in published}
    needed |= set(needed_for_messages(sent, TimerQueue=timers, ExpiryDeadLetters=dead_letters))
    assert permissions_of("ExpiryFunction") == needed | STREAM_READING


@pytest.mark.usefixtures("consumer")
def test_the_timer_function_may_do_what_its_messages_need(
    table_on_moto: SessionsTable, dead_letters: Queue, timers: Queue
) -> None:
    events, sqs, database = boto3.client("events"), dead_letters.client, table_on_moto.client
    handler = timer_handler(
        table_on_moto,
        EventBus(events, BUS),
        MessageQueue(sqs, timers.url),
        DeadLetterQueue(MessageQueue(sqs, dead_letters.url)),
        lambda: NOON_MS,
    )
    put(table_on_moto, session("warned", expires=4))
    put(table_on_moto, session("expired", expires=-1))
    messages = [start("warned"), start("expired"), start("deleted"), delivery("no message")]
    with (
        recorded_requests(events) as published,
        recorded_requests(sqs) as sent,
        recorded_requests(database) as stored,
    ):
        handler({"Records": messages}, Invocation((30_000,)))
    needed = {(f"events:{each.operation}", "bus") for each in published} | set(needed_for(stored))
    needed |= set(needed_for_messages(sent, TimerQueue=timers, TimerDeadLetters=dead_letters))
    assert permissions_of("TimerFunction") == needed | QUEUE_READING


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
