"""The events in ``events/``, each with the outcome that its name says."""

import json
from typing import Any

import boto3
import pytest

from handlers.clock import epoch_ms
from handlers.renew import renewal_handler
from handlers.sessions import sessions_handler
from local.demo import put_demo_sessions
from local.template import Template
from storage.table import SessionsTable
from tests.contract import answered, hold_to_the_event
from tests.events import EVENTS, LAMBDA_CONTEXT
from tests.queues import Queue, expiry_function
from tests.removals import Invocation
from tests.sessions import POLICY, SIGNING_KEY

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
REMOVAL = "removed-by-ttl"
PUBLISHED = "session-expired"
"""What is made of that removal, as a rule's target gets it."""


def test_every_event_has_its_outcome() -> None:
    assert sorted(file.stem for file in EVENTS.glob("*.json")) == sorted(
        [*OUTCOMES, REMOVAL, PUBLISHED]
    )


@pytest.mark.parametrize(("name", "status"), OUTCOMES.items())
def test_an_event_has_the_outcome_of_its_name(
    table_on_moto: SessionsTable, name: str, status: int
) -> None:
    put_demo_sessions(table_on_moto)
    if name in RENEWALS:
        handler = renewal_handler(table_on_moto, epoch_ms)
    else:
        handler = sessions_handler(table_on_moto, POLICY, SIGNING_KEY, epoch_ms)
    assert handler(event(name), LAMBDA_CONTEXT)["statusCode"] == status


@pytest.mark.parametrize("name", OUTCOMES)
def test_an_event_is_of_a_route_of_the_function_that_it_is_for(name: str) -> None:
    sent = event(name)
    route = next(
        route
        for route in Template().routes()
        if route.match(sent["requestContext"]["http"]["method"], sent["rawPath"]) is not None
    )
    assert sent["routeKey"] == sent["requestContext"]["routeKey"] == route.key
    module = "renew" if name in RENEWALS else "sessions"
    assert route.handler == f"handlers.{module}.handler"


def test_the_published_event_is_what_the_function_makes_of_the_removal(
    consumer: Queue, dead_letters: Queue
) -> None:
    function = expiry_function(boto3.client("events"), dead_letters)
    assert all(map(Template().lets_through, event(REMOVAL)["Records"]))
    assert function(event(REMOVAL), Invocation()) == {"batchItemFailures": []}
    (message,) = consumer.messages()
    published = json.loads(message["Body"])
    hold_to_the_event(event(PUBLISHED))
    of_eventbridge = {name: event(PUBLISHED)[name] for name in ("account", "id")}
    assert published | of_eventbridge == event(PUBLISHED)


def test_the_retry_is_not_counted_again_though_it_is_another_request(
    table_on_moto: SessionsTable,
) -> None:
    put_demo_sessions(table_on_moto)
    handler = renewal_handler(table_on_moto, epoch_ms)
    first = answered(handler(event("retry"), LAMBDA_CONTEXT))
    another = event("retry")
    another["requestContext"]["requestId"] = "another"
    again = answered(handler(another, LAMBDA_CONTEXT))
    assert again.body["renewalCount"] == first.body["renewalCount"]


def event(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text())
    return found
