"""Generated batches and faults: each record is published or kept as a dead letter, once."""

import itertools
import json
import time
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.stream import Record
from publishing.entry_retries import MAX_ENTRY_RETRIES
from publishing.event_bus import MAX_BYTES, MAX_ENTRIES, Event
from publishing.expiry_publisher import RESERVE_MS, session_expired_event
from publishing.message_queue import MAX_MESSAGES
from tests.support import scripted_sqs
from tests.support.functions import expiry_function
from tests.support.queues import Queue
from tests.support.scripted_eventbridge import (
    Answer,
    Entry,
    ScriptedEventBridge,
    client_error,
    disconnect,
    take,
    throttle_request,
)
from tests.support.scripted_sqs import ScriptedSqs
from tests.support.stream_records import (
    Invocation,
    expired_session,
    session_numbers,
    ttl_deletion,
)

MAX_INVOCATIONS = 100
MAX_TRIES = 1 + MAX_ENTRY_RETRIES
TOO_LITTLE_MS, ENOUGH_MS = RESERVE_MS - 1, 300_000

GOOD, NOT_A_SESSION, POISON = "good", "not a session", "poison"
"""Kinds of records. EventBridge refuses poison for good."""


@pytest.fixture(autouse=True, scope="module")
def no_pauses() -> Iterator[None]:
    """Let the pauses between retries take no time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "sleep", lambda _: None)
        yield


def sequence_number(record: Record) -> int:
    return int(record["dynamodb"]["SequenceNumber"])


def kept_number(body: str) -> int:
    """The number of the record that the body of a dead letter has."""
    (record,) = json.loads(body)["Records"]
    return sequence_number(record)


def record_of(kind: str, number: int, **fields: Any) -> Record:
    record = ttl_deletion(expired_session(number, **fields), number)
    if kind == NOT_A_SESSION:
        del record["dynamodb"]["OldImage"]["agentId"]
    return record


def numbers(kinds: Sequence[str], *wanted: str) -> list[int]:
    """The numbers of the records of the wanted kinds."""
    return [number for number, kind in enumerate(kinds) if kind in wanted]


def with_poison(answer: Answer, kinds: Sequence[str], whole: bool) -> Answer:
    """The same answer, but poison is refused: its entry alone, or the whole request."""

    def refuse_poison(entries: Sequence[Entry]) -> list[str | None]:
        codes = answer(entries)
        is_poison = [kinds[number] == POISON for number in session_numbers(entries)]
        if whole and any(is_poison):
            raise client_error("ValidationException", 400)
        return [
            "MalformedDetail" if poison else code
            for poison, code in zip(is_poison, codes, strict=True)
        ]

    return refuse_poison


def eventbridge_with(
    answers: Sequence[Answer], kinds: Sequence[str], whole: bool
) -> ScriptedEventBridge:
    """Gives these answers and then takes everything, but never poison."""
    return ScriptedEventBridge([with_poison(each, kinds, whole) for each in (*answers, take)])


def refuse_messages(refusals: Sequence[tuple[str, bool] | None]) -> scripted_sqs.Answer:
    """Refuse the messages at these positions, and take those after them."""
    padded = [*refusals, *[None] * MAX_MESSAGES]
    return lambda entries: padded[: len(entries)]


def throttle_entries(is_throttled: Sequence[bool]) -> Answer:
    """Throttle the entries at these positions."""
    padded = [*is_throttled, *[False] * MAX_ENTRIES]
    return lambda entries: [
        "ThrottlingException" if throttled else None
        for _, throttled in zip(entries, padded, strict=False)
    ]


kinds_without_poison = st.lists(st.sampled_from([GOOD, NOT_A_SESSION]), max_size=25)
all_kinds = st.lists(st.sampled_from([GOOD, GOOD, NOT_A_SESSION, POISON]), max_size=25)
outages = st.lists(st.sampled_from([take, throttle_request, disconnect]), max_size=8)
# Each lasts longer than the retries of a request.
throttlings = st.lists(
    st.just([True] * MAX_ENTRIES) | st.lists(st.booleans(), min_size=2, max_size=MAX_ENTRIES),
    min_size=1,
    max_size=6,
).map(lambda each: [throttle_entries(entries) for entries in each for _ in range(MAX_TRIES)])
queue_outages = st.lists(
    st.sampled_from([scripted_sqs.take, scripted_sqs.fail, scripted_sqs.disconnect]), max_size=8
)
queue_refusals = st.none() | st.tuples(st.just("Refused"), st.booleans())
queue_faults = st.lists(st.lists(queue_refusals, max_size=MAX_MESSAGES), max_size=8).map(
    lambda each: [refuse_messages(refusals) for refusals in each]
)
times_left = st.lists(st.sampled_from([TOO_LITTLE_MS, ENOUGH_MS]), max_size=10)


def deliver(
    records: Sequence[Record],
    eventbridge: ScriptedEventBridge,
    sqs: ScriptedSqs,
    remaining_ms: Sequence[int] = (),
) -> tuple[list[int], list[int]]:
    """Invoke the function as Lambda does, until no record is left to retry.

    Returns the numbers of the records that were published and of those that were kept.
    """
    function = expiry_function(eventbridge.client, Queue(sqs.client, "queue"))
    invocation = Invocation((*remaining_ms, ENOUGH_MS))
    left = records
    for _ in range(MAX_INVOCATIONS):
        report = function({"Records": left}, invocation)["batchItemFailures"]
        if not report:
            return session_numbers(eventbridge.taken), [*map(kept_number, sqs.bodies)]
        first = min(int(each["itemIdentifier"]) for each in report)
        left = [each for each in records if sequence_number(each) >= first]
    pytest.fail("the batch is retried for ever")


def batch_of(kinds: Sequence[str]) -> list[Record]:
    return [record_of(kind, number) for number, kind in enumerate(kinds)]


@given(kinds_without_poison, outages, queue_outages, times_left)
def test_outages_of_bus_and_queue_lose_and_reorder_nothing(
    kinds: list[str],
    answers: list[Answer],
    queue_answers: list[scripted_sqs.Answer],
    remaining_ms: list[int],
) -> None:
    """While the queue is down, events are repeated, but no dead letter is."""
    eventbridge = ScriptedEventBridge([*answers, take])
    sqs = ScriptedSqs([*queue_answers, scripted_sqs.take])

    published, kept = deliver(batch_of(kinds), eventbridge, sqs, remaining_ms)

    assert [*dict.fromkeys(published)] == numbers(kinds, GOOD)
    assert kept == numbers(kinds, NOT_A_SESSION)


@given(all_kinds, outages, st.booleans(), times_left)
def test_poison_is_kept_and_harms_nothing_else_even_in_outages(
    kinds: list[str], answers: list[Answer], whole: bool, remaining_ms: list[int]
) -> None:
    """The queue is up: else what is published along with a refused entry is published again."""
    eventbridge = eventbridge_with(answers, kinds, whole)

    published, kept = deliver(batch_of(kinds), eventbridge, ScriptedSqs(), remaining_ms)

    assert published == numbers(kinds, GOOD)
    assert kept == numbers(kinds, NOT_A_SESSION, POISON)


@settings(max_examples=250)
@given(all_kinds, throttlings, st.booleans(), times_left)
def test_throttled_entries_are_each_published_or_kept_once(
    kinds: list[str], answers: list[Answer], whole: bool, remaining_ms: list[int]
) -> None:
    """An entry that stays refused while others are taken is kept."""
    eventbridge = eventbridge_with(answers, kinds, whole)

    published, kept = deliver(batch_of(kinds), eventbridge, ScriptedSqs(), remaining_ms)

    assert sorted(published + kept) == list(range(len(kinds)))
    assert set(published) <= set(numbers(kinds, GOOD))
    assert kept == sorted(kept)


@given(all_kinds, outages | throttlings, st.booleans(), queue_outages | queue_faults, times_left)
def test_whatever_fails_at_once_no_record_is_lost(
    kinds: list[str],
    answers: list[Answer],
    whole: bool,
    queue_answers: list[scripted_sqs.Answer],
    remaining_ms: list[int],
) -> None:
    eventbridge = eventbridge_with(answers, kinds, whole)
    sqs = ScriptedSqs([*queue_answers, scripted_sqs.take])

    published, kept = deliver(batch_of(kinds), eventbridge, sqs, remaining_ms)

    assert {*published, *kept} == set(range(len(kinds)))


def metadata_of(size: int) -> str:
    return json.dumps({"text": "x" * size})


EMPTY = session_expired_event(record_of(GOOD, 0, metadata_json=metadata_of(0)))
assert EMPTY is not None
OVERHEAD_BYTES = EMPTY.size_bytes
# Of the last, two to four fill a request to within a few bytes.
sizes = (
    st.integers(0, 1000)
    | st.integers(0, MAX_BYTES // 2)
    | st.builds(
        lambda parts, more: MAX_BYTES // parts - OVERHEAD_BYTES + more,
        st.integers(2, 4),
        st.integers(-4, 4),
    )
)
runs_of_good_records = st.lists(st.lists(sizes, max_size=25), max_size=3)


@given(runs_of_good_records)
def test_events_go_out_once_in_order_and_in_as_few_requests_as_fit(
    runs: list[list[int]],
) -> None:
    """A bad record follows each run of good ones, whose metadata has these sizes."""
    eventbridge, sqs = ScriptedEventBridge(), ScriptedSqs()

    published, kept = deliver(batch_of_runs(runs), eventbridge, sqs)

    assert sorted(published + kept) == list(range(sum(map(len, runs)) + len(runs)))
    assert published == sorted(published)
    assert len(kept) == len(runs)
    for request in eventbridge.requests:
        assert fits(request)
    for request, following in itertools.pairwise(eventbridge.requests):
        assert not fits([*request, following[0]])


def batch_of_runs(runs: list[list[int]]) -> list[Record]:
    number = itertools.count()
    return [
        record
        for run in runs
        for record in (
            *(record_of(GOOD, next(number), metadata_json=metadata_of(size)) for size in run),
            record_of(NOT_A_SESSION, next(number)),
        )
    ]


def fits(entries: Sequence[Entry]) -> bool:
    """Whether EventBridge takes these entries as one request."""
    events = [Event(entry["DetailType"], entry["Detail"], at_ms=0) for entry in entries]
    return len(events) <= MAX_ENTRIES and sum(each.size_bytes for each in events) <= MAX_BYTES
