"""Brings an item up to this release, where the release before created or renewed the session."""

from domain.session import Session
from storage.attribute_values import Item
from storage.recent_renewals import renewal_attributes
from storage.table import ConditionalUpdate, update_expression

CATCH_UP = update_expression(
    "SET renewedAt = :renewedAt, recentRenewals = :recentRenewals, "
    "rememberedCount = :rememberedCount",
    "renewalCount = :renewalCount",
    "lastActivity = :lastActivity",
    "expiresAt = :expiresAt",
)
"""The attributes that this release added, if what they follow from is still as it was read."""


def catch_up(item: Item, session: Session) -> ConditionalUpdate:
    """The update of this session's item, as it was read."""
    return ConditionalUpdate(
        CATCH_UP,
        {
            **{f":{name}": item[name] for name in ("renewalCount", "lastActivity", "expiresAt")},
            **{f":{name}": value for name, value in renewal_attributes(session).items()},
        },
    )
