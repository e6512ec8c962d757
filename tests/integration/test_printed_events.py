"""The events in the local server's log."""

import threading
from dataclasses import dataclass, field, replace

import pytest
from botocore.exceptions import EndpointConnectionError

from domain.session_json import session_expired_json
from local import printed_events
from local.open_table import OpenTable
from local.printed_events import PrintingEventBridge, events_published
from local.stream import Record
from local.template import Template
from publishing.stream_records import removal_of
from storage.table import SessionsTable
from tests.support.sessions import session
from tests.support.stream_records import ttl_deletion
from tests.support.tables import create_table

EXPIRED = session("expired", expires=-1)
DELETED = session("deleted", expires=-1)


@dataclass
class Interrupted:
    """A stream that cannot be read a few times. Then it has a deletion by TTL and one by a call."""

    failures: int
    restarts: int = 0
    was_read: threading.Event = field(default_factory=threading.Event)

    def restart(self) -> None:
        """Count it."""
        self.restarts += 1

    def new_records(self) -> list[Record]:
        """The two deletions, once."""
        if self.failures:
            self.failures -= 1
            raise EndpointConnectionError(endpoint_url="http://localhost:8000")
        if self.was_read.is_set():
            return []
        self.was_read.set()
        return [ttl_deletion(EXPIRED), ttl_deletion(DELETED, userIdentity=None)]


@pytest.fixture(autouse=True)
def short_polls(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the polls follow each other at once."""
    monkeypatch.setattr(printed_events, "POLL_SECONDS", 0.001)


@pytest.fixture
def table(table_on_moto: SessionsTable) -> SessionsTable:
    """A new table, for which the timers look."""
    return create_table(table_on_moto.client)


def read_to_the_end(stream: Interrupted, table: SessionsTable) -> None:
    with events_published(OpenTable(table, stream, threading.Lock()), Template()):
        assert stream.was_read.wait(10)


def printed_lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """What was printed, without the function's log."""
    return [line for line in capsys.readouterr().out.splitlines() if not line.startswith("{")]


def test_an_outage_is_printed_once_and_then_only_the_expiry(
    table: SessionsTable, capsys: pytest.CaptureFixture[str]
) -> None:
    read_to_the_end(Interrupted(failures=3), table)

    outage, expiry = printed_lines(capsys)
    assert "Events may be missing from here on: Could not connect" in outage
    assert "SessionExpired expired: it expired at 2100-01-01T11:59:00.000Z" in expiry


def test_the_stream_is_restarted_after_each_failure(table: SessionsTable) -> None:
    stream = Interrupted(failures=3)
    read_to_the_end(stream, table)

    assert stream.restarts == 3


@pytest.mark.parametrize(
    "metadata_json",
    ['{"n":' + "1" * 5000 + "}", '{"n":' + "[" * 5000 + "]" * 5000 + "}"],
    ids=["a number of 5,000 digits", "5,000 lists deep"],
)
def test_an_event_with_any_metadata_is_printed_whole(
    metadata_json: str, capsys: pytest.CaptureFixture[str]
) -> None:
    deletion = ttl_deletion(replace(EXPIRED, metadata_json=metadata_json))
    removal = removal_of(deletion)
    detail = session_expired_json(removal.session, removal.removed_at_ms)

    PrintingEventBridge().put_events(Entries=[{"DetailType": "SessionExpired", "Detail": detail}])

    assert detail in capsys.readouterr().out
