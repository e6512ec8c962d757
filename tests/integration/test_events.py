"""The events in ``events/``, each with the outcome that its name says."""

import json
import time

import pytest

from handlers.renew import renewal_handler
from handlers.settings import Settings
from local.demo import put_demo_sessions
from storage.table import SessionsTable
from tests.contract import answered
from tests.events import EVENTS, LambdaContext

OUTCOMES = {
    "at-the-maximum": 422,
    "expired": 410,
    "not-found": 404,
    "renew": 200,
    "renew-to-the-maximum": 200,
    "retry": 200,
    "wrong-method": 405,
    "wrong-path": 404,
}


def test_every_event_has_its_outcome() -> None:
    assert sorted(file.stem for file in EVENTS.glob("*.json")) == sorted(OUTCOMES)


@pytest.mark.parametrize(("name", "status"), OUTCOMES.items())
def test_an_event_has_the_outcome_of_its_name(
    table_on_moto: SessionsTable, name: str, status: int
) -> None:
    put_demo_sessions(Settings(table_on_moto.name, table_on_moto.retention_seconds), None)
    event = json.loads((EVENTS / f"{name}.json").read_text())
    handler = renewal_handler(table_on_moto, lambda: time.time_ns() // 1_000_000)
    assert answered(handler(event, LambdaContext())).status == status
