"""One event of API Gateway, payload format 2.0, as the request that it stands for."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MAX_PLAIN_RENEWAL_ID_CHARS = 64


@dataclass(frozen=True, slots=True)
class Request:
    """An event and its Lambda context. Any field of the event may be missing or of another type.

    The request counts as made at ``now_ms``, in epoch milliseconds.
    """

    event: Any
    context: Any
    now_ms: int

    @property
    def session_id(self) -> str:
        """The decoded path parameter; empty if there is none."""
        return self._text("pathParameters", "sessionId")

    @property
    def request_id(self) -> str:
        """API Gateway's ID of the request, else Lambda's."""
        lambda_request_id: str = getattr(self.context, "aws_request_id", "")
        return self._text("requestContext", "requestId") or lambda_request_id

    @property
    def received_at_ms(self) -> int | None:
        """When API Gateway received the request, by its own clock; ``None`` if it does not say."""
        at_ms = self._mapping("requestContext").get("timeEpoch")
        return at_ms if type(at_ms) is int else None

    @property
    def idempotency_key(self) -> str:
        """The client's name for the request, by which a retry is recognised; empty if not sent."""
        return self.header("idempotency-key")

    @property
    def renewal_id(self) -> str:
        """What identifies the renewal: the ``Idempotency-Key``, else the request ID.

        A key that is long or not ASCII is represented by its SHA-256, so that what is stored is
        bounded whatever the client sends.
        """
        key = self.idempotency_key or self.request_id
        if len(key) <= MAX_PLAIN_RENEWAL_ID_CHARS and key.isascii():
            return key
        return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()

    @property
    def query(self) -> Mapping[str, Any]:
        """The decoded query parameters; repeated ones are joined by commas."""
        return self._mapping("queryStringParameters")

    @property
    def body(self) -> tuple[str, bool]:
        """The body, empty if there is none, and whether it is in base64."""
        fields = self.event if isinstance(self.event, dict) else {}
        return self._text("body"), fields.get("isBase64Encoded") is True

    @property
    def route_key(self) -> str:
        """The template's route that the event came by: a method and a path, or ``$default``."""
        return self._text("routeKey")

    @property
    def is_preflight(self) -> bool:
        """Whether a browser asks what it may send. ``ANY`` and ``$default`` bring such requests."""
        return self._text("requestContext", "http", "method") == "OPTIONS"

    def header(self, name: str) -> str:
        """The header with this lower-case name; empty if there is none."""
        # API Gateway sends the names in lower case, SAM CLI as the client spelt them.
        for header, value in self._mapping("headers").items():
            if header.lower() == name and isinstance(value, str):
                return value
        return ""

    def _mapping(self, name: str) -> Mapping[str, Any]:
        found = self.event.get(name) if isinstance(self.event, dict) else None
        return found if isinstance(found, dict) else {}

    def _text(self, *path: str) -> str:
        found = self.event
        for name in path:
            found = found.get(name) if isinstance(found, dict) else None
        return found if isinstance(found, str) else ""
