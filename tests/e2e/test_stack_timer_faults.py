"""Timers of the deployed stack on bad days: what is not announced in time is announced late, once.

The sessions are put into the table as the API puts them there, with little time left: the stream
starts their timers.
"""

import json
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from domain.session import MS_PER_SECOND, Session
from domain.session_json import SESSION_EXPIRED, SESSION_EXPIRING
from recovery.__main__ import main
from tests.support.deployed_stack import DeployedStack
from tests.support.deployed_timers import EventConsumer, deployed_consumer, wait_until
from tests.support.emulator import Emulator
from tests.support.sessions import as_of_now, session
from tests.support.stream_records import ttl_deletion
from tests.support.tables import item_with, put
from tests.support.two_minutes import MAX_LATE_MS

# They begin here, so that they have passed when test_stack_warnings.py looks.
pytestmark = pytest.mark.usefixtures("two_minutes")

PUT_EVENTS = ("events:PutEvents", "event-bus/default")
LEFT_SECONDS = 4
RETRY_SECONDS = 15
"""After which a message that was reported as failed comes again. The template's are 180."""

SETTLE_SECONDS = 2
"""In which an event that comes twice would have come."""

MAX_SECONDS = 60
ON_TIME_SECONDS = LEFT_SECONDS + MAX_LATE_MS / MS_PER_SECOND


@pytest.fixture(scope="module")
def consumer(emulator: Emulator) -> EventConsumer:
    """A consumer of both events on the default bus."""
    return deployed_consumer(emulator, "default", "consumer-of-timers")


@pytest.fixture
def quick_retries(stack: DeployedStack) -> Iterator[None]:
    """A message that was reported as failed is delivered again within seconds."""
    with queue_with(stack, VisibilityTimeout=str(RETRY_SECONDS)):
        yield


@pytest.fixture
def one_delivery(stack: DeployedStack) -> Iterator[None]:
    """A message that was reported as failed becomes a dead letter within seconds."""
    letters = stack.queue("TimerDeadLetters")
    policy = {"deadLetterTargetArn": letters.arn, "maxReceiveCount": 1}
    with queue_with(stack, VisibilityTimeout=str(RETRY_SECONDS), RedrivePolicy=json.dumps(policy)):
        yield


@pytest.fixture
def no_letters(stack: DeployedStack) -> None:
    """Without the dead letters that other tests have left."""
    stack.queue("TimerDeadLetters").messages()


@contextmanager
def queue_with(stack: DeployedStack, **attributes: str) -> Iterator[None]:
    """The timer queue with other attributes than the template's, as long as the context lasts."""
    timers = stack.queue("TimerQueue")
    client: Any = timers.client  # whose types ask for literal names
    own = client.get_queue_attributes(QueueUrl=timers.url, AttributeNames=[*attributes])
    client.set_queue_attributes(QueueUrl=timers.url, Attributes=attributes)
    try:
        yield
    finally:
        client.set_queue_attributes(QueueUrl=timers.url, Attributes=own["Attributes"])


def expiring(left_seconds: float = LEFT_SECONDS, **fields: Any) -> Session:
    """A session with a few seconds left, that is not to be warned of any more."""
    return as_of_now(session(str(uuid.uuid4()), expires=left_seconds / 60, warning=30, **fields))


def is_marked(stack: DeployedStack, stored: Session) -> bool:
    """Whether it was decided to announce the session."""
    return "announcedAt" in item_with(stack.table, stored.session_id)


def timer_of(stack: DeployedStack, stored: Session) -> str | None:
    """The token of the session's message that waits, or that its expiry is published."""
    return item_with(stack.table, stored.session_id).get("timer", {}).get("S")


def lose_the_timer_of(stack: DeployedStack, stored: Session) -> None:
    """Store the session, and empty the timer queue when a message of the session waits there."""
    timers = stack.queue("TimerQueue")
    waiting = timers.delayed_messages()
    put(stack.table, stored)
    wait_until(lambda: timers.delayed_messages() > waiting, MAX_SECONDS)
    timers.client.purge_queue(QueueUrl=timers.url)


def send(stack: DeployedStack, *bodies: object) -> None:
    """Send messages to the timer queue by hand."""
    timers = stack.queue("TimerQueue")
    for body in bodies:
        timers.client.send_message(QueueUrl=timers.url, MessageBody=json.dumps(body))


def kept(stack: DeployedStack) -> list[Any]:
    """Receive and delete the dead letters of the timers, once there are any."""
    received: list[Any] = []

    def has_come() -> bool:
        received.extend(stack.queue("TimerDeadLetters").messages())
        return bool(received)

    wait_until(has_come, MAX_SECONDS)
    return received


def removal(stack: DeployedStack, stored: Session) -> Any:
    """The stream's record of the session's deletion by TTL, with what is stored of it."""
    return {"Records": [ttl_deletion(item_with(stack.table, stored.session_id))]}


@pytest.mark.usefixtures("quick_retries")
def test_what_a_closed_bus_refused_is_announced_late_and_once(
    stack: DeployedStack, consumer: EventConsumer
) -> None:
    stored, retries = expiring(), len(stack.lines_with("TimerLog", "BatchRetries"))
    with stack.without("TimerFunction", PUT_EVENTS):
        put(stack.table, stored)
        wait_until(lambda: len(stack.lines_with("TimerLog", "BatchRetries")) > retries, MAX_SECONDS)
        assert is_marked(stack, stored)
    announced = consumer.wait_for(stored.session_id, SESSION_EXPIRED, MAX_SECONDS)
    assert announced.at_ms - stored.expires_at_ms >= RETRY_SECONDS * MS_PER_SECOND

    wait_until(lambda: timer_of(stack, stored) == "published", MAX_SECONDS)
    assert stack.invoke("ExpiryFunction", removal(stack, stored)) == {"batchItemFailures": []}
    time.sleep(SETTLE_SECONDS)
    assert len(consumer.about(stored.session_id)) == 1


def test_a_session_whose_timer_is_lost_is_announced_by_its_removal(
    stack: DeployedStack, consumer: EventConsumer
) -> None:
    lost = expiring(2 * LEFT_SECONDS)
    lose_the_timer_of(stack, lost)
    other = expiring(2 * LEFT_SECONDS)
    put(stack.table, other)
    consumer.wait_for(other.session_id, SESSION_EXPIRED, MAX_SECONDS)
    assert consumer.about(lost.session_id) == []

    assert stack.invoke("ExpiryFunction", removal(stack, lost)) == {"batchItemFailures": []}
    (announced,) = consumer.about(lost.session_id)
    assert "removedAt" in announced.detail


def test_a_timer_that_is_lost_is_started_again_by_a_command(
    stack: DeployedStack, consumer: EventConsumer
) -> None:
    lost = expiring(4 * LEFT_SECONDS)
    lose_the_timer_of(stack, lost)
    endpoint = ["--endpoint-url", stack.emulator.endpoint]
    assert main(["start-timers", "--table", stack.table.name, "--apply", *endpoint]) == 0

    announced = consumer.wait_for(lost.session_id, SESSION_EXPIRED, MAX_SECONDS)
    assert 0 <= announced.at_ms - lost.expires_at_ms <= MAX_LATE_MS


@pytest.mark.usefixtures("one_delivery", "no_letters")
def test_what_sqs_has_given_up_is_announced_by_a_replay(
    stack: DeployedStack, consumer: EventConsumer
) -> None:
    stored, letters = expiring(), stack.queue("TimerDeadLetters")
    with stack.without("TimerFunction", PUT_EVENTS):
        put(stack.table, stored)
        wait_until(lambda: letters.visible_messages() > 0, MAX_SECONDS)
    command = ["replay-timers", "--queue-url", letters.url, "--apply"]
    timers = ["--timer-queue-url", stack.queue("TimerQueue").url]
    assert main([*command, *timers, "--endpoint-url", stack.emulator.endpoint]) == 0

    consumer.wait_for(stored.session_id, SESSION_EXPIRED, MAX_SECONDS)


def test_messages_that_are_sent_twice_announce_once(
    stack: DeployedStack, consumer: EventConsumer
) -> None:
    stored = as_of_now(session(str(uuid.uuid4()), expires=1 + LEFT_SECONDS / 60, warning=1))
    start = {"sessionId": stored.session_id}
    put(stack.table, stored)
    send(stack, start, start, start)
    wait_until(lambda: timer_of(stack, stored) is not None, MAX_SECONDS)
    token = timer_of(stack, stored)
    send(stack, {**start, "timer": token}, {**start, "timer": token})
    consumer.wait_for(stored.session_id, SESSION_EXPIRING, ON_TIME_SECONDS)
    time.sleep(SETTLE_SECONDS)

    assert len(consumer.about(stored.session_id)) == 1


@pytest.mark.usefixtures("no_letters")
def test_a_message_of_another_shape_becomes_a_dead_letter(stack: DeployedStack) -> None:
    """One about a session that never was is none: the session may have been deleted."""
    send(stack, {"sessionId": "never-was"}, {"session": "of another shape"})

    (letter,) = kept(stack)
    assert json.loads(letter["Body"]) == {"session": "of another shape"}
    assert letter["MessageAttributes"]["reason"]["StringValue"] == "INVALID_RECORD"


@pytest.mark.usefixtures("no_letters")
def test_an_event_that_is_too_large_is_kept_and_others_are_announced(
    stack: DeployedStack, consumer: EventConsumer
) -> None:
    too_large, other = expiring(metadata_json=json.dumps({"text": "x" * 300_000})), expiring()
    put(stack.table, too_large)
    put(stack.table, other)
    consumer.wait_for(other.session_id, SESSION_EXPIRED, ON_TIME_SECONDS)

    (letter,) = kept(stack)
    assert json.loads(letter["Body"])["sessionId"] == too_large.session_id
    assert letter["MessageAttributes"]["reason"]["StringValue"] == "EVENT_TOO_LARGE"
    assert is_marked(stack, too_large)
