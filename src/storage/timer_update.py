"""What a timer writes to its session's item.

``timer`` has the token of the one message that may go on. Whoever handles a message claims it: one
conditional update puts a new token in the place of the message's own, and returns the session. So
of two deliveries of a message one goes on, and of two timers of a session one.
"""

import uuid
from dataclasses import dataclass

from domain.session import Session
from storage.attribute_values import Item, number
from storage.conditional_update import NOT_ANNOUNCED, TYPES_AND_BOUNDS
from storage.item import TIMER, session_of
from storage.table import ConditionalUpdate, SessionsTable, update_expression

PUBLISHED = "published"
"""In the place of a token: the expiry is published, and nothing is left to do."""

MAX_TAKE_OVERS = 3

CLAIM = update_expression("SET timer = :new", "timer = :token")
CLAIM_FIRST = update_expression(
    "SET timer = :new",
    "attribute_not_exists(timer)",
    "attribute_type(userId, :S)",
    "attribute_type(expiresAt, :N)",
)
"""The second and third clause keep what is no session as it is, and what is deleted so."""

MARK_ANNOUNCED = update_expression("SET announcedAt = :now", "expiresAt <= :now", NOT_ANNOUNCED)
MARK_PUBLISHED = update_expression("SET timer = :published", "attribute_exists(announcedAt)")


@dataclass(frozen=True, slots=True)
class Claimed:
    """The session as it is stored, and the token of the message that may come next."""

    session: Session
    token: str


def claim(
    table: SessionsTable, session_id: str, token: str | None, *, delivered_before: bool
) -> Claimed | None:
    """Claim the session's timer for the message with this token; ``None`` if it is over.

    It is over if the session was deleted or its expiry is published, and if another message has
    the timer. The first message has no token. One that was delivered before takes the timer over
    from whoever has it: the one who claimed it then may have failed before the next message was
    sent. If it was sent, that message finds the timer taken.

    Raises:
        SessionNotFound: no session can have this ID.
        StorageUnavailable: DynamoDB failed.
        InvalidItem: what is stored is not a session.
    """
    claimed_token = uuid.uuid4().hex
    for _ in range(MAX_TAKE_OVERS):
        result = table.update(session_id, _claim_update(token, claimed_token))
        if result.image is None:
            return None
        stored = _token_of(result.image)
        if result.applied or stored == claimed_token:  # its reply was lost
            return Claimed(session_of(result.image), claimed_token)
        if stored is None and token is None:
            session_of(result.image)  # no session: this says why
        if stored == PUBLISHED or not delivered_before:
            return None
        token = stored
    return None


def mark_announced(table: SessionsTable, session_id: str, at_ms: int) -> Session | None:
    """Mark the session as announced if it has expired at this instant. It is over from then on.

    Returns the session as it is stored: announced by this call or an earlier one, or renewed
    meanwhile. ``None`` if it was deleted.

    Raises:
        StorageUnavailable: DynamoDB failed.
        InvalidItem: what is stored is not a session.
    """
    result = table.update(session_id, ConditionalUpdate(MARK_ANNOUNCED, {":now": number(at_ms)}))
    return None if result.image is None else session_of(result.image)


def mark_published(table: SessionsTable, session_id: str) -> None:
    """Note that the expiry of the announced session is published.

    Raises:
        StorageUnavailable: DynamoDB failed.
    """
    table.update(session_id, ConditionalUpdate(MARK_PUBLISHED, {":published": {"S": PUBLISHED}}))


def is_published(item: Item, session: Session) -> bool:
    """Whether the present expiry of the item's session was published.

    The release before knows no mark: it may have renewed an announced session by a slow clock.
    """
    announced_at_ms = session.announced_at_ms
    is_announced = announced_at_ms is not None and announced_at_ms >= session.expires_at_ms
    return is_announced and _token_of(item) == PUBLISHED


def _claim_update(token: str | None, claimed_token: str) -> ConditionalUpdate:
    values = {":new": {"S": claimed_token}}
    if token is None:
        types = {name: TYPES_AND_BOUNDS[name] for name in (":S", ":N")}
        return ConditionalUpdate(CLAIM_FIRST, {**values, **types})
    return ConditionalUpdate(CLAIM, {**values, ":token": {"S": token}})


def _token_of(item: Item) -> str | None:
    token = item.get(TIMER, {}).get("S")
    return token if isinstance(token, str) else None
