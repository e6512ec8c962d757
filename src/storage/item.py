"""A session as an item of the table, in DynamoDB's own attribute values.

Numbers are epoch milliseconds; ``ttl`` and ``activityTtl`` are epoch seconds. ``activityTtl``, and
what ``_derived`` makes, follow from the others: DynamoDB compares and adds stored attributes, but
computes nothing else.
"""

import json
from collections.abc import Mapping
from typing import Any

from domain.session import MS_PER_SECOND, Session, TimeoutConfig
from storage.errors import InvalidItem

Item = Mapping[str, Mapping[str, Any]]

LIMIT_ATTRIBUTES = {
    "timeout_minutes": "timeoutMinutes",
    "auto_renew": "autoRenew",
    "max_duration_minutes": "maxDurationMinutes",
    "warning_threshold_minutes": "warningThresholdMinutes",
}
"""The attributes of ``timeoutConfig``, by the field that they store."""

LATEST_INSTANT_MS = 253_402_300_799_999
"""The end of the year 9999: what RFC 3339 can write."""


def number(value: int) -> dict[str, str]:
    """The number as an attribute value."""
    return {"N": str(value)}


def ttl_seconds(expires_at_ms: int, retention_seconds: int) -> int:
    """When DynamoDB may delete an item: the retention after its expiry, rounded up.

    Of the last activity it makes ``activityTtl``: a whole timeout later is the ``ttl``.
    """
    return -(-expires_at_ms // MS_PER_SECOND) + retention_seconds


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
        **_derived(session),
        "timeoutConfig": config_item(session.timeout_config),
        "renewalCount": number(session.renewal_count),
        "activityTtl": number(ttl_seconds(session.last_activity_ms, retention_seconds)),
        "ttl": number(ttl_seconds(session.expires_at_ms, retention_seconds)),
    }
    if session.last_renewal_id is not None:
        item["lastRenewalId"] = {"S": session.last_renewal_id}
    return item


def config_item(config: TimeoutConfig) -> Mapping[str, Any]:
    """The attribute value that stores the time limits."""
    return {
        "M": {
            attribute: limit_value(getattr(config, field))
            for field, attribute in LIMIT_ATTRIBUTES.items()
        }
    }


def limit_value(limit: int) -> dict[str, Any]:
    """The attribute value of one time limit: a number, or a truth value."""
    return {"BOOL": limit} if isinstance(limit, bool) else number(limit)


def config_of(item: Item) -> TimeoutConfig:
    """The time limits that the item stores.

    Raises:
        ValueError: an attribute is missing or of another type; the text names it.
    """
    config = _value(item, "timeoutConfig", "M")
    names = LIMIT_ATTRIBUTES
    return TimeoutConfig(
        timeout_minutes=whole(config, names["timeout_minutes"]),
        auto_renew=_value(config, names["auto_renew"], "BOOL"),
        max_duration_minutes=whole(config, names["max_duration_minutes"]),
        warning_threshold_minutes=whole(config, names["warning_threshold_minutes"]),
    )


def session_of(item: Item) -> Session:
    """The session that the item stores.

    Raises:
        InvalidItem: an attribute is missing, of another type, or at odds with the others.
    """
    session_id: str = item["sessionId"]["S"]
    try:
        session = Session(
            session_id=session_id,
            agent_id=_value(item, "agentId", "S"),
            user_id=_value(item, "userId", "S"),
            metadata_json=_value(item, "metadata", "S"),
            created_at_ms=whole(item, "createdAt"),
            last_activity_ms=whole(item, "lastActivity"),
            expires_at_ms=whole(item, "expiresAt"),
            timeout_config=config_of(item),
            renewal_count=whole(item, "renewalCount"),
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
        _demand(whole(item, "activityTtl") > 0, "activityTtl is not positive")
        for name, value in _derived(session).items():
            _demand(item.get(name) == value, f"{name} is at odds with createdAt and timeoutConfig")
        _demand(_is_json_object(session.metadata_json), "metadata is not a JSON object's text")
    except ValueError as error:
        raise InvalidItem(session_id, str(error)) from None
    return session


PYTHON_TYPES = {"S": str, "N": str, "BOOL": bool, "M": dict}
"""What the JSON of an attribute value holds, by DynamoDB's name of the type."""


def _value(attributes: Item, name: str, kind: str) -> Any:
    try:
        value = attributes[name][kind]
    except (KeyError, TypeError):
        value = None
    if type(value) is not PYTHON_TYPES[kind]:
        raise ValueError(f"{name} is missing or not of type {kind}")
    return value


def whole(attributes: Item, name: str) -> int:
    """The whole number that the attribute holds.

    Raises:
        ValueError: it is missing, or holds another value; the text names it.
    """
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
        "maxExpiresAt": number(session.max_expires_at_ms),
        "fullRenewalUntil": number(session.full_renewal_until_ms),
        "fullRenewalBase": number(session.created_at_ms - session.timeout_ms),
        "timeoutMs": number(session.timeout_ms),
        "timeoutSeconds": number(session.timeout_ms // MS_PER_SECOND),
    }


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


# A number's text is as good as the number, and may have more digits than Python converts.
_decoder = json.JSONDecoder(parse_constant=_refuse_constant, parse_int=str, parse_float=str)


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
