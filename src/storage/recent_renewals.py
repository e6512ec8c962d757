"""The latest renewals in a session's item: what a retry is recognised by.

``recentRenewals`` is a shift register: 32 numbers, the digests of the latest renewals, the latest
first. An update puts a digest at the head and moves the others along, without a read.

The release before this one remembers one renewal, by its ID in ``lastRenewalId``, and may write the
same sessions while a deployment replaces it. So ``lastRenewalId`` is still written, and
``rememberedCount`` is the ``renewalCount`` up to which the list is complete. An item that is behind
is caught up with by an update of its own: see ``storage.catch_up``.
"""

from domain.renewal import MAX_REMEMBERED, renewal_digest
from domain.session import Session
from storage.attribute_values import Item, attribute, int_attribute, number


def renewal_attributes(session: Session) -> Item:
    """The attributes that this release added. Each number that stands for no renewal is 0."""
    unused = (0,) * (MAX_REMEMBERED - len(session.recent_renewals))
    return {
        "renewedAt": number(session.renewed_at_ms),
        "recentRenewals": {"L": [number(each) for each in session.recent_renewals + unused]},
        "rememberedCount": number(session.renewal_count),
    }


def is_behind(item: Item, session: Session) -> bool:
    """Whether the session's item lacks what this release added, or has it as of an earlier time."""
    return any(item.get(name) != value for name, value in renewal_attributes(session).items())


def recent_renewals(item: Item) -> tuple[int, ...]:
    """The digests of the item's latest renewals, including one that the release before made.

    Raises:
        ValueError: an attribute has another type; the text names it.
    """
    stored = attribute(item, "recentRenewals", "L") if "recentRenewals" in item else []
    try:
        digests = tuple(int(each["N"]) for each in stored if each["N"] != "0")
    except (KeyError, TypeError, ValueError):
        raise ValueError("recentRenewals has something other than integers") from None
    if _is_complete(item) or "lastRenewalId" not in item:
        return digests
    latest = renewal_digest(attribute(item, "lastRenewalId", "S"))
    return (latest, *(each for each in digests if each != latest))[:MAX_REMEMBERED]


def renewed_at_ms(item: Item) -> int:
    """When the item's session was last renewed, or created.

    Where the expiry is below the maximum, it tells. At the maximum, ``renewedAt`` does, unless the
    release before has renewed since: that one took the last activity for the last renewal.

    Raises:
        ValueError: an attribute is missing or has another type; the text names it.
    """
    timeout_ms = int_attribute(item, "timeoutMs")
    expires_at_ms = int_attribute(item, "expiresAt")
    if expires_at_ms < int_attribute(item, "maxExpiresAt"):
        return expires_at_ms - timeout_ms
    if _is_complete(item) and int_attribute(item, "renewedAt") + timeout_ms >= expires_at_ms:
        return int_attribute(item, "renewedAt")
    return int_attribute(item, "lastActivity")


def _is_complete(item: Item) -> bool:
    """Whether no renewal has come without these attributes."""
    return "renewedAt" in item and item.get("rememberedCount") == item.get("renewalCount")
