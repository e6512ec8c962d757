"""The requests that reach the database, counted where botocore hands them to its HTTP session."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from unittest import mock

from botocore.httpsession import URLLib3Session

from benchmarks import events
from benchmarks.events import Event
from benchmarks.output import print_table, quietly
from benchmarks.sessions import LISTED_USER_ID, put_a_page_and_more, put_one_for_each_outcome
from handlers.http import Handler
from storage.table import SessionsTable

RENEWALS = {
    "renewed": "live",
    "renewed to the maximum": "near-maximum",
    "not found": "unknown",
    "expired": "expired",
    "at the maximum": "at-maximum",
}
"""The outcomes of a renewal, and the sessions that bring them about."""

OTHER_CALLS: Mapping[str, Event] = {
    "create": events.creation(0),
    "create with a key": events.creation(0, key="a-key"),
    "create with a key, again": events.creation(1, key="a-key"),
    "read": events.reading(0, "live"),
    "heartbeat that renews": events.heartbeat(0, "live"),
    "heartbeat at the maximum": events.heartbeat(0, "at-maximum"),
    "heartbeat without `autoRenew`": events.heartbeat(0, "without-auto-renew"),
    "change of the timeout": events.timeout_change(0, "live", 31),
    "change of the timeout, cut at the maximum": events.timeout_change(0, "near-maximum", 31),
    "delete": events.deletion(0, "live"),
    "list of a user": events.page(0, userId=LISTED_USER_ID),
    "list of everyone": events.page(0),
    "health": events.health(0),
}


def print_requests_of_renewals(table: SessionsTable, ways: Mapping[str, Handler]) -> None:
    """The requests of a renewal, each way, by outcome."""
    rows = []
    for outcome, session_id in RENEWALS.items():
        row: list[object] = [outcome]
        for handler in ways.values():
            put_one_for_each_outcome(table)
            row.append(requests_of(handler, events.renewal(0, session_id), events.answer))
        rows.append(row)
    print_table(["requests to the database, of a renewal", *ways], rows)


def print_requests_of_other_calls(table: SessionsTable, handler: Handler) -> None:
    """The requests of each other call, where it succeeds."""
    put_one_for_each_outcome(table)
    put_a_page_and_more(table)
    counts = [
        (name, requests_of(handler, call, events.success)) for name, call in OTHER_CALLS.items()
    ]
    print_table(["requests to the database, of the other calls", ""], counts)


def requests_of(handler: Handler, called: Event, answer: Callable[[Handler, Event], object]) -> int:
    """The requests that one call sends."""
    with quietly(), requests() as sent:
        answer(handler, called)
    return len(sent)


@contextlib.contextmanager
def requests() -> Iterator[list[str]]:
    """The HTTP requests that botocore sends while the context lasts, whichever its client."""
    sent: list[str] = []
    send = URLLib3Session.send

    def note(session: URLLib3Session, request: Any) -> Any:
        sent.append(request.headers["X-Amz-Target"])
        return send(session, request)

    with mock.patch.object(URLLib3Session, "send", note):
        yield sent
