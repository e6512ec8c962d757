"""The requests to DynamoDB, counted where botocore hands them to its HTTP session."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from unittest import mock

from botocore.httpsession import URLLib3Session

from api.responses import Handler
from benchmarks import api_events
from benchmarks.api_events import Event
from benchmarks.measured_sessions import (
    LISTED_USER_ID,
    put_a_page_and_more,
    put_one_for_each_outcome,
)
from benchmarks.output import print_table, quietly
from storage.table import SessionsTable

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


def print_requests_per_renewal(
    table: SessionsTable, implementations: Mapping[str, Handler]
) -> None:
    """The requests of a renewal in each implementation, by outcome."""
    rows = []
    for outcome, session_id in RENEWALS.items():
        row: list[object] = [outcome]
        for handler in implementations.values():
            put_one_for_each_outcome(table)
            event = api_events.renewal(0, session_id)
            row.append(count_requests(handler, event, api_events.invoke))
        rows.append(row)
    print_table(["requests to DynamoDB per renewal", *implementations], rows)


def print_requests_per_call(table: SessionsTable, handler: Handler) -> None:
    """The requests of each of the other calls, where it succeeds."""
    put_one_for_each_outcome(table)
    put_a_page_and_more(table)
    counts = [
        (name, count_requests(handler, event, api_events.succeed))
        for name, event in OTHER_CALLS.items()
    ]
    print_table(["requests to DynamoDB per call", ""], counts)


def count_requests(
    handler: Handler, event: Event, invoke: Callable[[Handler, Event], object]
) -> int:
    """How many requests one call sends."""
    with quietly(), recorded_requests() as sent:
        invoke(handler, event)
    return len(sent)


@contextlib.contextmanager
def recorded_requests() -> Iterator[list[str]]:
    """The operations that botocore requests within the context, whichever client it is for."""
    sent: list[str] = []
    send = URLLib3Session.send

    def record(session: URLLib3Session, request: Any) -> Any:
        sent.append(request.headers["X-Amz-Target"])
        return send(session, request)

    with mock.patch.object(URLLib3Session, "send", record):
        yield sent
