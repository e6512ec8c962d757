"""Expiries and timers under AWS's runtime: from DynamoDB Local, by its TTL or not, to the bus."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import boto3
import pytest

from local.demo import put_demo_sessions
from local.template import Template
from storage.table import SessionsTable
from tests.support.api_events import EVENTS
from tests.support.contract import assert_event_schema
from tests.support.queues import Queue, create_queue, subscribe
from tests.support.sam import Sam
from tests.support.sessions import as_of_now, session
from tests.support.stream_records import ttl_deletions_from_a_new_table
from tests.support.tables import put

Invoke = Callable[[str, Sequence[Any]], Any]


@pytest.fixture(scope="module")
def queues(publishing_endpoint: str) -> dict[str, Queue]:
    """The queues in the functions' environment, where SAM CLI makes names of references."""
    client = boto3.client("sqs", endpoint_url=publishing_endpoint)
    names = ("ExpiryDeadLetters", "TimerQueue", "TimerDeadLetters")
    return {name: create_queue(client, name) for name in names}


@pytest.fixture
def dead_letters(queues: dict[str, Queue]) -> Queue:
    """The dead letters of ExpiryFunction."""
    return queues["ExpiryDeadLetters"]


@pytest.fixture(scope="module")
def consumer(publishing_endpoint: str) -> Queue:
    """The queue of a consumer of what is published on the default bus."""
    queue = create_queue(boto3.client("sqs", endpoint_url=publishing_endpoint), "consumer")
    bus = Template().document["Parameters"]["EventBusName"]["Default"]
    subscribe(boto3.client("events", endpoint_url=publishing_endpoint), bus, queue)
    return queue


@pytest.fixture
def invoke(sam: Sam, local_options: list[str], tmp_path: Path) -> Invoke:
    """Invokes a function with records; returns what it reports to Lambda."""

    def report(function: str, records: Sequence[Any]) -> Any:
        event = tmp_path / "event.json"
        event.write_text(json.dumps({"Records": records}))
        run = sam("local", "invoke", function, "-e", str(event), *local_options)
        return json.loads(run.stdout.splitlines()[-1])

    return report


def sample_records(name: str) -> list[Any]:
    """The records of a sample event."""
    records: list[Any] = json.loads((EVENTS / f"{name}.json").read_text())["Records"]
    return records


def test_the_expiry_of_a_session_deleted_by_ttl_is_published(
    invoke: Invoke, dynamodb_local_endpoint: str, consumer: Queue, dead_letters: Queue
) -> None:
    deletions = ttl_deletions_from_a_new_table(dynamodb_local_endpoint)
    put(deletions.table, as_of_now(session("expired", expires=-1, renewal_count=2)))
    deletions.wait_for({"expired"})

    assert invoke("ExpiryFunction", deletions.delivered) == {"batchItemFailures": []}

    (event,) = consumer.events()
    assert_event_schema(event)
    assert event["detail"]["session"]["sessionId"] == "expired"
    assert event["detail"]["session"]["renewalCount"] == 2
    assert dead_letters.messages() == []


def test_a_bad_record_is_kept_and_the_rest_of_its_batch_is_published(
    invoke: Invoke, consumer: Queue, dead_letters: Queue
) -> None:
    assert invoke("ExpiryFunction", [{}, *sample_records("removed-by-ttl")]) == {
        "batchItemFailures": []
    }

    (event,) = consumer.events()
    assert event["detail"]["session"]["sessionId"] == "demo-leaving"
    (letter,) = dead_letters.letters()
    assert letter.record == {}
    assert letter.attributes["reason"] == "INVALID_RECORD"


def test_a_new_session_starts_its_timer(invoke: Invoke, queues: dict[str, Queue]) -> None:
    assert invoke("ExpiryFunction", sample_records("new-session")) == {"batchItemFailures": []}

    (message,) = queues["TimerQueue"].messages()
    assert json.loads(message["Body"]) == {"sessionId": "demo-live"}


def test_timers_announce_an_expiry_and_go_on_with_a_live_session(
    invoke: Invoke, table: SessionsTable, queues: dict[str, Queue], consumer: Queue
) -> None:
    put_demo_sessions(table)

    assert invoke("TimerFunction", sample_records("timer")) == {"batchItemFailures": []}

    (event,) = consumer.events()
    assert_event_schema(event)
    assert event["detail"]["session"]["sessionId"] == "demo-expired"
    assert queues["TimerQueue"].delayed_messages() == 1
    (letter,) = queues["TimerDeadLetters"].messages()
    assert json.loads(letter["Body"]) == {"session": "of another shape"}
