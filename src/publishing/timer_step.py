"""One message of a timer: claimed, what is due of its session, and the message that comes next."""

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
from storage.timer_update import claim, mark_announced


@dataclass(frozen=True, slots=True)
class TimerStep:
    """What is to be done about a session at an instant.

    ``record`` is the message as SQS delivered it. ``at_ms`` is the instant that it is judged at,
    and ``clock_ms`` what the function's clock said then. ``token`` is that of the next message.
    """

    record: Mapping[str, Any]
    delivery: Delivery
    session: Session
    at_ms: int
    clock_ms: int
    token: str
    action: Warn | Expire | Wait

    @property
    def message_id(self) -> str:
        """SQS's ID of the message."""
        return str(self.record["messageId"])

    @property
    def is_expiry(self) -> bool:
        """Whether the session is over, and its timer with it."""
        return isinstance(self.action, Expire)

    @property
    def due_since_ms(self) -> int:
        """Since when the event is due.

        What a first message finds due was not due before: a change of the limits has made it so,
        perhaps for an instant that had passed.
        """
        since_ms = self.at_ms if isinstance(self.action, Wait) else self.action.since_ms
        is_first_message = self.delivery.message.token is None
        return max(since_ms, self.delivery.received_at_ms) if is_first_message else since_ms

    def event(self) -> Event | None:
        """What is to be published; ``None`` if nothing is.

        Raises:
            EventTooLarge: EventBridge would not take it.
        """
        match self.action:
            case Warn():
                detail = session_expiring_json(Snapshot(self.session, self.at_ms))
                return Event(SESSION_EXPIRING, detail, self.at_ms)
            case Expire():
                return Event(SESSION_EXPIRED, session_expired_json(self.session), self.at_ms)
            case Wait():
                return None

    def next_message(self, now_ms: int) -> Message | None:
        """The message that comes next; ``None`` after an expiry.

        Its delay counts from the instant that this one is judged at. By a clock that is ahead of
        it, the message would come again at once, and again, until that instant catches up. But that
        of a later delivery may be long ago: there, the function's clock counts.
        """
        elapsed_ms = max(0, now_ms - self.clock_ms)
        from_ms = self.at_ms + elapsed_ms if self.delivery.is_first else now_ms
        session_id, expires_at_ms = self.session.session_id, self.session.expires_at_ms
        match self.action:
            case Warn():
                message = TimerMessage(session_id, self.token, expires_at_ms)
                return delayed(message, after_warning_ms(self.session, self.at_ms), from_ms)
            case Wait(until_ms):
                warned_expiry_ms = self.delivery.message.warned_expiry_ms
                message = TimerMessage(session_id, self.token, warned_expiry_ms)
                return delayed(message, until_ms, from_ms)
            case Expire():
                return None


def next_step(record: Mapping[str, Any], table: SessionsTable, now_ms: int) -> TimerStep | None:
    """Claim the message and find out what is due; ``None`` if its timer is over.

    A session that has expired is marked as announced, and so it is over when this returns.

    Raises:
        InvalidRecord, SessionNotFound: the message is not one of a timer.
        InvalidItem: what is stored is not a session.
        StorageUnavailable, ClientError: DynamoDB failed or refused.
    """
    delivery = delivery_of(record)
    message = delivery.message
    claimed = claim(
        table, message.session_id, message.token, delivered_before=not delivery.is_first
    )
    if claimed is None:
        return None
    session: Session | None = claimed.session
    at_ms = delivery.effective_ms(now_ms)
    if not claimed.session.is_alive(at_ms):
        session = mark_announced(table, message.session_id, at_ms)  # or it was renewed meanwhile
    if session is None:
        return None
    action = due(session, at_ms, message.warned_expiry_ms)
    return TimerStep(record, delivery, session, at_ms, now_ms, claimed.token, action)
