"""A timer that rings: its message claimed, what is due of its session, and what comes next."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from domain.session import Session, Snapshot
from domain.session_json import (
    SESSION_EXPIRED,
    SESSION_EXPIRING,
    session_expired_json,
    session_expiring_json,
)
from domain.timers import Expire, Wait, Warn, after_warning_ms, due
from publishing.event_bus import Event
from publishing.message_queue import Message
from publishing.timer_messages import Delivery, TimerMessage, delayed, delivery_of
from storage.table import SessionsTable
from storage.timer_update import announce, claim


@dataclass(frozen=True, slots=True)
class Ringing:
    """What is due of a session at an instant. ``token`` is that of the message that comes next.

    ``record`` is the message, as SQS delivered it.
    """

    record: Mapping[str, Any]
    delivery: Delivery
    session: Session
    at_ms: int
    token: str
    due: Warn | Expire | Wait

    @property
    def message_id(self) -> str:
        """SQS's ID of the message."""
        return str(self.record["messageId"])

    def event(self) -> Event | None:
        """What is to be published; ``None`` if nothing is.

        Raises:
            EventTooLarge: EventBridge would not take it.
        """
        match self.due:
            case Warn():
                detail = session_expiring_json(Snapshot(self.session, self.at_ms))
                return Event(SESSION_EXPIRING, detail, self.at_ms)
            case Expire():
                return Event(SESSION_EXPIRED, session_expired_json(self.session), self.at_ms)
            case Wait():
                return None

    def next_message(self, now_ms: int) -> Message | None:
        """The message that comes next; ``None`` after an expiry."""
        session_id, expires_at_ms = self.session.session_id, self.session.expires_at_ms
        match self.due:
            case Warn():
                message = TimerMessage(session_id, self.token, expires_at_ms)
                return delayed(message, after_warning_ms(self.session, self.at_ms), now_ms)
            case Wait(until_ms):
                warned_expiry_ms = self.delivery.message.warned_expiry_ms
                message = TimerMessage(session_id, self.token, warned_expiry_ms)
                return delayed(message, until_ms, now_ms)
            case Expire():
                return None


def ring(record: Mapping[str, Any], table: SessionsTable, now_ms: int) -> Ringing | None:
    """Claim the message and find out what is due; ``None`` if its timer is over.

    A session that has expired is announced, and so it is over when this returns.

    Raises:
        InvalidRecord, SessionNotFound: the message is not one of a timer.
        InvalidItem: what is stored is not a session.
        StorageUnavailable: DynamoDB failed.
    """
    delivery = delivery_of(record)
    message = delivery.message
    claimed = claim(
        table, message.session_id, message.token, delivered_before=not delivery.is_first
    )
    if claimed is None:
        return None
    session: Session | None = claimed.session
    at_ms = delivery.judged_at_ms(now_ms)
    if not claimed.session.is_alive(at_ms):
        session = announce(table, message.session_id, at_ms)  # or it was renewed meanwhile
    if session is None:
        return None
    what = due(session, at_ms, message.warned_expiry_ms)
    return Ringing(record, delivery, session, at_ms, claimed.token, what)
