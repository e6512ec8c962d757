"""The dead-letter queue: what could not be handled, kept whole for an operator."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from publishing.message_queue import Message, MessageQueue, Verdict
from runtime.deadline import Deadline

MAX_BODY_BYTES = 1000 * 1024
"""What SQS takes, less some room for the attributes."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """What to keep, as an operator can have it handled again, and what there is to say about it."""

    body: str
    attributes: Mapping[str, str]


@dataclass(frozen=True)
class DeadLetterQueue:
    """The queue of one function's dead letters."""

    queue: MessageQueue

    def send(self, letters: Sequence[DeadLetter], deadline: Deadline) -> list[Verdict]:
        """Keep the letters, in order: see ``MessageQueue.send`` for the verdicts.

        A letter that is too large for a message is cut, and the attribute ``cut`` says so.
        """
        return self.queue.send([*map(_message, letters)], deadline)


def _message(letter: DeadLetter) -> Message:
    # SQS refuses an empty attribute, and some characters.
    attributes = {name: ascii(value)[1:-1] or "none" for name, value in letter.attributes.items()}
    body = letter.body.encode("utf-8", "backslashreplace")
    if len(body) <= MAX_BODY_BYTES:
        return Message(body.decode(), attributes)
    cut_body = body[:MAX_BODY_BYTES].decode("utf-8", "ignore")  # without half a character
    return Message(cut_body, {**attributes, "cut": "true"})
