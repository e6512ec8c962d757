"""Messages of the timer queue: which session is meant, and when its timer rings again."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from domain.session import MS_PER_SECOND
from publishing.failures import InvalidRecord
from publishing.message_queue import Message

MAX_DELAY_SECONDS = 900
"""The longest that SQS delays a message."""

VISIBILITY_SECONDS = 180
"""How long after a delivery SQS delivers a message again, at the soonest: as in template.yaml."""

INSTANT = re.compile("[0-9]{1,15}")
TOKEN = re.compile("[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class TimerMessage:
    """What a message says: that the timer of this session rings.

    Without a ``token`` it is the first of its timer (see ``storage.timer_update``).
    ``warned_expiry_ms`` is the expiry that the last warning was about. A message that was taken
    from the dead letters is ``replayed``.
    """

    session_id: str
    token: str | None = None
    warned_expiry_ms: int | None = None
    replayed: bool = False

    @property
    def body(self) -> str:
        """The text of the message."""
        fields = {
            "sessionId": self.session_id,
            "timer": self.token,
            "warnedExpiresAt": self.warned_expiry_ms,
            "replayed": self.replayed or None,
        }
        return json.dumps({name: value for name, value in fields.items() if value is not None})


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message as SQS delivers it to a function, and the how many-th time that is.

    ``received_at_ms`` is when it was first received, by the clock of SQS (epoch milliseconds).
    """

    message: TimerMessage
    received_at_ms: int
    receive_count: int

    @property
    def is_first(self) -> bool:
        """Whether nobody had the message before."""
        return self.receive_count == 1 and not self.message.replayed

    def effective_ms(self, now_ms: int) -> int:
        """The instant that the message is judged at: the earlier one of two clocks.

        So neither the clock of SQS nor a function's can announce anything early by itself. Of a
        later delivery, SQS does not say when it is, but each is so long after the one before.
        """
        times_before = self.receive_count - 1
        delivered_at_ms = self.received_at_ms + times_before * VISIBILITY_SECONDS * MS_PER_SECOND
        return min(now_ms, delivered_at_ms)


def delivery_of(record: Mapping[str, Any]) -> Delivery:
    """The delivery that a record of SQS tells of.

    Raises:
        InvalidRecord: it is malformed; the text names what is.
    """
    try:
        attributes = record["attributes"]
        receive_count = int(attributes["ApproximateReceiveCount"])
        received_at_ms = int(attributes["ApproximateFirstReceiveTimestamp"])
        body = record["body"]
    except KeyError as error:
        raise InvalidRecord(f"it has no {error}") from error
    except (TypeError, ValueError) as error:
        raise InvalidRecord(f"it is malformed: {type(error).__name__}") from error
    message = timer_message_of(body)
    return Delivery(message, received_at_ms, receive_count)


def timer_message_of(body: str) -> TimerMessage:
    """The message with this text.

    Raises:
        InvalidRecord: it is malformed; the text names what is.
    """
    try:
        return _message_of(json.loads(body))
    except KeyError as error:
        raise InvalidRecord(f"it has no {error}") from error
    except (RecursionError, TypeError, ValueError) as error:
        raise InvalidRecord(f"it is malformed: {type(error).__name__}") from error


def delayed(message: TimerMessage, until_ms: int, now_ms: int) -> Message:
    """The message, to be received at that instant, or as much later than now as SQS allows."""
    seconds = -(-(until_ms - now_ms) // MS_PER_SECOND)
    # At least one: where two clocks differ, a message must not go round and round meanwhile.
    return Message(message.body, delay_seconds=max(1, min(seconds, MAX_DELAY_SECONDS)))


def _message_of(body: Any) -> TimerMessage:
    session_id, token = body["sessionId"], body.get("timer")
    warned_expiry_ms = body.get("warnedExpiresAt")
    replayed = body.get("replayed", False)
    _require(isinstance(session_id, str), "sessionId")
    _require(token is None or (isinstance(token, str) and TOKEN.fullmatch(token)), "timer")
    _require(
        warned_expiry_ms is None
        or (type(warned_expiry_ms) is int and INSTANT.fullmatch(str(warned_expiry_ms))),
        "warnedExpiresAt",
    )
    _require(isinstance(replayed, bool), "replayed")
    return TimerMessage(session_id, token, warned_expiry_ms, replayed)


def _require(condition: object, name: str) -> None:
    if not condition:
        raise InvalidRecord(f"its {name} is not as it must be")
