"""What each error of the code is to a client: the one table of statuses, codes and wordings."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from domain.errors import MaximumDurationReached, SessionExpired, SessionNotFound
from handlers.session_info import rfc3339
from storage.errors import StorageUnavailable

RETRY_AFTER_SECONDS = 1


@dataclass(eq=False)
class RouteNotFound(Exception):
    """No route of the API matches the request's path."""


@dataclass(eq=False)
class MethodNotAllowed(Exception):
    """The path is right; ``allowed`` lists the methods that it takes."""

    allowed: str


@dataclass(frozen=True, slots=True)
class ErrorAnswer:
    """One row: ``details`` and ``headers`` are made of the facts that the error carries."""

    status: int
    code: str
    message: str
    details: Callable[[Any], str]
    headers: Callable[[Any], dict[str, str]] = lambda _: {}
    metric: str = "Refusals"


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
        lambda error: f"Send the request again with one of the methods {error.allowed}.",
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
    StorageUnavailable: ErrorAnswer(
        503,
        "SERVICE_UNAVAILABLE",
        "Service temporarily unavailable",
        lambda _: (
            f"Send the request again after {RETRY_AFTER_SECONDS} second, "
            "with the same Idempotency-Key if it had one."
        ),
        headers=lambda _: {"Retry-After": str(RETRY_AFTER_SECONDS)},
        metric="StorageFaults",
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
