"""The dead-letter queue: records that could not be published, kept whole for an operator."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from publishing.clients import ATTEMPT_SECONDS
from publishing.failures import ServiceUnavailable
from runtime.deadline import Deadline, call_within
from runtime.retries import retry, retry_after_seconds

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient
    from types_boto3_sqs.type_defs import MessageAttributeValueTypeDef

MAX_BODY_BYTES = 1000 * 1024
"""What SQS takes, less some room for the attributes."""


@dataclass(frozen=True)
class DeadLetterQueue:
    """An SQS queue, by its URL."""

    client: "SQSClient"
    url: str

    def send(self, record: object, attributes: Mapping[str, str], deadline: Deadline) -> None:
        """Keep a stream record, with what there is to say about it.

        The message's body is an event of that record alone: to retry, invoke the function with it.
        A record that is too large for a message is cut, and the attribute ``cut`` says so.

        Raises:
            ServiceUnavailable: SQS did not take it, even after the retries that there was time for.
        """
        body = json.dumps({"Records": [record]})  # ASCII, so a character is a byte
        if len(body) > MAX_BODY_BYTES:
            body = body[:MAX_BODY_BYTES]
            attributes = {**attributes, "cut": "true"}
        stated: Mapping[str, MessageAttributeValueTypeDef] = {
            name: {"DataType": "String", "StringValue": ascii(value)[1:-1] or "none"}
            for name, value in attributes.items()
        }
        retry(lambda seconds: self._send(body, stated, seconds), deadline, ATTEMPT_SECONDS)

    def _send(
        self, body: str, attributes: "Mapping[str, MessageAttributeValueTypeDef]", seconds: float
    ) -> None:
        try:
            reply = call_within(
                seconds,
                self.client.send_message,
                QueueUrl=self.url,
                MessageBody=body,
                MessageAttributes=attributes,
            )
            reply["MessageId"]  # botocore treats a body that it cannot parse as an empty one
        except ClientError as error:
            raise ServiceUnavailable(
                "SQS", str(error), retry_after_seconds=retry_after_seconds(error.response)
            ) from error
        except (BotoCoreError, KeyError, TimeoutError, UnicodeDecodeError) as error:
            raise ServiceUnavailable("SQS", f"{type(error).__name__}: {error}") from error
