"""The idempotency record of a creation: an item of the table, by which a retry is recognised.

It stores which session the key's first creation made, and a digest of what was requested. Its ID is
a digest keyed with the deployment's secret, so neither does it reveal the key, nor can anyone who
knows the key compute it. The session's own ID is random, and cannot be derived from either.
"""

import hashlib
import hmac
import json
from dataclasses import asdict

from domain.creation import IDEMPOTENCY_LIFETIME_MS, CreationRequest, create
from domain.refusals import IdempotencyKeyReused
from domain.session import Session
from storage.attribute_values import Item, int_attribute, number
from storage.faults import InvalidItem
from storage.item import timeout_config_attribute, timeout_config_of, ttl_seconds
from storage.keys import IDEMPOTENCY_PREFIX


def idempotency_record_id(request: CreationRequest, key: str, signing_key: str) -> str:
    """The ID of the record of this key. Each agent and user has keys of their own."""
    named = json.dumps([request.agent_id, request.user_id, key]).encode()
    return IDEMPOTENCY_PREFIX + hmac.digest(signing_key.encode(), named, "sha256").hex()


def request_digest(request: CreationRequest) -> str:
    """A digest of every field that was sent, whatever fields there are.

    An omitted field leaves no trace. So a field that a release adds changes no digest of a request
    without it, and a retry is recognised across releases.
    """
    fields = asdict(request, dict_factory=_sent)
    return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()


def idempotency_record(record_id: str, session: Session, request: CreationRequest) -> Item:
    """The record of the creation that made this session."""
    return {
        "sessionId": {"S": record_id},
        "createdSessionId": {"S": session.session_id},
        "createdAt": number(session.created_at_ms),
        "timeoutConfig": timeout_config_attribute(session.timeout_config),
        "requestDigest": {"S": request_digest(request)},
        "ttl": number(record_ttl_seconds(session.created_at_ms)),
    }


def record_ttl_seconds(created_at_ms: int) -> int:
    """The ``ttl`` of a record that was made at this instant."""
    return ttl_seconds(created_at_ms + IDEMPOTENCY_LIFETIME_MS, retention_seconds=0)


def first_session_of(record: Item, request: CreationRequest) -> Session:
    """The session that the first creation with the key made, as it was then.

    Raises:
        IdempotencyKeyReused: the first creation requested something else.
        InvalidItem: the item is not an idempotency record.
    """
    try:
        if record["requestDigest"]["S"] != request_digest(request):
            raise IdempotencyKeyReused
        return create(
            request,
            timeout_config_of(record),
            session_id=record["createdSessionId"]["S"],
            now_ms=int_attribute(record, "createdAt"),
        )
    except (KeyError, ValueError) as error:
        raise InvalidItem(record["sessionId"]["S"], f"idempotency record: {error}") from None


def _sent(fields: list[tuple[str, object]]) -> dict[str, object]:
    return {name: value for name, value in fields if value is not None}
