"""The sample events in ``events/``: each has the outcome that its name says."""

import json
import uuid
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from domain.timers import event_id
from local.demo import put_demo_sessions
from local.template import Route, Template
from publishing.dead_letters import DeadLetterQueue
from publishing.event_bus import EventBus
from publishing.expiry_publisher import expiry_handler
from publishing.message_queue import MessageQueue
from publishing.timer_handler import timer_handler
from runtime.clock import epoch_ms
from storage.item import session_of
from storage.table import SessionsTable
from tests.support.api_events import EVENTS, LAMBDA_CONTEXT
from tests.support.contract import answered, assert_event_schema
from tests.support.functions import expiry_function, renew_function, sessions_function
from tests.support.queues import BUS, Queue, create_queue
from tests.support.stream_records import Invocation

RENEWALS = {
    "at-the-maximum": 422,
    "expired": 410,
    "not-found": 404,
    "renew": 200,
    "renew-to-the-maximum": 200,
    "retry": 200,
    "wrong-method": 405,
}
OTHERS = {
    "change-timeout": 200,
    "create": 201,
    "create-invalid": 400,
    "create-once": 201,
    "delete": 200,
    "health": 200,
    "heartbeat": 200,
    "list": 200,
    "read": 200,
    "wrong-path": 404,
}
OUTCOMES = RENEWALS | OTHERS
DELETION, NEW_SESSION, TIMER = "removed-by-ttl", "new-session", "timer"
PUBLISHED = ("session-expired", "session-expired-late", "session-expiring")
"""What is published, as a rule's target gets it: the second is for that deletion."""


def event(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text())
    return found


def call(table: SessionsTable, name: str, sent: dict[str, Any]) -> dict[str, Any]:
    """The response of the function that the event of this name is for."""
    function = renew_function if name in RENEWALS else sessions_function
    return function(table, epoch_ms)(sent, LAMBDA_CONTEXT)


def test_every_sample_event_has_a_known_outcome() -> None:
    names = [*OUTCOMES, DELETION, NEW_SESSION, TIMER, *PUBLISHED]

    assert sorted(file.stem for file in EVENTS.glob("*.json")) == sorted(names)


@pytest.mark.parametrize(("name", "status"), OUTCOMES.items())
def test_a_sample_event_has_the_outcome_of_its_name(
    table_on_moto: SessionsTable, name: str, status: int
) -> None:
    put_demo_sessions(table_on_moto)

    assert call(table_on_moto, name, event(name))["statusCode"] == status


@pytest.mark.parametrize("name", OUTCOMES)
def test_a_sample_event_has_the_route_key_of_its_path(name: str) -> None:
    sent = event(name)

    assert sent["routeKey"] == sent["requestContext"]["routeKey"] == route_of(sent).key


@pytest.mark.parametrize("name", OUTCOMES)
def test_the_route_of_a_sample_event_leads_to_its_function(name: str) -> None:
    module = "renew" if name in RENEWALS else "sessions"

    assert route_of(event(name)).handler == f"handlers.{module}.handler"


def route_of(sent: dict[str, Any]) -> Route:
    """The route by which API Gateway would pass this event on."""
    method = sent["requestContext"]["http"]["method"]
    return next(
        route for route in Template().routes() if route.match(method, sent["rawPath"]) is not None
    )


def test_the_retry_with_another_request_id_is_not_counted_again(
    table_on_moto: SessionsTable,
) -> None:
    put_demo_sessions(table_on_moto)
    first = answered(call(table_on_moto, "retry", event("retry")))
    another = event("retry")
    another["requestContext"]["requestId"] = "another"

    again = answered(call(table_on_moto, "retry", another))

    assert again.body["renewalCount"] == first.body["renewalCount"]


@pytest.mark.parametrize("name", [DELETION, NEW_SESSION])
def test_a_sample_of_the_stream_passes_its_filter(name: str) -> None:
    assert all(map(Template().matches_stream_filter, event(name)["Records"]))


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_sample_matches_its_schema(name: str) -> None:
    assert_event_schema(event(name))


def test_the_samples_have_the_ids_of_their_session() -> None:
    """A late expiry has the one that it would have had in time."""
    (deletion,) = event(DELETION)["Records"]
    session = session_of(deletion["dynamodb"]["OldImage"])
    ids = [event(name)["detail"]["eventId"] for name in PUBLISHED]
    expired = event_id("SessionExpired", session)
    assert ids == [expired, expired, event_id("SessionExpiring", session)]


def test_the_published_sample_is_what_the_sample_deletion_leads_to(
    consumer: Queue, dead_letters: Queue
) -> None:
    function = expiry_function(boto3.client("events"), dead_letters)

    assert function(event(DELETION), Invocation()) == {"batchItemFailures": []}

    (published,) = consumer.events()
    sample = event("session-expired-late")
    assert published | {name: sample[name] for name in ("account", "id")} == sample


@pytest.fixture
def timers() -> Iterator[Queue]:
    """A timer queue, in moto."""
    with mock_aws():
        yield create_queue(boto3.client("sqs"), f"timers-{uuid.uuid4()}")


def test_the_sample_of_a_new_session_starts_its_timer(
    consumer: Queue, timers: Queue, dead_letters: Queue
) -> None:
    function = expiry_handler(
        EventBus(boto3.client("events"), BUS),
        MessageQueue(timers.client, timers.url),
        DeadLetterQueue(MessageQueue(dead_letters.client, dead_letters.url)),
        epoch_ms,
    )

    assert function(event(NEW_SESSION), Invocation()) == {"batchItemFailures": []}

    (message,) = timers.messages()
    assert json.loads(message["Body"]) == {"sessionId": "demo-live"}
    assert consumer.messages() == dead_letters.messages() == []


def test_the_sample_timers_wait_announce_end_and_become_a_dead_letter(
    table_on_moto: SessionsTable, consumer: Queue, timers: Queue, dead_letters: Queue
) -> None:
    put_demo_sessions(table_on_moto)
    function = timer_handler(
        table_on_moto,
        EventBus(boto3.client("events"), BUS),
        MessageQueue(timers.client, timers.url),
        DeadLetterQueue(MessageQueue(dead_letters.client, dead_letters.url)),
        epoch_ms,
    )

    assert function(event(TIMER), Invocation()) == {"batchItemFailures": []}

    assert timers.delayed_messages() == 1
    (published,) = consumer.events()
    assert_event_schema(published)
    assert published["detail"]["session"]["sessionId"] == "demo-expired"
    (letter,) = dead_letters.messages()
    assert json.loads(letter["Body"]) == {"session": "of another shape"}
