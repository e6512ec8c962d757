"""Events of API Gateway, payload 2.0, and what the function answers to them."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local.gateway import LambdaContext

EVENTS = Path(__file__).parent.parent / "events"


LAMBDA_CONTEXT = LambdaContext("lambda-request")


def renewal_event(
    session_id: str = "a-session",
    *,
    request_id: str = "request-1",
    headers: dict[str, str] | None = None,
    **fields: Any,
) -> dict[str, Any]:
    """The event of a renewal, with any of its fields replaced."""
    event: dict[str, Any] = json.loads((EVENTS / "renew.json").read_text())
    event["pathParameters"] = {"sessionId": session_id}
    event["requestContext"]["requestId"] = request_id
    event["headers"] |= headers or {}
    return {**event, **fields}


@dataclass
class Answered:
    """A response of the function, read."""

    response: dict[str, Any]
    status: int = field(init=False)
    headers: dict[str, str] = field(init=False)
    body: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        """Read the parts that claims are made about."""
        self.status = self.response["statusCode"]
        self.headers = self.response["headers"]
        self.body = json.loads(self.response["body"])

    @property
    def code(self) -> str:
        """The error's code."""
        code: str = self.body["error"]["code"]
        return code
