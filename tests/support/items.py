"""Items that are not sessions, each by one defect."""

from collections.abc import Mapping
from typing import Any

from storage.attribute_values import Item
from storage.item import item_of
from storage.recent_renewals import renewal_attributes
from tests.support.sessions import session

ITEM = item_of(session(), 0)

# An index takes no item in which its key has another type.
INDEXED = ("agentId", "userId", "createdAt")
# What a renewal replaces, it does not check. What the release before does not store may be missing.
UNCHECKED = {"sessionId", "ttl", *renewal_attributes(session())}
CHECKED = [name for name in ITEM if name not in UNCHECKED]


def without(name: str) -> Item:
    """The item, less an attribute."""
    return {key: value for key, value in ITEM.items() if key != name}


def having(name: str, value: Mapping[str, Any]) -> Item:
    """The item, with another value of an attribute."""
    return {**ITEM, name: value}


def configured(name: str, value: Mapping[str, Any] | None) -> Item:
    """The item, with another value of a time limit, or without it."""
    config = {**ITEM["timeoutConfig"]["M"], name: value}
    return having("timeoutConfig", {"M": {key: each for key, each in config.items() if each}})


NOT_SESSIONS: Mapping[str, Item] = {
    **{f"without {name}": without(name) for name in CHECKED},
    **{f"{name} is a list": having(name, {"L": []}) for name in CHECKED if name not in INDEXED},
    **{f"{name} left out": configured(name, None) for name in ITEM["timeoutConfig"]["M"]},
    **{f"{name} is text": configured(name, {"S": "5"}) for name in ITEM["timeoutConfig"]["M"]},
    "metadata is a map": having("metadata", {"M": {}}),
    "metadata is a JSON list": having("metadata", {"S": "[]"}),
    "metadata begins with a space": having("metadata", {"S": " {}"}),
    "a negative count": having("renewalCount", {"N": "-1"}),
    "no timeout": {**having("timeoutMs", {"N": "0"}), "timeoutSeconds": {"N": "0"}},
    "expired before 1970": having("expiresAt", {"N": "-1"}),
    "expired, and active after the year 9999": {
        **having("expiresAt", {"N": "1"}),
        "lastActivity": {"N": str(10**17)},
    },
    "only an ID": {"sessionId": ITEM["sessionId"]},
}
"""What a conditional update must leave as it is."""
