"""An EventBridge that follows a script, and records what it was sent and what it took."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from botocore.exceptions import ClientError, EndpointConnectionError

if TYPE_CHECKING:
    from types_boto3_events import EventBridgeClient

Entry = Mapping[str, Any]
Answer = Callable[[Sequence[Entry]], list[str | None]]
"""The error code of each entry of a request; ``None`` if it is taken."""


def take(entries: Sequence[Entry]) -> list[str | None]:
    """Take every entry."""
    return [None] * len(entries)


def refuse(code: str, *details: str) -> Answer:
    """Refuse the entries with one of these details, or all of them, and take the others."""
    return lambda entries: [
        code if not details or entry["Detail"] in details else None for entry in entries
    ]


def refuse_requests_with(
    detail: str, code: str = "ValidationException", status: int = 400
) -> Answer:
    """Refuse a request as a whole if one of its entries has this detail."""

    def answer(entries: Sequence[Entry]) -> list[str | None]:
        if any(entry["Detail"] == detail for entry in entries):
            raise client_error(code, status)
        return take(entries)

    return answer


def throttle_request(_: Sequence[Entry]) -> list[str | None]:
    """Throttle the request as a whole."""
    raise client_error("ThrottlingException", 400)


def disconnect(_: Sequence[Entry]) -> list[str | None]:
    """Be unreachable."""
    raise EndpointConnectionError(endpoint_url="https://events.example.com")


def client_error(code: str, status: int) -> ClientError:
    """What boto3 raises for a response with this code and this HTTP status."""
    response: Any = {
        "Error": {"Code": code, "Message": "no"},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(response, "PutEvents")


@dataclass
class ScriptedEventBridge:
    """Gives its answers in turn, one to each request, and then repeats the last."""

    answers: list[Answer] = field(default_factory=lambda: [take])
    requests: list[list[Entry]] = field(default_factory=list)
    taken: list[Entry] = field(default_factory=list)

    def put_events(self, *, Entries: list[Entry]) -> dict[str, Any]:  # noqa: N803 - boto3's name
        """``PutEvents``."""
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        self.requests.append(Entries)
        codes = answer(Entries)
        self.taken += [entry for entry, code in zip(Entries, codes, strict=True) if code is None]
        results = [{"EventId": "1"} if code is None else {"ErrorCode": code} for code in codes]
        return {"FailedEntryCount": len(codes) - codes.count(None), "Entries": results}

    @property
    def client(self) -> "EventBridgeClient":
        """Itself, in place of boto3's client."""
        return cast("EventBridgeClient", self)

    @property
    def request_sizes(self) -> list[int]:
        """How many entries each request had."""
        return [len(request) for request in self.requests]
