"""Whatever fails, and however often: each record is announced or kept, and only once."""

import json
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from publishing.bus import MAX_ENTRIES, MAX_PAUSES_SECONDS
from tests.eventbridge import Answer, Entry, ScriptedEventBridge, client_error, fail, hang_up, take
from tests.queues import Queue, expiry_function
from tests.removals import Invocation, removal
from tests.sessions import session

MAX_RETURNS = 100
TRIES = 1 + len(MAX_PAUSES_SECONDS)
LITTLE_MS, ENOUGH_MS = 1000, 300_000


@dataclass
class ScriptedSqs:
    """An SQS that takes a message or fails, in turn, and takes every one at last."""

    failures: list[bool] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)

    def send_message(self, *, MessageBody: str, **_: Any) -> dict[str, Any]:  # noqa: N803 - boto3's name
        """The request of this name."""
        if self.failures and self.failures.pop(0):
            raise client_error("ServiceUnavailable", 503)
        self.kept.append(sequence_number(json.loads(MessageBody)["Records"][0]))
        return {"MessageId": "1"}


def sequence_number(record: dict[str, Any]) -> str:
    return str(record["dynamodb"]["SequenceNumber"])


def batch_of(kinds: Sequence[str]) -> list[dict[str, Any]]:
    """A record of each kind, in order."""
    records = []
    for number, kind in enumerate(kinds):
        record = removal(session(f"session-{number}", expires=-1), number)
        if kind == "not a session":
            del record["dynamodb"]["OldImage"]["agentId"]
        records.append(record)
    return records


def is_poison(entry: Entry, kinds: Sequence[str]) -> bool:
    return kinds[number_of(entry)] == "poison"


def number_of(entry: Entry) -> int:
    session_id: str = json.loads(entry["Detail"])["session"]["sessionId"]
    return int(session_id.removeprefix("session-"))


def throttle(refused: Sequence[bool]) -> Answer:
    """Refuse the entries at these places."""
    return lambda entries: [
        "ThrottlingException" if place < len(refused) and refused[place] else None
        for place, _ in enumerate(entries)
    ]


def with_poison(answer: Answer, kinds: Sequence[str], whole: bool) -> Answer:
    """As answered, but for poison: refused for good by itself, or with its whole request."""

    def refuse_poison(entries: Sequence[Entry]) -> list[str | None]:
        codes = answer(entries)
        found = [is_poison(entry, kinds) for entry in entries]
        if whole and any(found):
            raise client_error("ValidationException", 400)
        return ["MalformedDetail" if bad else code for bad, code in zip(found, codes, strict=True)]

    return refuse_poison


def poisoned(answers: Sequence[Answer], kinds: Sequence[str], whole: bool) -> ScriptedEventBridge:
    """An EventBridge that answers so, and then takes everything, but never poison."""
    return ScriptedEventBridge([with_poison(each, kinds, whole) for each in (*answers, take)])


outages = st.lists(st.sampled_from([take, fail, hang_up]), max_size=8)
# Each long enough to outlast all tries of a request.
throttlings = st.lists(
    st.just([True] * MAX_ENTRIES) | st.lists(st.booleans(), min_size=2, max_size=MAX_ENTRIES),
    min_size=1,
    max_size=6,
).map(lambda each: [throttle(refused) for refused in each for _ in range(TRIES)])
times = st.lists(st.sampled_from([LITTLE_MS, ENOUGH_MS]), max_size=10)


def good(kinds: Sequence[str]) -> list[int]:
    return [number for number, kind in enumerate(kinds) if kind == "good"]


def settle(
    kinds: Sequence[str],
    eventbridge: ScriptedEventBridge,
    sqs: ScriptedSqs,
    remaining: Sequence[int],
) -> list[int]:
    """Invoke the function as Lambda would, until nothing comes back; what was announced.

    Each record is announced or kept, once, and what is announced is good.
    """
    function = expiry_function(eventbridge.client, Queue(cast("Any", sqs), "queue"))
    left = records = batch_of(kinds)
    invocation = Invocation((*remaining, ENOUGH_MS))
    for _ in range(MAX_RETURNS):
        report = function({"Records": left}, invocation)["batchItemFailures"]
        if not report:
            break
        first = min(int(each["itemIdentifier"]) for each in report)
        left = [each for each in records if int(sequence_number(each)) >= first]
    else:
        pytest.fail("it comes back for ever")
    announced = [number_of(entry) for entry in eventbridge.taken]
    kept = [int(number) - int(sequence_number(records[0])) for number in sqs.kept]
    assert Counter(announced + kept) == Counter(range(len(kinds)))
    assert set(announced) <= set(good(kinds))
    return announced


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the pauses between tries pass at once."""
    monkeypatch.setattr(time, "sleep", lambda _: None)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kinds=st.lists(st.sampled_from(["good", "not a session"]), max_size=25),
    answers=outages,
    failures=st.lists(st.booleans(), max_size=8),
    remaining=times,
)
def test_while_bus_and_queue_come_and_go_all_is_announced_in_order(
    kinds: list[str], answers: list[Answer], failures: list[bool], remaining: list[int]
) -> None:
    eventbridge = ScriptedEventBridge([*answers, take])
    assert settle(kinds, eventbridge, ScriptedSqs(failures), remaining) == good(kinds)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kinds=st.lists(st.sampled_from(["good", "good", "not a session", "poison"]), max_size=25),
    answers=outages,
    whole=st.booleans(),
    remaining=times,
)
def test_while_the_bus_comes_and_goes_poison_harms_nothing_else(
    kinds: list[str], answers: list[Answer], whole: bool, remaining: list[int]
) -> None:
    """The queue is up all the while: else what is out beside a refused entry would come again."""
    eventbridge = poisoned(answers, kinds, whole)
    assert settle(kinds, eventbridge, ScriptedSqs(), remaining) == good(kinds)


@settings(max_examples=500, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kinds=st.lists(st.sampled_from(["good", "good", "not a session", "poison"]), max_size=25),
    answers=throttlings,
    whole=st.booleans(),
    remaining=times,
)
def test_while_some_entries_are_throttled_none_is_announced_twice(
    kinds: list[str], answers: list[Answer], whole: bool, remaining: list[int]
) -> None:
    """What stays refused while others are taken is kept."""
    settle(kinds, poisoned(answers, kinds, whole), ScriptedSqs(), remaining)
