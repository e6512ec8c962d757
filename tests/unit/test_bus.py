"""The event bus: what is sent together, what is sent again, and the verdict on each event."""

import itertools
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publishing import bus
from publishing.bus import (
    MAX_BYTES,
    MAX_ENTRIES,
    MAX_PAUSES_SECONDS,
    Event,
    EventBus,
    requests,
)
from publishing.errors import EventRefused, EventTooLarge, Unavailable
from tests.eventbridge import (
    Answer,
    Entry,
    ScriptedEventBridge,
    client_error,
    fail,
    hang_up,
    refuse,
    refuse_requests_with,
    take,
)
from tests.sessions import NOON_MS

TRIES = 1 + len(MAX_PAUSES_SECONDS)


def event(detail: str = "{}") -> Event:
    return Event("SessionExpired", detail, NOON_MS)


def events(*numbers: int) -> list[Event]:
    return [event(f'{{"number": {number}}}') for number in numbers]


def detail(number: int) -> str:
    return events(number)[0].detail_json


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that were made: none takes its time."""
    made: list[float] = []
    monkeypatch.setattr(time, "sleep", made.append)
    return made


def publish(events: Sequence[Event], *answers: Answer) -> tuple[list[str], ScriptedEventBridge]:
    """The verdicts, in words, and the EventBridge that they came from."""
    eventbridge = ScriptedEventBridge(list(answers) or [take])
    bus = EventBus(eventbridge.client, "platform")
    verdicts = [verdict for part in requests(events) for verdict in bus.publish(events[part])]
    return [in_words(verdict) for verdict in verdicts], eventbridge


def in_words(verdict: Unavailable | EventRefused | None) -> str:
    match verdict:
        case None:
            return "out"
        case EventRefused(code):
            return code
        case Unavailable(service):
            return f"{service} unavailable"


def sent_details(eventbridge: ScriptedEventBridge) -> list[list[str]]:
    return [[entry["Detail"] for entry in request] for request in eventbridge.requests]


def test_an_event_is_an_entry_for_the_bus_with_source_type_detail_and_time() -> None:
    _, eventbridge = publish([event('{"a": 1}')])
    assert eventbridge.taken == [
        {
            "EventBusName": "platform",
            "Source": "session-renewal",
            "DetailType": "SessionExpired",
            "Detail": '{"a": 1}',
            "Time": datetime(2100, 1, 1, 12, tzinfo=UTC),
        }
    ]


def test_nothing_to_publish_is_no_request() -> None:
    assert publish([])[1].requests == []


@given(st.lists(st.integers(2, MAX_BYTES // 2 + 1), max_size=35))
def test_events_go_out_once_in_their_order_in_as_few_requests_as_eventbridge_allows(
    sizes: list[int],
) -> None:
    sent = [event("x" * size) for size in sizes]
    verdicts, eventbridge = publish(sent)
    assert verdicts == ["out"] * len(sent)
    sent_in = sent_details(eventbridge)
    assert [each for request in sent_in for each in request] == [e.detail_json for e in sent]
    in_bytes = [[event(each).size_bytes for each in request] for request in sent_in]
    for request in in_bytes:
        assert 1 <= len(request) <= MAX_ENTRIES
        assert sum(request) <= MAX_BYTES
    for request, following in itertools.pairwise(in_bytes):
        assert len(request) == MAX_ENTRIES or sum(request) + following[0] > MAX_BYTES


@pytest.mark.parametrize(("over", "needed"), [(0, 1), (1, 2)])
def test_256_kb_are_a_request_and_one_byte_more_is_two(over: int, needed: int) -> None:
    overhead = event("").size_bytes
    half = MAX_BYTES // 2 - overhead
    _, eventbridge = publish([event("x" * half), event("x" * (half + over))])
    assert len(eventbridge.requests) == needed


def test_an_event_that_eventbridge_would_not_take_cannot_be_made() -> None:
    empty = event("").size_bytes
    assert event("x" * (MAX_BYTES - empty)).size_bytes == MAX_BYTES
    with pytest.raises(EventTooLarge) as refused:
        event("\u00e9" * ((MAX_BYTES - empty) // 2 + 1))  # two bytes each
    assert refused.value.size_bytes in (MAX_BYTES + 1, MAX_BYTES + 2)


def test_a_refused_entry_is_tried_again_alone(pauses: list[float]) -> None:
    verdicts, eventbridge = publish(
        events(1, 2, 3, 4), refuse("ThrottlingException", detail(2), detail(4)), take
    )
    assert verdicts == ["out"] * 4
    assert sent_details(eventbridge)[1] == [detail(2), detail(4)]
    assert len(eventbridge.taken) == 4
    assert len(pauses) == 1
    assert 0 <= pauses[0] <= MAX_PAUSES_SECONDS[0]


def test_only_what_is_still_refused_is_tried_once_more() -> None:
    verdicts, eventbridge = publish(
        events(1, 2, 3),
        refuse("ThrottlingException", detail(1), detail(3)),
        refuse("ThrottlingException", detail(3)),
        take,
    )
    assert verdicts == ["out"] * 3
    assert [len(request) for request in eventbridge.requests] == [3, 2, 1]


@pytest.mark.parametrize(
    ("code", "tries"), [("MalformedDetail", 2), ("ThrottlingException", TRIES)]
)
def test_what_keeps_being_refused_is_refused_alone_and_soon_if_time_does_not_mend_it(
    code: str, tries: int, pauses: list[float]
) -> None:
    verdicts, eventbridge = publish(events(1, 2, 3), refuse(code, detail(2)))
    assert verdicts == ["out", code, "out"]
    assert len(eventbridge.requests) == tries
    assert len(pauses) == tries - 1
    assert all(0 <= made <= most for made, most in zip(pauses, MAX_PAUSES_SECONDS, strict=False))


def test_the_code_is_that_of_the_last_refusal() -> None:
    first, then = refuse("InternalFailure", detail(2)), refuse("MalformedDetail", detail(2))
    assert publish(events(1, 2), first, then)[0] == ["out", "MalformedDetail"]


@pytest.mark.parametrize("failure", [fail, refuse_requests_with(detail(2))])
def test_an_entry_stays_refused_if_its_next_tries_fail_as_a_whole(failure: Answer) -> None:
    """The others are out: were it told of the bus, they would come back with it."""
    verdicts, _ = publish(events(1, 2, 3), refuse("InternalFailure", detail(2)), failure)
    assert verdicts == ["out", "InternalFailure", "out"]


@pytest.mark.parametrize("failure", [fail, hang_up])
def test_a_request_that_fails_as_a_whole_is_the_buss_failure(failure: Answer) -> None:
    verdicts, eventbridge = publish(events(*range(10)), failure)
    assert verdicts == ["EventBridge unavailable"] * 10
    assert len(eventbridge.requests) == 1


@pytest.mark.parametrize("code", sorted(bus.TEMPORARY_CODES | bus.DEPLOYMENT_CODES))
def test_a_bus_that_takes_nothing_for_now_is_unavailable(code: str) -> None:
    verdicts, eventbridge = publish(events(*range(10)), refuse(code))
    assert verdicts == ["EventBridge unavailable"] * 10
    assert len(eventbridge.requests) == (TRIES if code in bus.TEMPORARY_CODES else 2)


def test_a_request_refused_for_what_is_in_it_is_made_one_by_one() -> None:
    verdicts, eventbridge = publish(events(1, 2, 3), refuse_requests_with(detail(2)))
    assert verdicts == ["out", "ValidationException", "out"]
    assert [len(request) for request in eventbridge.requests] == [3, 1, 1, 1]


def test_one_by_one_ends_where_the_bus_fails() -> None:
    answers = [refuse_requests_with(detail(3)), take, fail]
    verdicts, eventbridge = publish(events(1, 2, 3), *answers)
    assert verdicts == ["out", "EventBridge unavailable", "EventBridge unavailable"]
    assert [len(request) for request in eventbridge.requests] == [3, 1, 1]


@pytest.mark.parametrize(
    ("code", "status", "is_about_it"),
    [
        ("ValidationException", 400, True),
        ("413", 413, True),
        ("ThrottlingException", 400, False),
        ("AccessDeniedException", 400, False),
        ("InternalFailure", 500, False),
    ],
)
def test_what_is_about_the_request_would_be_refused_again(
    code: str, status: int, is_about_it: bool
) -> None:
    assert bus.is_about_the_request(client_error(code, status)) is is_about_it


def test_entries_that_are_all_wrong_are_refused_and_the_bus_is_not_to_blame() -> None:
    verdicts, _ = publish(events(1, 2), refuse("MalformedDetail"))
    assert verdicts == ["MalformedDetail"] * 2


@pytest.mark.parametrize("code", sorted(bus.TEMPORARY_CODES | bus.DEPLOYMENT_CODES))
def test_a_wrong_entry_does_not_spoil_those_that_may_be_taken_later(code: str) -> None:
    def answer(entries: Sequence[Entry]) -> list[str | None]:
        return ["MalformedDetail" if each["Detail"] == detail(2) else code for each in entries]

    verdicts, _ = publish(events(1, 2, 3), answer)
    unavailable = "EventBridge unavailable"
    assert verdicts == [unavailable, "MalformedDetail", unavailable]


def test_one_by_one_ends_where_nothing_more_is_taken_for_now() -> None:
    answers = [refuse_requests_with(detail(3)), take, refuse("ThrottlingException")]
    verdicts, eventbridge = publish(events(1, 2, 3), *answers)
    assert verdicts == ["out", "EventBridge unavailable", "EventBridge unavailable"]
    assert [len(request) for request in eventbridge.requests] == [3, 1, 1]


@pytest.mark.parametrize(
    ("reply", "kind"),
    [({}, Unavailable), ({"Entries": []}, Unavailable), ({"Entries": [{}]}, EventRefused)],
)
def test_what_has_no_id_in_the_answer_is_not_out(
    reply: dict[str, Any], kind: type[Exception]
) -> None:
    """An empty answer is what botocore makes of one that it cannot read."""
    eventbridge = mock.Mock()
    eventbridge.put_events.return_value = reply
    (verdict,) = EventBus(eventbridge, "platform").publish(events(1))
    assert isinstance(verdict, kind)
