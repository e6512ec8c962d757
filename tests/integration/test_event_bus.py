"""The event bus: which entries it retries, and its verdict on each event."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from unittest import mock

import pytest

from publishing.clients import ATTEMPT_SECONDS
from publishing.entry_retries import MAX_ENTRY_RETRIES
from publishing.event_bus import (
    MAX_BYTES,
    MAX_ENTRIES,
    Event,
    EventBus,
    fit_one_request,
)
from publishing.failures import EventRefused, EventTooLarge, ServiceUnavailable
from runtime.deadline import NO_DEADLINE, Deadline
from runtime.retries import MAX_ATTEMPTS, MAX_PAUSE_SECONDS
from tests.support.scripted_eventbridge import (
    Answer,
    Entry,
    ScriptedEventBridge,
    disconnect,
    refuse,
    refuse_requests_with,
    take,
    throttle_request,
)
from tests.support.sessions import NOON_MS

MAX_TRIES = 1 + MAX_ENTRY_RETRIES
UNAVAILABLE = "EventBridge unavailable"


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses between retries, in seconds. None of them takes any time."""
    made: list[float] = []
    monkeypatch.setattr(time, "sleep", made.append)
    return made


def event(detail: str = "{}") -> Event:
    return Event("SessionExpired", detail, NOON_MS)


def event_of(size_bytes: int) -> Event:
    return event("x" * (size_bytes - event("").size_bytes))


def detail(number: int) -> str:
    return f'{{"number": {number}}}'


def events(*numbers: int) -> list[Event]:
    return [event(detail(number)) for number in numbers]


def publish(events: Sequence[Event], *answers: Answer) -> tuple[list[str], ScriptedEventBridge]:
    """The verdicts in words, and the EventBridge that answered so."""
    eventbridge = ScriptedEventBridge(list(answers) or [take])
    verdicts = EventBus(eventbridge.client, "platform").publish(events, NO_DEADLINE)
    return [in_words(verdict) for verdict in verdicts], eventbridge


def in_words(verdict: ServiceUnavailable | EventRefused | None) -> str:
    match verdict:
        case None:
            return "published"
        case EventRefused(code):
            return code
        case ServiceUnavailable(service):
            return f"{service} unavailable"


def test_an_entry_has_the_bus_the_source_the_type_the_detail_and_the_time() -> None:
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


def test_ten_events_fit_one_request_and_eleven_do_not() -> None:
    assert fit_one_request(events(*range(MAX_ENTRIES)))
    assert not fit_one_request(events(*range(MAX_ENTRIES + 1)))


def test_256_kb_fit_one_request_and_one_byte_more_does_not() -> None:
    half = MAX_BYTES // 2

    assert fit_one_request([event_of(half), event_of(half)])
    assert not fit_one_request([event_of(half), event_of(half + 1)])


def test_no_event_is_larger_than_a_request() -> None:
    assert event_of(MAX_BYTES).size_bytes == MAX_BYTES
    with pytest.raises(EventTooLarge) as refusal:
        event_of(MAX_BYTES + 1)
    assert refusal.value.size_bytes == MAX_BYTES + 1


def test_the_size_of_an_event_is_in_bytes_of_utf8() -> None:
    assert event("\u00e9").size_bytes == event("xx").size_bytes


def test_refused_entries_are_retried_without_the_others() -> None:
    throttled = refuse("ThrottlingException", detail(2), detail(4))

    verdicts, eventbridge = publish(events(1, 2, 3, 4), throttled, take)

    assert verdicts == ["published"] * 4
    assert details(eventbridge) == [
        [detail(1), detail(2), detail(3), detail(4)],
        [detail(2), detail(4)],
    ]


def details(eventbridge: ScriptedEventBridge) -> list[list[str]]:
    """The details of each request."""
    return [[entry["Detail"] for entry in request] for request in eventbridge.requests]


def test_a_retried_entry_that_is_taken_is_not_sent_again() -> None:
    verdicts, eventbridge = publish(
        events(1, 2, 3),
        refuse("ThrottlingException", detail(1), detail(3)),
        refuse("ThrottlingException", detail(3)),
        take,
    )

    assert verdicts == ["published"] * 3
    assert eventbridge.request_sizes == [3, 2, 1]


@pytest.mark.parametrize(
    ("code", "tries"), [("ThrottlingException", MAX_TRIES), ("MalformedDetail", 1)]
)
def test_only_a_refusal_that_may_pass_is_retried(code: str, tries: int) -> None:
    verdicts, eventbridge = publish(events(1, 2, 3), refuse(code, detail(2)))

    assert verdicts == ["published", code, "published"]
    assert eventbridge.request_sizes == [3] + [1] * (tries - 1)


def test_a_retry_has_only_the_entries_whose_refusal_may_pass() -> None:

    def answer(entries: Sequence[Entry]) -> list[str | None]:
        codes = {detail(1): "MalformedDetail", detail(3): "ThrottlingException"}
        return [codes.get(each["Detail"]) for each in entries]

    verdicts, eventbridge = publish(events(1, 2, 3), answer, take)

    assert verdicts == ["MalformedDetail", "published", "published"]
    assert details(eventbridge)[1:] == [[detail(3)]]


@pytest.mark.parametrize("code", ["MalformedDetail", "AccessDeniedException", "SomethingNew"])
def test_a_final_refusal_is_not_paused_for(code: str, pauses: list[float]) -> None:
    publish(events(1, 2), refuse(code, detail(2)))

    assert pauses == []


def test_each_retry_of_an_entry_follows_a_pause(pauses: list[float]) -> None:
    publish(events(1, 2), refuse("ThrottlingException", detail(2)))

    assert len(pauses) == MAX_ENTRY_RETRIES
    assert all(0 <= pause <= MAX_PAUSE_SECONDS for pause in pauses)


def test_an_entry_is_not_retried_when_there_is_no_time_for_it(pauses: list[float]) -> None:
    eventbridge = ScriptedEventBridge([refuse("ThrottlingException", detail(2))])
    bus = EventBus(eventbridge.client, "platform")

    verdicts = bus.publish(events(1, 2), Deadline.after(ATTEMPT_SECONDS))

    assert [in_words(each) for each in verdicts] == ["published", "ThrottlingException"]
    assert (eventbridge.request_sizes, pauses) == ([2], [])


def test_an_event_is_refused_with_the_code_of_the_last_retry() -> None:
    first, then = refuse("InternalFailure", detail(2)), refuse("MalformedDetail", detail(2))

    assert publish(events(1, 2), first, then)[0] == ["published", "MalformedDetail"]


@pytest.mark.parametrize(
    "failure",
    [throttle_request, refuse_requests_with(detail(2))],
    ids=["throttled", "refused"],
)
def test_a_retry_that_fails_as_a_whole_does_not_change_the_refusal(failure: Answer) -> None:
    """The others are published: if the bus were unavailable, they would be published twice."""
    verdicts, _ = publish(events(1, 2, 3), refuse("InternalFailure", detail(2)), failure)

    assert verdicts == ["published", "InternalFailure", "published"]


@pytest.mark.parametrize("failure", [throttle_request, disconnect])
def test_the_bus_is_unavailable_if_the_request_fails_as_a_whole(failure: Answer) -> None:
    verdicts, eventbridge = publish(events(1, 2, 3), failure)

    assert verdicts == [UNAVAILABLE] * 3
    assert eventbridge.request_sizes == [3] * MAX_ATTEMPTS


@pytest.mark.parametrize(
    ("code", "tries"), [("ThrottlingException", MAX_TRIES), ("AccessDeniedException", 1)]
)
def test_the_bus_is_unavailable_if_it_takes_nothing_for_now(code: str, tries: int) -> None:
    verdicts, eventbridge = publish(events(1, 2, 3), refuse(code))

    assert verdicts == [UNAVAILABLE] * 3
    assert eventbridge.request_sizes == [3] * tries


def test_entries_that_are_all_malformed_are_refused() -> None:
    verdicts, _ = publish(events(1, 2), refuse("MalformedDetail"))

    assert verdicts == ["MalformedDetail"] * 2


@pytest.mark.parametrize("code", ["ThrottlingException", "AccessDeniedException"])
def test_one_malformed_entry_does_not_make_the_others_refused(code: str) -> None:
    def answer(entries: Sequence[Entry]) -> list[str | None]:
        return ["MalformedDetail" if each["Detail"] == detail(2) else code for each in entries]

    verdicts, _ = publish(events(1, 2, 3), answer)

    assert verdicts == [UNAVAILABLE, "MalformedDetail", UNAVAILABLE]


@pytest.mark.parametrize(("code", "status"), [("ValidationException", 400), ("413", 413)])
def test_a_request_refused_for_its_content_is_sent_event_by_event(code: str, status: int) -> None:
    verdicts, eventbridge = publish(events(1, 2, 3), refuse_requests_with(detail(2), code, status))

    assert verdicts == ["published", code, "published"]
    assert eventbridge.request_sizes == [3, 1, 1, 1]


def test_a_single_event_refused_for_its_content_is_sent_once() -> None:
    verdicts, eventbridge = publish(events(1), refuse_requests_with(detail(1)))

    assert verdicts == ["ValidationException"]
    assert eventbridge.request_sizes == [1]


@pytest.mark.parametrize(
    ("failure", "tries"),
    [(throttle_request, MAX_ATTEMPTS), (refuse("ThrottlingException"), 1)],
    ids=["the request is throttled", "its entry is throttled"],
)
def test_sending_event_by_event_ends_where_the_bus_is_unavailable(
    failure: Answer, tries: int
) -> None:
    answers = [refuse_requests_with(detail(3)), take, failure]

    verdicts, eventbridge = publish(events(1, 2, 3), *answers)

    assert verdicts == ["published", UNAVAILABLE, UNAVAILABLE]
    assert eventbridge.request_sizes == [3, 1] + [1] * tries


def verdict_on_reply(reply: dict[str, Any]) -> str:
    eventbridge = mock.Mock()
    eventbridge.put_events.return_value = reply
    (verdict,) = EventBus(eventbridge, "platform").publish(events(1), NO_DEADLINE)
    return in_words(verdict)


@pytest.mark.parametrize("reply", [{}, {"Entries": []}])
def test_a_reply_without_results_means_the_bus_is_unavailable(reply: dict[str, Any]) -> None:
    """Botocore makes an empty reply of a body that it cannot parse."""
    assert verdict_on_reply(reply) == UNAVAILABLE


def test_an_entry_without_an_event_id_is_not_published() -> None:
    assert verdict_on_reply({"Entries": [{}]}) == "NoEventId"
