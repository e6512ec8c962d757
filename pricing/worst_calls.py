"""The dearest request that each route takes: what is measured of it.

A session is as large as the API lets it be. Of a list, one of its reads is measured: it makes up to
``MAX_READS`` of them, which are alike.
"""

from collections.abc import Callable
from dataclasses import replace

from benchmarks import api_events
from benchmarks.api_events import Event
from benchmarks.measured_sessions import LISTED_USER_ID, TIMEOUT, in_one_member, put, session
from domain.creation import MAX_METADATA_BYTES
from domain.session import Session
from pricing.item_size import item_bytes
from pricing.sample_calls import SampleCall, new_id
from storage.item import item_of
from storage.session_listing import MAX_READ_ENTRIES
from storage.table import SessionsTable

METADATA_JSON = in_one_member(MAX_METADATA_BYTES)
SCANNED_BYTES = 1024 * 1024
"""DynamoDB ends a read of the table there."""

LIMIT = "1000"


def worst_lists() -> list[SampleCall]:
    """To be measured in this order, in a table that holds nothing else.

    A read that ends with the last session is the only one: each list finds a little less than
    DynamoDB or the code allows.
    """
    return [
        _sessions("list of everyone", lambda _, n: api_events.page(n, limit=LIMIT)),
        _sessions(
            "list of a user", lambda _, n: api_events.page(n, limit=LIMIT, userId=LISTED_USER_ID)
        ),
    ]


def put_what_is_scanned(table: SessionsTable) -> None:
    """Fill the table with as much as one read of it finds."""
    size = item_bytes(item_of(_large(new_id()), table.retention_seconds))
    _put_expired(table, SCANNED_BYTES // size)


def put_what_is_queried(table: SessionsTable) -> None:
    """Give the user as many more sessions as one read of the index finds."""
    stored = table.client.scan(TableName=table.name, Select="COUNT")["Count"]
    _put_expired(table, MAX_READ_ENTRIES - 1 - stored)


def worst_calls() -> list[SampleCall]:
    """The other routes' dearest requests."""
    return [
        SampleCall("renewal", "RenewFunction", _on(api_events.renewal, created=-710, expires=5)),
        _sessions("heartbeat", _on(api_events.heartbeat, auto_renew=False)),
        _sessions("creation", lambda _, n: api_events.creation(n, new_id(), METADATA_JSON), 201),
        _sessions("read", _on(api_events.reading)),
        _sessions(
            "change of the timeout",
            _on(lambda n, session_id: api_events.timeout_change(n, session_id, 25)),
        ),
        _sessions("deletion", _on(api_events.deletion)),
        _sessions("health check", lambda _, n: api_events.health(n)),
    ]


def _put_expired(table: SessionsTable, number: int) -> None:
    """Expired sessions: a list reads them, shows none, and reads on."""
    for _ in range(number):
        put(table, replace(_large(new_id(), created=-60, expires=-30), user_id=LISTED_USER_ID))


def _large(
    session_id: str, *, auto_renew: bool = True, created: int = -10, expires: int = 20
) -> Session:
    config = replace(TIMEOUT, auto_renew=auto_renew)
    made = session(session_id, created=created, expires=expires)
    return replace(made, metadata_json=METADATA_JSON, timeout_config=config)


def _sessions(
    name: str, prepare: Callable[[SessionsTable, int], Event], status: int = 200
) -> SampleCall:
    return SampleCall(name, "SessionsFunction", prepare, status)


def _on(
    event: Callable[[int, str], Event],
    *,
    auto_renew: bool = True,
    created: int = -10,
    expires: int = 20,
) -> Callable[[SessionsTable, int], Event]:
    """A call on a large session that is stored for it."""

    def prepare(table: SessionsTable, number: int) -> Event:
        made = _large(new_id(), auto_renew=auto_renew, created=created, expires=expires)
        put(table, made)
        return event(number, made.session_id)

    return prepare
