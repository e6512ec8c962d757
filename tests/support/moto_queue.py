"""moto's SQS by a simulated clock, as a simulation uses a queue."""

import json
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, cast

import boto3
import pytest
from moto import mock_aws

from domain.session import MS_PER_SECOND
from tests.support.simulated_queue import QueueLimits, Record


class MotoQueue:
    """A queue in moto, with the properties that the template gives to the timer queue."""

    def __init__(self, limits: QueueLimits | None = None) -> None:
        limits = limits or QueueLimits()
        self.client = boto3.client("sqs")
        self._dead_url = self._create("dead", {})
        arn = self.client.get_queue_attributes(
            QueueUrl=self._dead_url, AttributeNames=["QueueArn"]
        )["Attributes"]["QueueArn"]
        redrive = {"deadLetterTargetArn": arn, "maxReceiveCount": limits.max_receives}
        self._url = self._create(
            "timers",
            {
                "VisibilityTimeout": str(limits.visibility_ms // MS_PER_SECOND),
                "MessageRetentionPeriod": str(limits.retention_ms // MS_PER_SECOND),
                "RedrivePolicy": json.dumps(redrive),
            },
        )

    def _create(self, name: str, attributes: Mapping[str, str]) -> str:
        name = f"{name}-{uuid.uuid4()}"
        queue: Any = self.client.create_queue(QueueName=name, Attributes=cast("Any", attributes))
        return str(queue["QueueUrl"])

    def send_message_batch(
        self,
        *,
        Entries: Sequence[Mapping[str, Any]],  # noqa: N803 - boto3's name
        **_: Any,
    ) -> Any:
        """``SendMessageBatch``."""
        entries: Any = list(Entries)
        return self.client.send_message_batch(QueueUrl=self._url, Entries=entries)

    def enqueue(self, body: str, delay_ms: int, receive_count: int = 0) -> None:
        """A message that is visible after so long; here, one that nobody has received."""
        del receive_count
        self.client.send_message(
            QueueUrl=self._url, MessageBody=body, DelaySeconds=delay_ms // MS_PER_SECOND
        )

    def receive(self) -> list[Record]:
        """Up to ten messages that are visible."""
        return [
            {
                "messageId": message["MessageId"],
                "receiptHandle": message["ReceiptHandle"],
                "body": message["Body"],
                "attributes": message["Attributes"],
            }
            for message in self._received(self._url)
        ]

    def delete(self, records: Iterable[Record]) -> None:
        """Delete messages that were handled."""
        for each in records:
            self.client.delete_message(QueueUrl=self._url, ReceiptHandle=each["receiptHandle"])

    def dead_letters(self) -> list[str]:
        """The bodies of the messages that were received too often, which are then received."""
        return [message["Body"] for message in self._received(self._dead_url)]

    def _received(self, url: str) -> list[Any]:
        received: Any = self.client.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, MessageSystemAttributeNames=["All"]
        )
        return list(received.get("Messages", []))


@contextmanager
def moto_by(clock_ms: Callable[[], int]) -> Iterator[None]:
    """Moto's SQS has this clock for as long as this lasts."""
    with mock_aws(), pytest.MonkeyPatch.context() as patch:
        patch.setattr("moto.sqs.models.unix_time_millis", lambda *_: float(clock_ms()))
        patch.setattr("moto.sqs.models.unix_time", lambda *_: clock_ms() / MS_PER_SECOND)
        yield
