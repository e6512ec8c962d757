"""SQS queues, and a rule that delivers expiries to one of them: in moto, wherever that runs."""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types_boto3_events import EventBridgeClient
    from types_boto3_sqs import SQSClient

BUS = "platform"


@dataclass(frozen=True)
class DeadLetter:
    """A stream record that was kept, and the message's attributes."""

    record: Any
    attributes: dict[str, str]


@dataclass
class Queue:
    """An SQS queue in moto."""

    client: "SQSClient"
    url: str

    def messages(self) -> list[Any]:
        """Receive and delete every message."""
        received: list[Any] = []
        while batch := self.client.receive_message(
            QueueUrl=self.url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        ).get("Messages"):
            for message in batch:
                self.client.delete_message(
                    QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"]
                )
            received += batch
        return received

    @property
    def arn(self) -> str:
        """Its ARN."""
        reply = self.client.get_queue_attributes(QueueUrl=self.url, AttributeNames=["QueueArn"])
        return reply["Attributes"]["QueueArn"]

    def visible_messages(self) -> int:
        """How many messages can be received."""
        reply = self.client.get_queue_attributes(
            QueueUrl=self.url, AttributeNames=["ApproximateNumberOfMessages"]
        )
        return int(reply["Attributes"]["ApproximateNumberOfMessages"])

    def delayed_messages(self) -> int:
        """How many messages wait for the end of their delay."""
        reply = self.client.get_queue_attributes(
            QueueUrl=self.url, AttributeNames=["ApproximateNumberOfMessagesDelayed"]
        )
        return int(reply["Attributes"]["ApproximateNumberOfMessagesDelayed"])

    def events(self) -> list[Any]:
        """Receive and delete every message, each of which is an event."""
        return [json.loads(message["Body"]) for message in self.messages()]

    def letters(self) -> list[DeadLetter]:
        """Receive and delete every message, each of which is a dead letter."""
        return [
            DeadLetter(
                json.loads(message["Body"])["Records"][0],
                {
                    name: value["StringValue"]
                    for name, value in message["MessageAttributes"].items()
                },
            )
            for message in self.messages()
        ]


def create_queue(client: "SQSClient", name: str) -> Queue:
    """A new queue."""
    return Queue(client, client.create_queue(QueueName=name)["QueueUrl"])


def subscribe(events: "EventBridgeClient", bus: str, queue: Queue) -> None:
    """Create a rule that delivers every expiry on the bus to the queue."""
    pattern = {"source": ["session-renewal"], "detail-type": ["SessionExpired"]}
    events.put_rule(Name="expiries", EventBusName=bus, EventPattern=json.dumps(pattern))
    events.put_targets(
        Rule="expiries", EventBusName=bus, Targets=[{"Id": "consumer", "Arn": queue.arn}]
    )
