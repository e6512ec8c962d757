"""The cursor of a page: opaque to the client, and valid only for the next page of the same list.

It is signed, not encrypted: anyone can read in it which entry the page ended at.
"""

import hashlib

from itsdangerous import BadData, URLSafeSerializer

from api.bad_requests import InvalidRequest
from domain.session import Owner
from storage.session_listing import Position

CURSOR_HINT = "the cursor of the previous page, sent with the same userId and agentId"


def sign_cursor(key: str, owner: Owner, position: Position) -> str:
    """The position as a cursor, signed for the list of this owner."""
    return str(_serializer(key, owner).dumps([position.session_id, position.created_at_ms]))


def verify_cursor(key: str, owner: Owner, cursor: str) -> Position:
    """The position in the cursor.

    Raises:
        InvalidRequest: ``sign_cursor`` did not make it with this key for this owner.
    """
    try:
        position = Position(*_serializer(key, owner).loads(cursor))
    except BadData:
        raise InvalidRequest("cursor", CURSOR_HINT) from None
    # Some bits of the last character of a signature in base64 are ignored when it is decoded.
    if sign_cursor(key, owner, position) != cursor:
        raise InvalidRequest("cursor", CURSOR_HINT)
    return position


def _serializer(key: str, owner: Owner) -> URLSafeSerializer:
    return URLSafeSerializer(
        key,
        salt=f"user {owner.user_id}, agent {owner.agent_id}",
        signer_kwargs={"digest_method": hashlib.sha256, "key_derivation": "hmac"},
    )
