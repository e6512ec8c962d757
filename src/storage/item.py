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
    try:
        config = item["timeoutConfig"]["M"]
        session = Session(
            session_id=item["sessionId"]["S"],
            agent_id=item["agentId"]["S"],
            user_id=item["userId"]["S"],
            metadata_json=item["metadata"]["S"],
            created_at_ms=int(item["createdAt"]["N"]),
            last_activity_ms=int(item["lastActivity"]["N"]),
            expires_at_ms=int(item["expiresAt"]["N"]),
            timeout_config=TimeoutConfig(
                timeout_minutes=int(config["timeoutMinutes"]["N"]),
                auto_renew=config["autoRenew"]["BOOL"],
                max_duration_minutes=int(config["maxDurationMinutes"]["N"]),
                warning_threshold_minutes=int(config["warningThresholdMinutes"]["N"]),
            ),
            renewal_count=int(item["renewalCount"]["N"]),
            last_renewal_id=item["lastRenewalId"]["S"] if "lastRenewalId" in item else None,
        )
    except KeyError as error:
        raise _invalid(item, f"{error} is missing or of another type") from None
    except ValueError:
        raise _invalid(item, "a number is not whole") from None
    for name, value in _derived(session).items():
        if item.get(name) != value:
            raise _invalid(item, f"{name} is at odds with createdAt and timeoutConfig")
    if not _is_json_object(session.metadata_json):
        raise _invalid(item, "metadata is not the text of a JSON object")
    return session


def _derived(session: Session) -> dict[str, Mapping[str, str]]:
    return {
        "maxExpiresAt": _number(session.max_expires_at_ms),
        "fullRenewalUntil": _number(session.full_renewal_until_ms),
        "timeoutMs": _number(session.timeout_ms),
        "timeoutSeconds": _number(session.timeout_ms // MS_PER_SECOND),
    }


def _number(value: int) -> Mapping[str, str]:
    return {"N": str(value)}


def _invalid(item: Item, defect: str) -> InvalidItem:
    return InvalidItem(item["sessionId"]["S"], defect)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


_decoder = json.JSONDecoder(parse_constant=_refuse_constant)


def _is_json_object(text: str) -> bool:
    try:
        return isinstance(_decoder.decode(text), dict)
    except ValueError:
        return False
    except RecursionError:
        return True  # nested deeper than this interpreter reads: what was stored is trusted
