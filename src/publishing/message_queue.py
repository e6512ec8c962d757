"""An SQS queue: sends messages, ten in a request, and says of each what became of it.

SQS takes ten messages in a request, and 1 MiB of them together: AWS, "Amazon SQS batch actions",
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-batch-api-actions.html
(seen 2026-11-30). By the same page, ``sqs:SendMessage`` is the permission for it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from publishing.clients import ATTEMPT_SECONDS
from publishing.entry_retries import send_entries
from publishing.failures import ServiceUnavailable
from runtime.deadline import Deadline, call_within
from runtime.retries import retry, retry_after_seconds

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient
    from types_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef

MAX_MESSAGES = 10
"""The most messages that SQS takes in one request."""

MAX_BYTES = 1024 * 1024
"""The most bytes that the messages of a request have together, and so that one has."""

STRING = "String"


@dataclass(frozen=True, slots=True)
class Message:
    """A message, with attributes of text. It is hidden at first for as long as its delay."""

    body: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    delay_seconds: int = 0

    @property
    def size_bytes(self) -> int:
        """Its size as SQS counts it: names, types and values of attributes are part of it."""
        attributes = sum(
            len(f"{name}{STRING}{value}".encode()) for name, value in self.attributes.items()
        )
        return len(self.body.encode()) + attributes


Verdict = ServiceUnavailable | None
"""Why a message was not sent; ``None`` if it was."""


@dataclass(frozen=True, slots=True)
class _Refusal:
    """That of one message. If the sender is at fault, the same message is refused again."""

    code: str
    is_senders_fault: bool


@dataclass(frozen=True)
class MessageQueue:
    """An SQS queue, by its URL."""

    client: "SQSClient"
    url: str

    def send(self, messages: Sequence[Message], deadline: Deadline) -> list[Verdict]:
        """Send any number of messages, in order and in as few requests as fit, and judge each.

        After a request of which a message was not sent, no other begins, and its messages are
        judged alike. A message that SQS refuses for good is not sent again, but the verdict on it
        is the same: as long as its sender keeps it, it is not lost.
        """
        verdicts: list[Verdict] = []
        for request in _requests(messages):
            verdicts += self._send_request(request, deadline)
            failure = next(filter(None, verdicts), None)
            if failure is not None:
                return verdicts + [failure] * (len(messages) - len(verdicts))
        return verdicts

    def _send_request(self, request: Sequence[Message], deadline: Deadline) -> list[Verdict]:
        def send(messages: Mapping[int, Message]) -> Mapping[int, _Refusal]:
            return retry(
                lambda seconds: self._attempt(messages, seconds), deadline, ATTEMPT_SECONDS
            )

        try:
            refusals = send_entries(
                send, request, lambda refusal: not refusal.is_senders_fault, deadline
            )
        except ServiceUnavailable as unavailable:
            return [unavailable] * len(request)
        return [
            ServiceUnavailable("SQS", f"it refuses a message with {refusals[position].code}")
            if position in refusals
            else None
            for position in range(len(request))
        ]

    def _attempt(self, messages: Mapping[int, Message], seconds: float) -> dict[int, _Refusal]:
        try:
            entries = [_entry(position, message) for position, message in messages.items()]
            reply = call_within(
                seconds, self.client.send_message_batch, QueueUrl=self.url, Entries=entries
            )
            sent = {each["Id"] for each in reply.get("Successful", ())}
            refusals = {
                each["Id"]: _Refusal(each["Code"], each["SenderFault"])
                for each in reply.get("Failed", ())
            }
        except ClientError as error:
            raise ServiceUnavailable(
                "SQS", str(error), retry_after_seconds=retry_after_seconds(error.response)
            ) from error
        except (BotoCoreError, KeyError, TimeoutError, ValueError) as error:
            raise ServiceUnavailable("SQS", f"{type(error).__name__}: {error}") from error
        # botocore treats a body that it cannot parse as an empty one: nothing is known to be sent.
        return {
            position: refusals.get(str(position), _Refusal("NoResult", is_senders_fault=False))
            for position in messages
            if str(position) not in sent
        }


def _requests(messages: Sequence[Message]) -> Iterator[list[Message]]:
    """The messages in order, in requests that SQS takes."""
    request: list[Message] = []
    size_bytes = 0
    for message in messages:
        if request and (
            len(request) == MAX_MESSAGES or size_bytes + message.size_bytes > MAX_BYTES
        ):
            yield request
            request, size_bytes = [], 0
        request.append(message)
        size_bytes += message.size_bytes
    if request:
        yield request


def _entry(position: int, message: Message) -> "SendMessageBatchRequestEntryTypeDef":
    return {
        "Id": str(position),
        "MessageBody": message.body,
        "DelaySeconds": message.delay_seconds,
        "MessageAttributes": {
            name: {"DataType": STRING, "StringValue": value}
            for name, value in message.attributes.items()
        },
    }
