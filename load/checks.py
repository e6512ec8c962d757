"""What the contract says of an answer: why a response counts as a failure of the load."""

import json
from collections.abc import Mapping, Set
from dataclasses import dataclass
from typing import Any

SESSIONS = "/api/messaging/sessions"

CREATED_FIELDS = frozenset(
    ("sessionId", "agentId", "userId", "createdAt", "metadata", "expiresAt", "timeoutConfig")
)
INFO_FIELDS = CREATED_FIELDS | {"lastActivity", "renewalCount", "timeRemaining", "isNearExpiration"}
TEMPORARY_STATUSES = frozenset({429, 503})
DEFAULT_RETRY_SECONDS, MAX_RETRY_SECONDS = 1.0, 5.0


class BrokenContract(Exception):
    """The answer is not what the contract says."""


class Unavailable(Exception):
    """The API asks the client to come again: throttled, or 503; or there was no answer."""

    def __init__(self, text: str, retry_seconds: float = DEFAULT_RETRY_SECONDS) -> None:
        super().__init__(text)
        self.retry_seconds = retry_seconds


@dataclass
class OwnSession:
    """A session as the one client knows it that uses it.

    It was renewed at least and at most so many times: a renewal that was never answered may have
    been made.
    """

    session_id: str
    user_id: str
    expires_at: str
    min_renewals: int = 0
    max_renewals: int = 0

    def expect_renewal(self) -> None:
        """A renewal is about to be sent, once or more with the same key."""
        self.max_renewals += 1

    def check_info(self, body: Mapping[str, Any], *, renewed: bool = False) -> None:
        """Compare a SessionInfo with what is known, and learn from it.

        Raises:
            BrokenContract: they differ.
        """
        check_fields(body, INFO_FIELDS)
        self._check_ids(body)
        least = self.min_renewals + renewed
        if not least <= body["renewalCount"] <= self.max_renewals:
            raise BrokenContract(
                f"renewalCount is {body['renewalCount']}, not {least} to {self.max_renewals}"
            )
        if renewed and body["expiresAt"] < self.expires_at:
            raise BrokenContract("a renewal has moved expiresAt back")
        if body["timeRemaining"] <= 0:
            raise BrokenContract(f"timeRemaining is {body['timeRemaining']}")
        self.min_renewals = self.max_renewals = body["renewalCount"]
        self.expires_at = body["expiresAt"]

    def check_list(self, body: Mapping[str, Any]) -> None:
        """Compare the list of the user's sessions. A new session may be missing for a moment.

        Raises:
            BrokenContract: it is not a list of this user's sessions.
        """
        check_fields(body, {"sessions", "total"})
        if body["total"] != len(body["sessions"]):
            raise BrokenContract(f"total is {body['total']}, of {len(body['sessions'])} sessions")
        for each in body["sessions"]:
            check_fields(each, INFO_FIELDS)
            self._check_ids(each)

    def _check_ids(self, body: Mapping[str, Any]) -> None:
        if (body["sessionId"], body["userId"]) != (self.session_id, self.user_id):
            raise BrokenContract("the answer has another session")


def created_session(body: Mapping[str, Any], request: Mapping[str, Any]) -> OwnSession:
    """The session that this request has created.

    Raises:
        BrokenContract: it is not what was asked for.
    """
    check_fields(body, CREATED_FIELDS)
    for name, value in request.items():
        if body[name] != value:
            raise BrokenContract(f"{name} is not what was sent")
    return OwnSession(body["sessionId"], body["userId"], body["expiresAt"])


def check_fields(body: Mapping[str, Any], fields: Set[str]) -> None:
    """Look for these fields.

    Raises:
        BrokenContract: some are missing.
    """
    missing = sorted(fields - body.keys())
    if missing:
        raise BrokenContract(f"missing: {', '.join(missing)}")


def answer_of(
    status: int, headers: Mapping[str, str], text: str, expected: Set[int | None]
) -> dict[str, Any]:
    """The body of an answer with one of the expected statuses. A status of 0 is no answer.

    Raises:
        Unavailable: none, or 429 or 503, with the pause that the header ``Retry-After`` asks for.
        BrokenContract: another status, or not such an answer as the API gives.
    """
    if not status:
        raise Unavailable("no answer")
    body = _json_object(text)
    error = body.get("error")
    code = error.get("code", "") if isinstance(error, dict) else ""
    if status in TEMPORARY_STATUSES:
        raise Unavailable(f"{status} {code}".strip(), _retry_seconds(headers))
    if status not in expected:
        raise BrokenContract(f"unexpected status {status} {code}".strip())
    if headers.get("Cache-Control") != "no-store":
        raise BrokenContract("Cache-Control is not no-store")
    return body


def _json_object(text: str) -> dict[str, Any]:
    """The object of the text; empty if it is none. Statuses are looked at before bodies."""
    try:
        body = json.loads(text)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _retry_seconds(headers: Mapping[str, str]) -> float:
    value = headers.get("Retry-After", "")
    seconds = float(value) if value.isascii() and value.isdigit() else DEFAULT_RETRY_SECONDS
    return min(seconds, MAX_RETRY_SECONDS)
