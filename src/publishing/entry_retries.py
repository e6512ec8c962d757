"""Requests of many entries, of which a service takes some and refuses others."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import TypeVar

from publishing.clients import ATTEMPT_SECONDS
from publishing.failures import EventRefused, ServiceUnavailable
from runtime.deadline import Deadline
from runtime.retries import jittered_pause_seconds

MAX_ENTRY_RETRIES = 5
"""How often entries that were refused for now are sent again."""

Entry = TypeVar("Entry")
Refusal = TypeVar("Refusal")


def send_entries(
    send: Callable[[Mapping[int, Entry]], Mapping[int, Refusal]],
    entries: Sequence[Entry],
    may_pass: Callable[[Refusal], bool],
    deadline: Deadline,
) -> dict[int, Refusal]:
    """Send the entries, each under its position. Returns the refusals that stay.

    Only entries whose refusal may pass are sent again, each time after a pause, while there is time
    for it. A final refusal is neither paused for nor sent again.

    Raises:
        ServiceUnavailable, EventRefused: those of the first request, as ``send`` raises them.
    """
    refusals = dict(send(dict(enumerate(entries))))
    for attempt in range(MAX_ENTRY_RETRIES):
        again = [position for position, refusal in refusals.items() if may_pass(refusal)]
        if not again or not deadline.pause(jittered_pause_seconds(attempt + 2), ATTEMPT_SECONDS):
            break
        with suppress(ServiceUnavailable, EventRefused):  # the refusals stay what they are
            refused_again = send({position: entries[position] for position in again})
            for position in again:
                del refusals[position]
            refusals |= refused_again
    return refusals
