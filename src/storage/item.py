"""A session as an item of the table, in DynamoDB's own attribute values.

Numbers are epoch milliseconds, ``ttl`` epoch seconds. ``maxExpiresAt``,
``fullRenewalUntil``, ``timeoutMs`` and ``timeoutSeconds`` are derived from the others:
DynamoDB compares and adds stored attributes, but computes nothing else.
"""

import json
from collections.abc import Mapping
from typing import Any

from domain.session import MS_PER_SECOND, Session, TimeoutConfig
from storage.errors import InvalidItem

Item = Mapping[str, Mapping[str, Any]]

LATEST_INSTANT_MS = 253_402_300_799_999
"""The end of the year 9999: what RFC 3339 can write."""


def ttl_seconds(expires_at_ms: int, retention_seconds: int) -> int:
    """When DynamoDB may delete the item: the retention after the expiry, rounded up."""
    return -(-expires_at_ms // MS_PER_SECOND) + retention_seconds


def item_of(session: Session, retention_seconds: int) -> Item:
    """The item that stores the session."""
    config = session.timeout_config
    item: dict[str, Mapping[str, Any]] = {
        "sessionId": {"S": session.session_id},
        "agentId": {"S": session.agent_id},
        "userId": {"S": session.user_id},
        "metadata": {"S": session.metadata_json},
        "createdAt": _number(session.created_at_ms),
        "lastActivity": _number(session.last_activity_ms),
        "expiresAt": _number(session.expires_at_ms),
        **_derived(session),
        "timeoutConfig": {
            "M": {
                "timeoutMinutes": _number(config.timeout_minutes),
                "autoRenew": {"BOOL": config.auto_renew},
                "maxDurationMinutes": _number(config.max_duration_minutes),
                "warningThresholdMinutes": _number(config.warning_threshold_minutes),
            }
        },
        "renewalCount": _number(session.renewal_count),
        "ttl": _number(ttl_seconds(session.expires_at_ms, retention_seconds)),
    }
    if session.last_renewal_id is not None:
        item["lastRenewalId"] = {"S": session.last_renewal_id}
    return item


def session_of(item: Item) -> Session:
    """The session that the item stores.

    Raises:
        InvalidItem: an attribute is missing, of another type, or at odds with the others.
    """
    session_id: str = item["sessionId"]["S"]
    try:
        config = _value(item, "timeoutConfig", "M")
        session = Session(
            session_id=session_id,
            agent_id=_value(item, "agentId", "S"),
            user_id=_value(item, "userId", "S"),
            metadata_json=_value(item, "metadata", "S"),
            created_at_ms=_whole(item, "createdAt"),
            last_activity_ms=_whole(item, "lastActivity"),
            expires_at_ms=_whole(item, "expiresAt"),
            timeout_config=TimeoutConfig(
                timeout_minutes=_whole(config, "timeoutMinutes"),
                auto_renew=_value(config, "autoRenew", "BOOL"),
                max_duration_minutes=_whole(config, "maxDurationMinutes"),
                warning_threshold_minutes=_whole(config, "warningThresholdMinutes"),
            ),
            renewal_count=_whole(item, "renewalCount"),
            last_renewal_id=_value(item, "lastRenewalId", "S") if "lastRenewalId" in item else None,
        )
        latest_ms = max(session.last_activity_ms, session.max_expires_at_ms)
        _demand(
            0 <= session.created_at_ms <= session.last_activity_ms, "lastActivity is out of order"
        )
        _demand(latest_ms <= LATEST_INSTANT_MS, "an instant is after the year 9999")
        _demand(
            0 <= session.expires_at_ms <= session.latest_expiry_ms,
            "expiresAt is later than lastActivity and timeoutConfig allow",
        )
        _demand(session.timeout_ms > 0, "timeoutMinutes is not positive")
        _demand(session.renewal_count >= 0, "renewalCount is negative")
        for name, value in _derived(session).items():
            _demand(item.get(name) == value, f"{name} is at odds with createdAt and timeoutConfig")
        _demand(_is_json_object(session.metadata_json), "metadata is not a JSON object's text")
    except ValueError as error:
        raise InvalidItem(session_id, str(error)) from None
    return session


def _value(attributes: Item, name: str, kind: str) -> Any:
    try:
        return attributes[name][kind]
    except KeyError:
        raise ValueError(f"{name} is missing or not of type {kind}") from None


def _whole(attributes: Item, name: str) -> int:
    number = _value(attributes, name, "N")
    try:
        return int(number)
    except ValueError:
        raise ValueError(f"{name} is not a whole number") from None


def _demand(holds: bool, otherwise: str) -> None:
    if not holds:
        raise ValueError(otherwise)


def _derived(session: Session) -> dict[str, Mapping[str, str]]:
    return {
        "maxExpiresAt": _number(session.max_expires_at_ms),
        "fullRenewalUntil": _number(session.full_renewal_until_ms),
        "timeoutMs": _number(session.timeout_ms),
        "timeoutSeconds": _number(session.timeout_ms // MS_PER_SECOND),
    }


def _number(value: int) -> Mapping[str, str]:
    return {"N": str(value)}


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


_decoder = json.JSONDecoder(parse_constant=_refuse_constant)


def _is_json_object(text: str) -> bool:
    if not text.startswith("{"):  # as the write's condition has it
        return False
    try:
        _decoder.decode(text)
    except ValueError:
        return False
    except RecursionError:
        return text.endswith("}")  # deeper than this interpreter reads: trusted
    return True
