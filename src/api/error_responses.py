"""What a client is told of each error: the one table of statuses, codes and wordings."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from api.bad_requests import (
    BodyTooLarge,
    InvalidRequest,
    MethodNotAllowed,
    RouteNotFound,
    Unauthorized,
    UnsupportedMediaType,
)
from api.clock_skew import ImplausibleClock
from domain.refusals import (
    IdempotencyKeyReused,
    MaximumBelowTimeout,
    MaximumDurationReached,
    SessionExpired,
    SessionNotFound,
)
from domain.session_json import rfc3339
from runtime.retries import system_random
from storage.faults import StorageUnavailable

MAX_RETRY_AFTER_SECONDS = 3


@dataclass(eq=False)
class Unhealthy(StorageUnavailable):
    """The table did not answer a health check, at this instant (epoch milliseconds)."""

    at_ms: int


@dataclass(frozen=True, slots=True)
class ErrorResponse:
    """One row. Its functions turn the facts that the error carries into the response.

    The ``message`` says what is wrong, since clients show it alone; the ``details`` say what to do
    next. The log has the ``summary``, which holds nothing that a client sent. ``extra_fields``
    stand in the body besides the two that every error has. ``metric`` counts it.
    """

    status: int
    code: str
    summary: str
    details: Callable[[Any], str]
    message_with_facts: Callable[[Any], str] | None = None
    headers: Callable[[Any], dict[str, str]] = lambda _: {}
    extra_fields: Callable[[Any], dict[str, str]] = lambda _: {}
    metric: str = "Refusals"

    def message(self, error: Exception) -> str:
        """What is wrong: the summary, where there is no more to say."""
        return self.message_with_facts(error) if self.message_with_facts else self.summary


INVALID_REQUEST = ErrorResponse(
    400,
    "VALIDATION_ERROR",
    "Invalid request",
    lambda _: "Correct the request, and send it again.",
    lambda error: f"{error.field} must be {error.allowed}.",
)
UNAVAILABLE = ErrorResponse(
    503,
    "SERVICE_UNAVAILABLE",
    "Service temporarily unavailable",
    lambda _: (
        "Send the request again after the seconds in Retry-After, "
        "with the same Idempotency-Key if it had one."
    ),
    # Clients that were refused together must not come back together.
    headers=lambda _: {"Retry-After": str(system_random.randint(1, MAX_RETRY_AFTER_SECONDS))},
    metric="StorageFaults",
)

ERRORS: Mapping[type[Exception], ErrorResponse] = {
    Unauthorized: ErrorResponse(
        401,
        "UNAUTHORIZED",
        "A valid API key is required",
        lambda _: "Send a key of this deployment in the header X-API-KEY.",
        headers=lambda _: {"WWW-Authenticate": "X-API-KEY"},
    ),
    RouteNotFound: ErrorResponse(
        404,
        "ROUTE_NOT_FOUND",
        "No such route",
        lambda _: "Check the path against the API's documentation.",
    ),
    MethodNotAllowed: ErrorResponse(
        405,
        "METHOD_NOT_ALLOWED",
        "Method not allowed",
        lambda error: f"Use another method here: {error.allowed}.",
        headers=lambda error: {"Allow": error.allowed},
    ),
    SessionNotFound: ErrorResponse(
        404,
        "SESSION_NOT_FOUND",
        "Session not found",
        lambda _: (
            "No session has this ID, or it expired and was deleted. "
            "Check the ID, or create a new session."
        ),
    ),
    SessionExpired: ErrorResponse(
        410,
        "SESSION_EXPIRED",
        "Session has expired",
        lambda error: (
            f"The session expired at {rfc3339(error.expired_at_ms)}. Create a new session."
        ),
    ),
    MaximumDurationReached: ErrorResponse(
        422,
        "SESSION_RENEWAL_FAILED",
        "Cannot renew: maximum duration reached",
        lambda error: (
            "The session already lasts until its maximum, "
            f"{rfc3339(error.max_expires_at_ms)}. Use it until then, and then create a new session."
        ),
    ),
    InvalidRequest: INVALID_REQUEST,
    MaximumBelowTimeout: replace(
        INVALID_REQUEST,
        message_with_facts=lambda error: (
            "maxDurationMinutes must be at least timeoutMinutes: they would be "
            f"{error.max_duration_minutes} and {error.timeout_minutes}."
        ),
    ),
    IdempotencyKeyReused: replace(
        INVALID_REQUEST,
        message_with_facts=lambda _: (
            "Idempotency-Key must be a new one: this one was already sent with other metadata or "
            "another timeoutConfig."
        ),
        details=lambda _: "Send a new key, or the body that the key was first sent with.",
    ),
    BodyTooLarge: ErrorResponse(
        413,
        "PAYLOAD_TOO_LARGE",
        "Request body too large",
        lambda _: "Send a smaller one, with less metadata or less white space.",
        lambda error: f"The body must be at most {error.max_bytes} bytes.",
    ),
    UnsupportedMediaType: ErrorResponse(
        415,
        "UNSUPPORTED_MEDIA_TYPE",
        "Unsupported media type",
        lambda _: "Send the body as JSON, with the header Content-Type: application/json.",
        lambda _: "Content-Type must be application/json.",
    ),
    StorageUnavailable: UNAVAILABLE,
    ImplausibleClock: replace(UNAVAILABLE, metric="ClockFaults"),
    Unhealthy: replace(
        UNAVAILABLE,
        extra_fields=lambda error: {"status": "unhealthy", "timestamp": rfc3339(error.at_ms)},
    ),
}

INTERNAL_ERROR = ErrorResponse(
    500,
    "INTERNAL_SERVER_ERROR",
    "Internal server error",
    lambda _: (
        "The server failed to handle this request, and sending it again may not help. "
        "Report it with its time and its path."
    ),
    metric="InternalErrors",
)
