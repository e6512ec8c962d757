"""Replays a dead letter of the timers: by sending it to their queue again, as a replayed one.

As it is, it would be of no use there: its timer may have gone on without it, and then another
message has the token. A replayed one takes the timer over from whichever has it, so there is one
timer a session however often this is done.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from publishing.event_bus import TEMPORARY_CODES
from publishing.failures import FAILURES, InvalidRecord
from publishing.timer_messages import TimerMessage, timer_message_of
from recovery import dead_letters
from recovery.dead_letters import REFUSED, UNREADABLE
from recovery.pace import Pace
from recovery.replay import CAME_BACK
from storage.faults import InvalidItem

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient

RECEIVED_TOO_OFTEN = "RECEIVED_TOO_OFTEN"
"""The reason, here, of a message that SQS itself has moved. It has no attribute for it."""

ADVICE: Mapping[str, str] = {
    **dead_letters.ADVICE,
    FAILURES[InvalidItem].reason: (
        "someone wrote to the table by hand: repair or delete the item, and replay it with "
        f"--reason {FAILURES[InvalidItem].reason}"
    ),
    FAILURES[InvalidRecord].reason: "no timer of a session: look at it, then delete it",
    UNREADABLE: "no timer message: look at it, then delete it",
}
"""What a person does with what is not replayed by itself."""

REASONS = [RECEIVED_TOO_OFTEN, *ADVICE]


@dataclass
class TimerReplay:
    """Sends messages to the queue of the timers again. ``queue`` has both queues."""

    queue: "SQSClient"
    timer_queue_url: str
    pace: Pace
    _replayed: set[TimerMessage] = field(default_factory=set)

    def reason_of(self, message: Mapping[str, Any]) -> str:
        """Why the message is in the queue."""
        return _reason_and_cause(message)[0]

    def replay(
        self, message: Mapping[str, Any], chosen: Collection[str], *, apply: bool
    ) -> str | None:
        """Send the message to the timers' queue again, if it is to be replayed."""
        reason, cause = _reason_and_cause(message)
        why_left = _why_left(reason, cause, chosen)
        if why_left is not None:
            return why_left
        try:
            timer = replace(timer_message_of(message["Body"]), replayed=True)
        except InvalidRecord:
            return ADVICE[UNREADABLE]
        if timer in self._replayed:
            return CAME_BACK
        if apply:
            self.queue.send_message(QueueUrl=self.timer_queue_url, MessageBody=timer.body)
            self._replayed.add(timer)
            self.pace.spend(1)
        return None


def _reason_and_cause(message: Mapping[str, Any]) -> tuple[str, str]:
    attributes = message.get("MessageAttributes", {})
    reason, cause = (attributes.get(each, {}).get("StringValue") for each in ("reason", "cause"))
    if reason is not None:
        return (reason if reason in REASONS else UNREADABLE), cause or ""
    try:
        timer_message_of(message["Body"])
    except InvalidRecord:
        return UNREADABLE, ""
    return RECEIVED_TOO_OFTEN, ""


def _why_left(reason: str, cause: str, chosen: Collection[str]) -> str | None:
    """Why it is left for a person; ``None`` if it is replayed.

    ``chosen`` are the reasons that a person has named: those, and only those. Without any, what may
    succeed by itself is replayed.
    """
    if reason == UNREADABLE:
        return ADVICE[UNREADABLE]
    if chosen:
        return None if reason in chosen else "not among the reasons that were chosen"
    if reason == REFUSED and cause in TEMPORARY_CODES:
        return None
    return ADVICE.get(reason)
