"""Queues of SQS, and a bus that hands expiries to one of them: in moto, wherever that runs."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from publishing.bus import EventBus
from publishing.dead_letters import DeadLetterQueue

if TYPE_CHECKING:
    from types_boto3_events import EventBridgeClient
    from types_boto3_sqs import SQSClient

BUS = "platform"


@dataclass(frozen=True)
class Letter:
    """A dead letter: the record in it, and what is said about it."""

    record: Any
    attributes: dict[str, str]


@dataclass
class Queue:
    """A queue of SQS, in moto."""

    client: "SQSClient"
    url: str

    def messages(self) -> list[Any]:
        """Take what is in it."""
        taken: list[Any] = []
        while batch := self.client.receive_message(
            QueueUrl=self.url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        ).get("Messages"):
            for message in batch:
                self.client.delete_message(
                    QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"]
                )
            taken += batch
        return taken

    def letters(self) -> list[Letter]:
        """Take the dead letters that are in it."""
        return [
            Letter(
                json.loads(message["Body"])["Records"][0],
                {
                    name: value["StringValue"]
                    for name, value in message["MessageAttributes"].items()
                },
            )
            for message in self.messages()
        ]


def expiry_function(
    events: "EventBridgeClient", dead_letters: Queue, now_ms: int = 0
) -> Callable[[Any, Any], Mapping[str, Any]]:
    """ExpiryFunction over the bus and this queue; at 0, no expiry has waited long."""
    from handlers.expiry import expiry_handler  # noqa: PLC0415 - it reads the environment

    letters = DeadLetterQueue(dead_letters.client, dead_letters.url)
    return expiry_handler(EventBus(events, BUS), letters, lambda: now_ms)


def create_queue(client: "SQSClient", name: str) -> Queue:
    """A new queue."""
    return Queue(client, client.create_queue(QueueName=name)["QueueUrl"])


def subscribe(events: "EventBridgeClient", bus: str, queue: Queue) -> None:
    """Have a rule of the bus hand every expiry to the queue, as a consumer would."""
    pattern = {"source": ["session-renewal"], "detail-type": ["SessionExpired"]}
    events.put_rule(Name="expiries", EventBusName=bus, EventPattern=json.dumps(pattern))
    asked = queue.client.get_queue_attributes(QueueUrl=queue.url, AttributeNames=["QueueArn"])
    arn = asked["Attributes"]["QueueArn"]
    events.put_targets(Rule="expiries", EventBusName=bus, Targets=[{"Id": "consumer", "Arn": arn}])
