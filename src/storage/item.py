"""A session as an item of the table, in DynamoDB's attribute values.

Instants are epoch milliseconds; ``ttl`` is epoch seconds. What ``_derived_attributes`` makes
follows from the other attributes. It is stored because DynamoDB can compare and add stored
attributes, but has no ``min()`` and no arithmetic in conditions.
"""

import json
from collections.abc import Mapping
from typing import Any

from domain.session import MS_PER_SECOND, Session, TimeoutConfig
from storage.faults import InvalidItem

Item = Mapping[str, Mapping[str, Any]]

TIMEOUT_ATTRIBUTES = {
    "timeout_minutes": "timeoutMinutes",
    "auto_renew": "autoRenew",
    "max_duration_minutes": "maxDurationMinutes",
    "warning_threshold_minutes": "warningThresholdMinutes",
}
"""The attributes of the ``timeoutConfig`` map, by the field of ``TimeoutConfig`` they store."""

LATEST_INSTANT_MS = 253_402_300_799_999
"""The end of the year 9999, the last that RFC 3339 can express."""

PYTHON_TYPES = {"S": str, "N": str, "BOOL": bool, "M": dict}
"""The Python type of an attribute value, by DynamoDB's type descriptor."""


def number(value: int) -> dict[str, str]:
    """The number as an attribute value."""
    return {"N": str(value)}


def ttl_seconds(instant_ms: int, retention_seconds: int) -> int:
    """The instant, rounded up to epoch seconds, plus the retention: an item's ``ttl``."""
    return -(-instant_ms // MS_PER_SECOND) + retention_seconds


def item_of(session: Session, retention_seconds: int) -> Item:
    """The item that stores the session."""
    item: dict[str, Mapping[str, Any]] = {
        "sessionId": {"S": session.session_id},
        "agentId": {"S": session.agent_id},
        "userId": {"S": session.user_id},
        "metadata": {"S": session.metadata_json},
        "createdAt": number(session.created_at_ms),
        "lastActivity": number(session.last_activity_ms),
        "expiresAt": number(session.expires_at_ms),
        **_derived_attributes(session),
        "timeoutConfig": timeout_config_attribute(session.timeout_config),
        "renewalCount": number(session.renewal_count),
        "ttl": number(ttl_seconds(session.expires_at_ms, retention_seconds)),
    }
    if session.last_renewal_id is not None:
        item["lastRenewalId"] = {"S": session.last_renewal_id}
    return item


def session_of(item: Item) -> Session:
    """The session that the item stores.

    Raises:
        InvalidItem: an attribute is missing, has another type, or contradicts the others.
    """
    session_id: str = item["sessionId"]["S"]
    try:
        session = Session(
            session_id=session_id,
            agent_id=_attribute(item, "agentId", "S"),
            user_id=_attribute(item, "userId", "S"),
            metadata_json=_attribute(item, "metadata", "S"),
            created_at_ms=int_attribute(item, "createdAt"),
            last_activity_ms=int_attribute(item, "lastActivity"),
            expires_at_ms=int_attribute(item, "expiresAt"),
            timeout_config=timeout_config_of(item),
            renewal_count=int_attribute(item, "renewalCount"),
            last_renewal_id=(
                _attribute(item, "lastRenewalId", "S") if "lastRenewalId" in item else None
            ),
        )
        _require_consistent(session)
        for name, value in _derived_attributes(session).items():
            _require(item.get(name) == value, f"{name} contradicts createdAt and timeoutConfig")
    except ValueError as error:
        raise InvalidItem(session_id, str(error)) from None
    return session


def timeout_config_attribute(config: TimeoutConfig) -> Mapping[str, Any]:
    """The attribute value that stores the time limits."""
    limits = ((name, getattr(config, field)) for field, name in TIMEOUT_ATTRIBUTES.items())
    return {
        "M": {
            name: {"BOOL": limit} if isinstance(limit, bool) else number(limit)
            for name, limit in limits
        }
    }


def timeout_config_of(item: Item) -> TimeoutConfig:
    """The time limits that the item stores.

    Raises:
        ValueError: an attribute is missing or has another type; the text names it.
    """
    config = _attribute(item, "timeoutConfig", "M")
    names = TIMEOUT_ATTRIBUTES
    return TimeoutConfig(
        timeout_minutes=int_attribute(config, names["timeout_minutes"]),
        auto_renew=_attribute(config, names["auto_renew"], "BOOL"),
        max_duration_minutes=int_attribute(config, names["max_duration_minutes"]),
        warning_threshold_minutes=int_attribute(config, names["warning_threshold_minutes"]),
    )


def int_attribute(attributes: Item, name: str) -> int:
    """The integer that the attribute stores.

    Raises:
        ValueError: it is missing, or stores something else; the text names it.
    """
    text = _attribute(attributes, name, "N")
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"{name} is not an integer") from None


def _attribute(attributes: Item, name: str, kind: str) -> Any:
    try:
        value = attributes[name][kind]
    except (KeyError, TypeError):
        value = None
    if type(value) is not PYTHON_TYPES[kind]:
        raise ValueError(f"{name} is missing or not of type {kind}")
    return value


def _derived_attributes(session: Session) -> dict[str, Mapping[str, str]]:
    return {
        "maxExpiresAt": number(session.max_expires_at_ms),
        "fullRenewalUntil": number(session.full_renewal_until_ms),
        "timeoutMs": number(session.timeout_ms),
        "timeoutSeconds": number(session.timeout_ms // MS_PER_SECOND),
    }


def _require_consistent(session: Session) -> None:
    latest_ms = max(session.last_activity_ms, session.max_expires_at_ms)
    _require(0 <= session.created_at_ms <= session.last_activity_ms, "lastActivity is out of order")
    _require(latest_ms <= LATEST_INSTANT_MS, "an instant is after the year 9999")
    _require(
        0 <= session.expires_at_ms <= session.latest_expiry_ms,
        "expiresAt is later than lastActivity and timeoutConfig allow",
    )
    _require(session.timeout_ms > 0, "timeoutMinutes is not positive")
    _require(session.renewal_count >= 0, "renewalCount is negative")
    _require(_is_json_object(session.metadata_json), "metadata is not the text of a JSON object")


def _require(condition: bool, otherwise: str) -> None:
    if not condition:
        raise ValueError(otherwise)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


# The text of a number is enough to check it, and it may have more digits than int() converts.
_decoder = json.JSONDecoder(parse_constant=_refuse_constant, parse_int=str, parse_float=str)


def _is_json_object(text: str) -> bool:
    if not text.startswith("{"):  # as the conditional updates require
        return False
    try:
        _decoder.decode(text)
    except ValueError:
        return False
    except RecursionError:
        return text.endswith("}")  # nested more deeply than this interpreter parses: trusted
    return True
