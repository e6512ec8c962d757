"""What each error of the code is to a client: the one table of statuses, codes and wordings."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from domain.errors import (
    KeyUsedForAnother,
    MaximumBelowTimeout,
    MaximumDurationReached,
    SessionExpired,
    SessionNotFound,
)
from handlers.session_info import rfc3339
from storage.errors import StorageUnavailable

RETRY_AFTER_SECONDS = 1
MAX_SHOWN_CHARS = 100
"""The most that an answer repeats of a name that the client chose."""


@dataclass(eq=False)
class RouteNotFound(Exception):
    """No route of the API matches the request's path."""


@dataclass(eq=False)
class MethodNotAllowed(Exception):
    """The path is right; ``allowed`` lists the methods that it takes."""

    allowed: str


@dataclass(eq=False)
class InvalidRequest(Exception):
    """Something in the request is not what it must be."""

    field: str
    allowed: str


@dataclass(eq=False)
class BodyTooLarge(Exception):
    """The body has more bytes than this."""

    max_bytes: int


@dataclass(eq=False)
class UnsupportedMediaType(Exception):
    """The request says that its body is not JSON."""


@dataclass(eq=False)
class Unhealthy(StorageUnavailable):
    """The table does not answer a health check, at this instant."""

    at_ms: int


@dataclass(frozen=True, slots=True)
class ErrorAnswer:
    """One row: the functions make of the facts that the error carries what the answer says.

    ``beside`` are fields of the body beside the two that every error has.
    """

    status: int
    code: str
    message: str
    details: Callable[[Any], str]
    headers: Callable[[Any], dict[str, str]] = lambda _: {}
    beside: Callable[[Any], dict[str, str]] = lambda _: {}
    metric: str = "Refusals"


INVALID_REQUEST = ErrorAnswer(
    400,
    "VALIDATION_ERROR",
    "Invalid request",
    lambda error: f"{error.field} must be {error.allowed}.",
)
UNAVAILABLE = ErrorAnswer(
    503,
    "SERVICE_UNAVAILABLE",
    "Service temporarily unavailable",
    lambda _: (
        f"Send the request again after {RETRY_AFTER_SECONDS} second, "
        "with the same Idempotency-Key if it had one."
    ),
    headers=lambda _: {"Retry-After": str(RETRY_AFTER_SECONDS)},
    metric="StorageFaults",
)

ERRORS: Mapping[type[Exception], ErrorAnswer] = {
    RouteNotFound: ErrorAnswer(
        404,
        "ROUTE_NOT_FOUND",
        "No such route",
        lambda _: "Check the path against the API's documentation.",
    ),
    MethodNotAllowed: ErrorAnswer(
        405,
        "METHOD_NOT_ALLOWED",
        "Method not allowed",
        lambda error: f"Use another method here: {error.allowed}.",
        headers=lambda error: {"Allow": error.allowed},
    ),
    SessionNotFound: ErrorAnswer(
        404,
        "SESSION_NOT_FOUND",
        "Session not found",
        lambda _: (
            "No session has this ID, or it expired and was deleted. "
            "Check the ID, or create a new session."
        ),
    ),
    SessionExpired: ErrorAnswer(
        410,
        "SESSION_EXPIRED",
        "Session has expired",
        lambda error: (
            f"The session expired at {rfc3339(error.expired_at_ms)}. Create a new session."
        ),
    ),
    MaximumDurationReached: ErrorAnswer(
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
        details=lambda error: (
            "maxDurationMinutes must be at least timeoutMinutes: they would be "
            f"{error.max_duration_minutes} and {error.timeout_minutes}."
        ),
    ),
    KeyUsedForAnother: replace(
        INVALID_REQUEST,
        details=lambda _: (
            "Idempotency-Key must be a new one: this one came with other metadata or another "
            "timeoutConfig before."
        ),
    ),
    BodyTooLarge: ErrorAnswer(
        413,
        "PAYLOAD_TOO_LARGE",
        "Request body too large",
        lambda error: f"Send at most {error.max_bytes} bytes.",
    ),
    UnsupportedMediaType: ErrorAnswer(
        415,
        "UNSUPPORTED_MEDIA_TYPE",
        "Unsupported media type",
        lambda _: "Send the body as JSON, with the header Content-Type: application/json.",
    ),
    StorageUnavailable: UNAVAILABLE,
    Unhealthy: replace(
        UNAVAILABLE,
        beside=lambda error: {"status": "unhealthy", "timestamp": rfc3339(error.at_ms)},
    ),
}

INTERNAL_ERROR = ErrorAnswer(
    500,
    "INTERNAL_SERVER_ERROR",
    "Internal server error",
    lambda _: (
        "The server failed on this request: sending it again may not help. "
        "Report it with its time and its path."
    ),
    metric="InternalErrors",
)
