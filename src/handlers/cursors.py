"""A page's cursor: opaque to the client, and of no use but for the next page of its own list."""

import hashlib

from itsdangerous import BadData, URLSafeSerializer

from handlers.errors import InvalidRequest
from storage.listing import Owner, Position

THE_SAME_LISTS = "the cursor of the page before, sent with the same userId and agentId"


def seal(key: str, owner: Owner, position: Position) -> str:
    """The position as a cursor, signed for the list of this owner."""
    return str(_serializer(key, owner).dumps([position.session_id, position.created_at_ms]))


def unseal(key: str, owner: Owner, cursor: str) -> Position:
    """The position in the cursor.

    Raises:
        InvalidRequest: the cursor was not made by ``seal`` with this key and for this owner.
    """
    try:
        position = Position(*_serializer(key, owner).loads(cursor))
    except BadData:
        raise InvalidRequest("cursor", THE_SAME_LISTS) from None
    # The last character of a signature in base64 has bits that do not count.
    if seal(key, owner, position) != cursor:
        raise InvalidRequest("cursor", THE_SAME_LISTS)
    return position


def _serializer(key: str, owner: Owner) -> URLSafeSerializer:
    return URLSafeSerializer(
        key,
        salt=f"user {owner.user_id}, agent {owner.agent_id}",
        signer_kwargs={"digest_method": hashlib.sha256, "key_derivation": "hmac"},
    )
