"""A session as an item of the table, in DynamoDB's attribute values.

Instants are epoch milliseconds; ``ttl`` is epoch seconds. What ``_derived_attributes`` makes
follows from the other attributes. It is stored because DynamoDB can compare and add stored
attributes, but has no ``min()`` and no arithmetic in conditions.

Two releases share a table while one replaces the other. So an attribute that this release added may
be missing, or left behind by a write of the release before: see ``recent_renewals``.
"""

import json
from collections.abc import Mapping
from typing import Any

from domain.session import MS_PER_SECOND, Session, TimeoutConfig
from storage.attribute_values import Item, attribute, int_attribute, number
from storage.faults import InvalidItem
from storage.recent_renewals import recent_renewals, renewal_attributes, renewed_at_ms

TIMEOUT_ATTRIBUTES = {
    "timeout_minutes": "timeoutMinutes",
    "auto_renew": "autoRenew",
    "max_duration_minutes": "maxDurationMinutes",
    "warning_threshold_minutes": "warningThresholdMinutes",
}
"""The attributes of the ``timeoutConfig`` map, by the field of ``TimeoutConfig`` they store."""

ANNOUNCED_AT = "announcedAt"
"""The attribute that marks a session as announced. One that is not has none."""

TIMER = "timer"
"""The attribute that timers keep to themselves: see ``storage.timer_update``."""

LATEST_INSTANT_MS = 253_402_300_799_999
"""The end of the year 9999, the last that RFC 3339 can express."""

EXPIRY_CONTRADICTS = "expiresAt is later than lastActivity and timeoutConfig allow"


def ttl_seconds(instant_ms: int, retention_seconds: int) -> int:
    """The instant, rounded up to epoch seconds, plus the retention: an item's ``ttl``."""
    return -(-instant_ms // MS_PER_SECOND) + retention_seconds


def item_of(session: Session, retention_seconds: int) -> Item:
    """The item that stores the session."""
    return {
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
        **renewal_attributes(session),
        **_announced_attribute(session),
        "ttl": number(ttl_seconds(session.expires_at_ms, retention_seconds)),
    }


def session_of(item: Item) -> Session:
    """The session that the item stores.

    Raises:
        InvalidItem: an attribute is missing, has another type, or contradicts the others.
    """
    session_id: str = item["sessionId"]["S"]
    try:
        session = Session(
            session_id=session_id,
            agent_id=attribute(item, "agentId", "S"),
            user_id=attribute(item, "userId", "S"),
            metadata_json=attribute(item, "metadata", "S"),
            created_at_ms=int_attribute(item, "createdAt"),
            last_activity_ms=int_attribute(item, "lastActivity"),
            renewed_at_ms=renewed_at_ms(item),
            timeout_config=timeout_config_of(item),
            renewal_count=int_attribute(item, "renewalCount"),
            recent_renewals=recent_renewals(item),
            announced_at_ms=int_attribute(item, ANNOUNCED_AT) if ANNOUNCED_AT in item else None,
        )
        _require_consistent(session)
        _require(item["expiresAt"] == number(session.expires_at_ms), EXPIRY_CONTRADICTS)
        _require_derived(item, session)
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
    config = attribute(item, "timeoutConfig", "M")
    names = TIMEOUT_ATTRIBUTES
    return TimeoutConfig(
        timeout_minutes=int_attribute(config, names["timeout_minutes"]),
        auto_renew=attribute(config, names["auto_renew"], "BOOL"),
        max_duration_minutes=int_attribute(config, names["max_duration_minutes"]),
        warning_threshold_minutes=int_attribute(config, names["warning_threshold_minutes"]),
    )


def _announced_attribute(session: Session) -> Item:
    at_ms = session.announced_at_ms
    return {} if at_ms is None else {ANNOUNCED_AT: number(at_ms)}


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
    _require(session.renewed_at_ms <= session.last_activity_ms, EXPIRY_CONTRADICTS)
    _require(session.expires_at_ms >= 0, "expiresAt is before 1970")
    _require(session.timeout_ms > 0, "timeoutMinutes is not positive")
    _require(session.renewal_count >= 0, "renewalCount is negative")
    _require(_is_json_object(session.metadata_json), "metadata is not the text of a JSON object")


def _require_derived(item: Item, session: Session) -> None:
    for name, value in _derived_attributes(session).items():
        if item.get(name) != value:
            raise ValueError(f"{name} contradicts createdAt and timeoutConfig")


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
