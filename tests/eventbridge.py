"""An EventBridge that answers as it is told to, and remembers what it took."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from botocore.exceptions import ClientError, EndpointConnectionError

if TYPE_CHECKING:
    from types_boto3_events import EventBridgeClient

Entry = Mapping[str, Any]
Answer = Callable[[Sequence[Entry]], list[str | None]]
"""What becomes of each entry: a code that refuses it, or none."""


def take(entries: Sequence[Entry]) -> list[str | None]:
    """Take them all."""
    return [None] * len(entries)


def refuse(code: str, *details: str) -> Answer:
    """Refuse those with one of these details, or all, and take the others."""
    return lambda entries: [
        code if not details or entry["Detail"] in details else None for entry in entries
    ]


def refuse_requests_with(detail: str) -> Answer:
    """Refuse a request as a whole if an entry has this detail."""

    def answer(entries: Sequence[Entry]) -> list[str | None]:
        if any(entry["Detail"] == detail for entry in entries):
            raise client_error("ValidationException", 400)
        return take(entries)

    return answer


def client_error(code: str, status: int) -> ClientError:
    """A request that is refused with this code."""
    refusal: Any = {
        "Error": {"Code": code, "Message": "no"},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(refusal, "PutEvents")


def fail(_: Sequence[Entry]) -> list[str | None]:
    """Take nothing, and say so."""
    raise client_error("ThrottlingException", 400)


def hang_up(_: Sequence[Entry]) -> list[str | None]:
    """Be gone."""
    raise EndpointConnectionError(endpoint_url="https://events.example.com")


@dataclass
class ScriptedEventBridge:
    """Its answers are given in turn, one a request, the last for good."""

    answers: list[Answer] = field(default_factory=lambda: [take])
    requests: list[list[Entry]] = field(default_factory=list)
    taken: list[Entry] = field(default_factory=list)

    def put_events(self, *, Entries: list[Entry]) -> dict[str, Any]:  # noqa: N803 - boto3's name
        """The request of this name."""
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        self.requests.append(Entries)
        codes = answer(Entries)
        self.taken += [entry for entry, code in zip(Entries, codes, strict=True) if code is None]
        results = [{"EventId": "1"} if code is None else {"ErrorCode": code} for code in codes]
        return {"FailedEntryCount": len(codes) - codes.count(None), "Entries": results}

    @property
    def client(self) -> "EventBridgeClient":
        """Itself, for a client of boto3's."""
        return cast("EventBridgeClient", self)
