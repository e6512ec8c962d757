"""The expiries in the local server's log."""

import threading
from dataclasses import dataclass, field, replace

import pytest
from botocore.exceptions import EndpointConnectionError

from handlers.session_info import session_expired_json
from local import expiry
from local.removals import Record
from local.template import Template
from storage.expiry import expiry_of
from tests.removals import removal
from tests.sessions import session


@dataclass
class Interrupted:
    """Removals that cannot be read at first."""

    failures: int
    begun_again: int = 0
    told: threading.Event = field(default_factory=threading.Event)

    def begin(self) -> None:
        """Count it."""
        self.begun_again += 1

    def records(self) -> list[Record]:
        """One removal by TTL and one by a call, once the failures are over."""
        if self.failures:
            self.failures -= 1
            raise EndpointConnectionError(endpoint_url="http://localhost:8000")
        if self.told.is_set():
            return []
        self.told.set()
        stored = session("gone", expires=-1)
        return [removal(stored), removal(session("deleted", expires=-1), userIdentity=None)]


@pytest.mark.parametrize(
    "metadata_json",
    ['{"n":' + "1" * 5000 + "}", '{"n":' + "[" * 5000 + "]" * 5000 + "}"],
    ids=["a number of 5,000 digits", "5,000 lists deep"],
)
def test_metadata_of_any_kind_is_printed(
    metadata_json: str, capsys: pytest.CaptureFixture[str]
) -> None:
    stored = replace(session("gone", expires=-1), metadata_json=metadata_json)
    detail = session_expired_json(expiry_of(removal(stored)))
    entries = [{"DetailType": "SessionExpired", "Detail": detail}]
    assert len(expiry.PrintedBus().put_events(Entries=entries)["Entries"]) == 1
    assert detail in capsys.readouterr().out


def test_expiries_are_printed_again_once_they_can_be_read_again(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(expiry, "POLL_SECONDS", 0.001)
    removals = Interrupted(failures=3)
    with expiry.expiries_announced(removals, Template()):
        assert removals.told.wait(10)
    complaint, event = (
        line for line in capsys.readouterr().out.splitlines() if not line.startswith("{")
    )
    assert "Events of expiries may be missing from here on: Could not connect" in complaint
    assert "SessionExpired gone: it expired at 2100-01-01T11:59:00.000Z" in event
    assert removals.begun_again == 3
