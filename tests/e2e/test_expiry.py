"""An expiry from DynamoDB Local's TTL to the bus, through the function under AWS's runtime."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import boto3
import pytest

from local.template import Template
from tests.support.api_events import EVENTS
from tests.support.contract import assert_event_schema
from tests.support.queues import Queue, create_queue, subscribe
from tests.support.sam import Sam
from tests.support.sessions import as_of_now, session
from tests.support.stream_records import ttl_deletions_from_a_new_table
from tests.support.tables import put

QUEUE = "ExpiryDeadLetters"  # what SAM CLI makes of the template's reference to it

Invoke = Callable[[Sequence[Any]], Any]


@pytest.fixture(scope="module")
def dead_letters(publishing_endpoint: str) -> Queue:
    """The queue that the deployed function finds in its environment."""
    return create_queue(boto3.client("sqs", endpoint_url=publishing_endpoint), QUEUE)


@pytest.fixture(scope="module")
def consumer(publishing_endpoint: str) -> Queue:
    """The queue of a consumer of what is published on the default bus."""
    queue = create_queue(boto3.client("sqs", endpoint_url=publishing_endpoint), "consumer")
    bus = Template().document["Parameters"]["EventBusName"]["Default"]
    subscribe(boto3.client("events", endpoint_url=publishing_endpoint), bus, queue)
    return queue


@pytest.fixture
def invoke(sam: Sam, local_options: list[str], tmp_path: Path) -> Invoke:
    """Invokes the function with stream records; returns what it reports to Lambda."""

    def report(records: Sequence[Any]) -> Any:
        event = tmp_path / "event.json"
        event.write_text(json.dumps({"Records": records}))
        run = sam("local", "invoke", "ExpiryFunction", "-e", str(event), *local_options)
        return json.loads(run.stdout.splitlines()[-1])

    return report


def test_the_expiry_of_a_session_deleted_by_ttl_is_published(
    invoke: Invoke, dynamodb_local_endpoint: str, consumer: Queue, dead_letters: Queue
) -> None:
    deletions = ttl_deletions_from_a_new_table(dynamodb_local_endpoint)
    put(deletions.table, as_of_now(session("expired", expires=-1, renewal_count=2)))
    deletions.wait_for({"expired"})

    assert invoke(deletions.delivered) == {"batchItemFailures": []}

    (event,) = consumer.events()
    assert_event_schema(event)
    assert event["detail"]["session"]["sessionId"] == "expired"
    assert event["detail"]["session"]["renewalCount"] == 2
    assert dead_letters.messages() == []


def test_a_bad_record_is_kept_and_the_rest_of_its_batch_is_published(
    invoke: Invoke, consumer: Queue, dead_letters: Queue
) -> None:
    sample = json.loads((EVENTS / "removed-by-ttl.json").read_text())["Records"]

    assert invoke([{}, *sample]) == {"batchItemFailures": []}

    (event,) = consumer.events()
    assert event["detail"]["session"]["sessionId"] == "demo-leaving"
    (letter,) = dead_letters.letters()
    assert letter.record == {}
    assert letter.attributes["reason"] == "INVALID_RECORD"
