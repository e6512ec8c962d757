"""Whatever services do, TimerFunction ends a second before Lambda stops it, and loses nothing."""

import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import pytest
from botocore.exceptions import ReadTimeoutError

from domain.session_json import SESSION_EXPIRED
from publishing import clients
from publishing.timer_messages import TimerMessage
from runtime.deadline import SECONDS_BEFORE_LAMBDA_STOPS
from storage import table as storage_table
from storage.table import SessionsTable
from tests.support.functions import timer_function
from tests.support.sessions import NOON_MS, session
from tests.support.simulated_time import SimulatedTime, simulated
from tests.support.tables import put
from tests.support.timer_world import Invocation
from tests.support.timers import TIMEOUT_SECONDS, Timers, delivery

ATTEMPT_SECONDS = {
    "database": storage_table.ATTEMPT_SECONDS,
    "bus": clients.ATTEMPT_SECONDS,
    "queue": clients.ATTEMPT_SECONDS,
}
ANSWERS, SLOW, STALLS = "answers", "is slow", "stalls"


@dataclass(frozen=True)
class SlowService:
    """A client whose requests take as long as an attempt may, and are done or not."""

    time: SimulatedTime
    client: Any
    seconds: float
    stalls: bool

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        def call(**parameters: Any) -> Any:
            self.time.now_ms += int(self.seconds * 1000)
            if self.stalls:
                raise ReadTimeoutError(endpoint_url="https://a-service")
            return getattr(self.client, operation)(**parameters)

        return call


@pytest.mark.parametrize(
    "manner",
    [
        dict(zip(ATTEMPT_SECONDS, manners, strict=True))
        for manners in itertools.product([ANSWERS, SLOW, STALLS], repeat=3)
    ],
    ids=lambda manner: ", ".join(manner.values()),
)
def test_ten_messages_are_done_in_time_or_come_again(
    table_on_dynamodb_local: SessionsTable, manner: dict[str, str]
) -> None:
    table = table_on_dynamodb_local
    for number in range(10):  # they wait, are warned of, and have expired, in turn
        put(table, session(f"session-{number}", expires=(20, 4, -1)[number % 3]))
    time = SimulatedTime(NOON_MS, random.Random(0))  # noqa: S311 - no secret
    timers = Timers(table)

    def service(name: str, client: Any) -> Any:
        if manner[name] == ANSWERS:
            return client
        stalls = manner[name] == STALLS
        return SlowService(time, client, ATTEMPT_SECONDS[name] * (1 if stalls else 0.9), stalls)

    function = timer_function(
        SessionsTable(service("database", table.client), table.name, 0),
        service("bus", cast("Any", timers.bus)),
        service("queue", cast("Any", timers.queue)),
        service("queue", cast("Any", timers.letters)),
        lambda: time.now_ms,
    )
    records = [delivery(TimerMessage(f"session-{n}"), n) for n in range(10)]
    with simulated(time):
        end_ms = NOON_MS + TIMEOUT_SECONDS * 1000
        answer = function({"Records": records}, Invocation(time, end_ms))
    assert time.now_ms <= end_ms - SECONDS_BEFORE_LAMBDA_STOPS * 1000
    failed = {each["itemIdentifier"] for each in answer["batchItemFailures"]}
    went_on = {each["sessionId"] for each in timers.sent}
    announced = {session_id for kind, session_id in timers.published if kind == SESSION_EXPIRED}
    for number in range(10):
        done = announced if number % 3 == 2 else went_on
        assert f"session-{number}" in done or f"message-{number}" in failed
    if STALLS not in manner.values() and manner["database"] == ANSWERS:
        assert not failed
