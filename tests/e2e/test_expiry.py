"""An expiry from DynamoDB Local's TTL to the bus, through the function under AWS's runtime."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import boto3
import pytest

from local.template import Template
from tests.contract import hold_to_the_event
from tests.e2e.conftest import Sam
from tests.events import EVENTS
from tests.integration.calls import put
from tests.queues import Queue, create_queue, subscribe
from tests.removals import removals_from_a_new_table
from tests.sessions import as_of_now, session

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
    """Invokes the function with records of the stream; what it reports to Lambda."""

    def report(records: Sequence[Any]) -> Any:
        event = tmp_path / "event.json"
        event.write_text(json.dumps({"Records": records}))
        run = sam("local", "invoke", "ExpiryFunction", "-e", str(event), *local_options)
        return json.loads(run.stdout.splitlines()[-1])

    return report


def test_a_session_that_the_ttl_removed_is_announced(
    invoke: Invoke, dynamodb_local_endpoint: str, consumer: Queue, dead_letters: Queue
) -> None:
    removals = removals_from_a_new_table(dynamodb_local_endpoint)
    put(removals.table, as_of_now(session("expired", expires=-1, renewal_count=2)))
    removals.wait_for({"expired"})
    assert invoke(removals.through) == {"batchItemFailures": []}
    (message,) = consumer.messages()
    event = json.loads(message["Body"])
    hold_to_the_event(event)
    assert event["detail"]["session"]["sessionId"] == "expired"
    assert event["detail"]["session"]["renewalCount"] == 2
    assert dead_letters.messages() == []


def test_a_bad_record_is_a_dead_letter_and_the_rest_of_its_batch_is_announced(
    invoke: Invoke, consumer: Queue, dead_letters: Queue
) -> None:
    sample = json.loads((EVENTS / "removed-by-ttl.json").read_text())["Records"]
    assert invoke([{}, *sample]) == {"batchItemFailures": []}
    (message,) = consumer.messages()
    assert json.loads(message["Body"])["detail"]["session"]["sessionId"] == "demo-leaving"
    (letter,) = dead_letters.letters()
    assert letter.record == {}
    assert letter.attributes["reason"] == "INVALID_RECORD"
