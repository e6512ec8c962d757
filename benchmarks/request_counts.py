"""The requests to DynamoDB that each call of the API makes."""

from collections.abc import Callable, Mapping

from api.responses import Handler
from benchmarks import api_events
from benchmarks.api_events import Event
from benchmarks.implementations import CONVENTIONAL, THIS_PROJECT, handler_of
from benchmarks.measured_sessions import (
    LISTED_USER_ID,
    put_a_page_and_more,
    put_one_for_each_outcome,
)
from benchmarks.measured_table import measured_table
from benchmarks.measurements import Figures
from benchmarks.output import quietly
from benchmarks.progress import Progress
from benchmarks.sent_requests import recorded_requests

RENEWALS = {
    "renewed": "live",
    "renewed to the maximum": "near-maximum",
    "not found": "unknown",
    "expired": "expired",
    "at the maximum": "at-maximum",
}
"""The outcomes of a renewal, and the session that leads to each."""

OTHER_CALLS: Mapping[str, Event] = {
    "create": api_events.creation(0),
    "create with a key": api_events.creation(0, key="a-key"),
    "create with a key, retried": api_events.creation(1, key="a-key"),
    "read": api_events.reading(0, "live"),
    "heartbeat that renews": api_events.heartbeat(0, "live"),
    "heartbeat at the maximum": api_events.heartbeat(0, "at-maximum"),
    "heartbeat without `autoRenew`": api_events.heartbeat(0, "without-auto-renew"),
    "change of the timeout": api_events.timeout_change(0, "live", 31),
    "change of the timeout to what it is": api_events.timeout_change(1, "live", 31),
    "delete": api_events.deletion(0, "live"),
    "list of a user": api_events.page(0, userId=LISTED_USER_ID),
    "list of all sessions": api_events.page(0),
    "health": api_events.health(0),
}


def measure(progress: Progress) -> Figures:
    """The requests of a renewal by outcome and implementation, and of each of the other calls."""
    progress.step("all calls")
    with measured_table() as table:
        from handlers import sessions  # noqa: PLC0415 - it reads the environment

        by_outcome: dict[str, dict[str, int]] = {}
        for outcome, session_id in RENEWALS.items():
            by_outcome[outcome] = {}
            for name in (THIS_PROJECT, CONVENTIONAL):
                put_one_for_each_outcome(table)
                event = api_events.renewal(0, session_id)
                count = count_requests(handler_of(name), event, api_events.invoke)
                by_outcome[outcome][name] = count
        put_one_for_each_outcome(table)
        put_a_page_and_more(table)
        others = {
            name: count_requests(sessions.handler, event, api_events.succeed)
            for name, event in OTHER_CALLS.items()
        }
    return {"renewals": by_outcome, "calls": others}


def count_requests(
    handler: Handler, event: Event, invoke: Callable[[Handler, Event], object]
) -> int:
    """How many requests one call sends."""
    with quietly(), recorded_requests() as sent:
        invoke(handler, event)
    return len(sent)
