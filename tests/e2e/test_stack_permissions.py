"""Each deployed function works with its own role, and each permission of the role is needed.

The emulator checks each request of a function against the policies of its role, as IAM does.
"""

import json
import uuid
from collections.abc import Mapping
from typing import Any

import pytest

from runtime.clock import epoch_ms
from tests.support.api_events import EVENTS, SESSIONS, api_event
from tests.support.contract import assert_event_schema
from tests.support.deployed_calls import CALLS, failing_calls
from tests.support.deployed_stack import DeployedStack, Permission
from tests.support.emulator import Emulator
from tests.support.queues import Queue, create_queue, subscribe
from tests.support.sessions import as_of_now, session
from tests.support.tables import put

API_PERMISSIONS = sorted(
    {(call.function, permission) for call in CALLS.values() for permission in call.needs}
)
PUT_EVENTS = ("events:PutEvents", "event-bus/default")
KEEP_RECORD, START_TIMER = (
    ("sqs:SendMessage", queue) for queue in ("ExpiryDeadLetters", "TimerQueue")
)
TIMER_PERMISSIONS: dict[Permission, set[str]] = {
    ("dynamodb:UpdateItem", "table/SessionsTable"): {"expired", "alive"},
    PUT_EVENTS: {"expired"},
    ("sqs:SendMessage", "TimerQueue"): {"alive"},
    ("sqs:SendMessage", "TimerDeadLetters"): {"of another shape"},
}
"""What TimerFunction cannot handle without a permission."""

READING = {
    (f"sqs:{action}", "TimerQueue")
    for action in ("DeleteMessage", "GetQueueAttributes", "ReceiveMessage")
}


@pytest.fixture(scope="module")
def consumer(emulator: Emulator) -> Queue:
    """The queue of a consumer of what is published on the default bus."""
    queue = create_queue(emulator.client("sqs"), "consumer")
    subscribe(emulator.client("events"), "default", queue)
    return queue


@pytest.fixture
def expiry() -> Any:
    """The stream record of a session that DynamoDB has just deleted by its TTL."""
    (record,) = json.loads((EVENTS / "removed-by-ttl.json").read_text())["Records"]
    record["dynamodb"]["ApproximateCreationDateTime"] = epoch_ms() // 1000
    return record


@pytest.fixture
def not_an_expiry(expiry: Any) -> Any:
    """A record that can only become a dead letter."""
    return {**expiry, "dynamodb": {"SequenceNumber": "2", "OldImage": {}}}


@pytest.fixture
def new_session() -> Any:
    """The stream record of a new session."""
    (record,) = json.loads((EVENTS / "new-session.json").read_text())["Records"]
    return record


@pytest.fixture
def timer_messages(stack: DeployedStack) -> Any:
    """A message about a session that has expired, one about a live one, and one of another shape.

    The stream starts no timer of these sessions: their IDs are not such as the API makes.
    """
    expired, alive = (
        as_of_now(session(f"imported {uuid.uuid4()}", expires=minutes)) for minutes in (-1, 20)
    )
    put(stack.table, expired)
    put(stack.table, alive)
    bodies = {
        "expired": {"sessionId": expired.session_id},
        "alive": {"sessionId": alive.session_id},
        "of another shape": {},
    }
    received_before = json.loads((EVENTS / "timer.json").read_text())["Records"][1]
    return {
        "Records": [
            {**received_before, "messageId": name, "body": json.dumps(body)}
            for name, body in bodies.items()
        ]
    }


def retried(reported: Mapping[str, Any]) -> list[str]:
    """The sequence numbers of the records that the function has Lambda retry."""
    return [each["itemIdentifier"] for each in reported["batchItemFailures"]]


@pytest.mark.parametrize(
    ("function", "permission"),
    API_PERMISSIONS,
    ids=[f"{function} {' '.join(permission)}" for function, permission in API_PERMISSIONS],
)
def test_without_a_permission_exactly_its_calls_fail(
    stack: DeployedStack, function: str, permission: Permission
) -> None:
    expected = {
        name
        for name, call in CALLS.items()
        if call.function == function and permission in call.needs and name != "health"
    }
    with stack.without(function, permission):
        failing = failing_calls(stack)
    assert failing - failing_calls(stack) == expected


def test_without_describe_table_a_new_instance_is_unhealthy(stack: DeployedStack) -> None:
    """One that has counted the items keeps the count for a minute, so this takes a new one."""
    health = api_event("GET", f"{SESSIONS}/health")
    with stack.without("SessionsFunction", ("dynamodb:DescribeTable", "table/SessionsTable")):
        answer = stack.invoke("SessionsFunction", health, "$LATEST")
    assert answer["statusCode"] == 503
    assert stack.invoke("SessionsFunction", health, "$LATEST")["statusCode"] == 200


@pytest.mark.parametrize("function", ["RenewFunction", "SessionsFunction"])
def test_a_role_of_the_api_allows_only_what_its_calls_need(
    stack: DeployedStack, function: str
) -> None:
    needed = {permission for owner, permission in API_PERMISSIONS if owner == function}
    assert stack.permissions(function) == needed


def test_the_role_for_expiries_allows_what_they_need_and_reading(stack: DeployedStack) -> None:
    """Lambda reads the stream by the function's role, but the emulator does without."""
    allowed = stack.permissions("ExpiryFunction")
    not_for_reading = {each for each in allowed if "/stream/" not in each[1]}
    assert not_for_reading == {PUT_EVENTS, KEEP_RECORD, START_TIMER}


def test_the_role_for_timers_allows_what_they_need_and_reading(stack: DeployedStack) -> None:
    """Lambda reads the queue by the function's role, but the emulator does without."""
    assert stack.permissions("TimerFunction") == TIMER_PERMISSIONS.keys() | READING


def test_an_expiry_reaches_a_consumer_on_the_bus(
    stack: DeployedStack, consumer: Queue, expiry: Any
) -> None:
    assert retried(stack.invoke("ExpiryFunction", {"Records": [expiry]})) == []
    (event,) = consumer.events()
    assert_event_schema(event)
    assert event["detail"]["session"]["sessionId"] == "demo-leaving"


def test_a_record_that_is_no_expiry_becomes_a_dead_letter(
    stack: DeployedStack, not_an_expiry: Any
) -> None:
    assert retried(stack.invoke("ExpiryFunction", {"Records": [not_an_expiry]})) == []
    (letter,) = stack.dead_letters.letters()
    assert letter.record == not_an_expiry


def test_without_put_events_exactly_the_expiry_is_retried(
    stack: DeployedStack, consumer: Queue, expiry: Any, not_an_expiry: Any
) -> None:
    with stack.without("ExpiryFunction", PUT_EVENTS):
        reported = stack.invoke("ExpiryFunction", {"Records": [not_an_expiry, expiry]})
    assert retried(reported) == [expiry["dynamodb"]["SequenceNumber"]]
    assert consumer.messages() == []
    assert len(stack.dead_letters.messages()) == 1


def test_without_send_message_exactly_the_bad_record_is_retried(
    stack: DeployedStack, consumer: Queue, expiry: Any, not_an_expiry: Any
) -> None:
    with stack.without("ExpiryFunction", KEEP_RECORD):
        reported = stack.invoke("ExpiryFunction", {"Records": [expiry, not_an_expiry]})
    assert retried(reported) == ["2"]
    assert len(consumer.messages()) == 1
    assert stack.dead_letters.messages() == []


def test_without_send_message_exactly_the_new_session_is_retried(
    stack: DeployedStack, expiry: Any, new_session: Any
) -> None:
    with stack.without("ExpiryFunction", START_TIMER):
        reported = stack.invoke("ExpiryFunction", {"Records": [expiry, new_session]})
    assert retried(reported) == [new_session["dynamodb"]["SequenceNumber"]]


@pytest.mark.parametrize("permission", TIMER_PERMISSIONS, ids=" ".join)
def test_without_a_permission_exactly_its_timers_are_retried(
    stack: DeployedStack, timer_messages: Any, permission: Permission
) -> None:
    with stack.without("TimerFunction", permission):
        reported = stack.invoke("TimerFunction", timer_messages)
    assert {*retried(reported)} == TIMER_PERMISSIONS[permission]
    assert retried(stack.invoke("TimerFunction", timer_messages)) == []
