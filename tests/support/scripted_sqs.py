"""An SQS that follows a script, and records what it was sent and what it took."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from botocore.exceptions import EndpointConnectionError

from publishing.message_queue import MAX_MESSAGES
from tests.support.scripted_eventbridge import client_error

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient

Entry = Mapping[str, Any]
Answer = Callable[[Sequence[Entry]], list[tuple[str, bool] | None]]
"""Of each entry of a request its error code, and whether the sender is at fault; else ``None``."""


def take(entries: Sequence[Entry]) -> list[tuple[str, bool] | None]:
    """Take every entry."""
    return [None] * len(entries)


def refuse(code: str, *bodies: str, senders_fault: bool = False) -> Answer:
    """Refuse the entries with one of these bodies, or all of them, and take the others."""
    return lambda entries: [
        (code, senders_fault) if not bodies or entry["MessageBody"] in bodies else None
        for entry in entries
    ]


def fail(_: Sequence[Entry]) -> list[tuple[str, bool] | None]:
    """Fail the request as a whole."""
    raise client_error("ServiceUnavailable", 503)


def disconnect(_: Sequence[Entry]) -> list[tuple[str, bool] | None]:
    """Be unreachable."""
    raise EndpointConnectionError(endpoint_url="https://sqs.example.com")


@dataclass
class ScriptedSqs:
    """Gives its answers in turn, one to each request, and then repeats the last."""

    answers: list[Answer] = field(default_factory=lambda: [take])
    requests: list[list[Entry]] = field(default_factory=list)
    taken: list[Entry] = field(default_factory=list)

    def send_message_batch(
        self,
        *,
        QueueUrl: str,  # noqa: ARG002, N803 - boto3's name
        Entries: list[Entry],  # noqa: N803 - boto3's name
    ) -> dict[str, Any]:
        """``SendMessageBatch``."""
        assert 1 <= len(Entries) <= MAX_MESSAGES
        assert len({entry["Id"] for entry in Entries}) == len(Entries)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        self.requests.append(Entries)
        reply: dict[str, list[Any]] = {}
        for entry, refusal in zip(Entries, answer(Entries), strict=True):
            if refusal is None:
                self.taken.append(entry)
                reply.setdefault("Successful", []).append({"Id": entry["Id"], "MessageId": "1"})
            else:
                code, senders_fault = refusal
                failed = {"Id": entry["Id"], "Code": code, "SenderFault": senders_fault}
                reply.setdefault("Failed", []).append(failed)
        return reply

    @property
    def client(self) -> "SQSClient":
        """Itself, in place of boto3's client."""
        return cast("SQSClient", self)

    @property
    def request_sizes(self) -> list[int]:
        """How many messages each request had."""
        return [len(request) for request in self.requests]

    @property
    def bodies(self) -> list[str]:
        """The bodies of the messages that it took, in order."""
        return [entry["MessageBody"] for entry in self.taken]
