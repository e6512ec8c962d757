"""The requests to AWS, recorded where botocore hands them to its HTTP session."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from unittest import mock

from botocore.httpsession import URLLib3Session


@dataclass(frozen=True)
class SentRequest:
    """An operation, and the sizes of what was sent and came back, without headers."""

    operation: str
    request_bytes: int
    reply_bytes: int


@contextlib.contextmanager
def recorded_requests() -> Iterator[list[SentRequest]]:
    """What botocore sends within the context, whichever client and thread it is for."""
    sent: list[SentRequest] = []
    send = URLLib3Session.send

    def record(session: URLLib3Session, request: Any) -> Any:
        reply = send(session, request)
        operation = request.headers["X-Amz-Target"]
        sent.append(SentRequest(operation, len(request.body), len(reply.content)))
        return reply

    with mock.patch.object(URLLib3Session, "send", record):
        yield sent
