"""The feed of events, which the page of the local server reads."""

import asyncio
import json
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
import urllib3
from starlette.applications import Starlette
from starlette.routing import Route

from api.access import Access
from local import event_feed
from local.__main__ import open_listener
from local.event_feed import MAX_KEPT, EventFeed, data_lines, events_endpoint
from local.http_server import HttpServer

AT = datetime(2026, 1, 31, 12, tzinfo=UTC)
KEY = "a-key-of-this-test"


def entry(number: int, **members: Any) -> dict[str, Any]:
    """An entry of ``PutEvents``."""
    detail = json.dumps({"number": number, **members})
    return {"Source": "tests", "DetailType": "SessionExpired", "Detail": detail, "Time": AT}


async def next_text(messages: AsyncIterator[str]) -> str:
    return await asyncio.wait_for(anext(messages), 5)


async def opened(feed: EventFeed, last_event_id: str = "") -> AsyncIterator[str]:
    """What a browser is sent that is connected."""
    messages = feed.messages(last_event_id)
    assert await next_text(messages) == ":\n\n"
    return messages


def numbers(text: str) -> list[int]:
    """Which of the entries are in it."""
    events = [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: {")]
    return [event["detail"]["number"] for event in events]


def ids(text: str) -> list[str]:
    return [line[4:] for line in text.splitlines() if line.startswith("id: ")]


def test_an_event_has_the_form_in_which_eventbridge_delivers_it() -> None:
    async def read() -> str:
        feed = EventFeed()
        feed.publish(entry(1))
        return await next_text(await opened(feed))

    event_id, name, event, end, _ = asyncio.run(read()).split("\n")
    assert (event_id[:4], name, end) == ("id: ", "event: SessionExpired", "")
    assert json.loads(event.removeprefix("data: ")) == {
        "source": "tests",
        "detail-type": "SessionExpired",
        "time": "2026-01-31T12:00:00.000Z",
        "detail": {"number": 1},
    }


def test_a_detail_with_line_breaks_stays_the_same_json() -> None:
    text = json.dumps({"a": "\u2028\x85", "b": 1}, indent=1, ensure_ascii=False)
    lines = data_lines(text.replace("\n", "\r\n"))
    assert "\n".join(line[6:] for line in lines.split("\n")[:-1]) == text


def test_a_late_browser_gets_the_latest_events() -> None:
    async def read() -> str:
        feed = EventFeed()
        for number in range(MAX_KEPT + 5):
            feed.publish(entry(number))
        return await next_text(await opened(feed))

    assert numbers(asyncio.run(read())) == list(range(5, MAX_KEPT + 5))


def test_a_browser_that_comes_back_goes_on_after_the_last_event() -> None:
    async def read() -> str:
        feed = EventFeed()
        feed.publish(entry(1))
        (last_id,) = ids(await next_text(await opened(feed)))
        feed.publish(entry(2))
        return await next_text(await opened(feed, last_id))

    assert numbers(asyncio.run(read())) == [2]


@pytest.mark.parametrize("last_id", ["1-1", "x", "-", "0", "9" * 5000, "1-" + "9" * 5000, "²-²"])
def test_an_id_of_another_run_of_the_server_begins_anew(last_id: str) -> None:
    async def read() -> str:
        feed = EventFeed()
        feed.publish(entry(1))
        return await next_text(await opened(feed, last_id))

    assert numbers(asyncio.run(read())) == [1]


def test_an_id_that_was_not_given_yet_hides_no_later_event() -> None:
    async def read() -> str:
        feed = EventFeed()
        feed.publish(entry(1))
        (last_id,) = ids(await next_text(await opened(feed)))
        messages = await opened(feed, last_id + "0000")
        feed.publish(entry(2))
        return await next_text(messages)

    assert numbers(asyncio.run(read())) == [2]


def test_changes_are_told_from_then_on() -> None:
    async def read() -> str:
        feed = EventFeed()
        feed.tell_of_change("before", deleted=False)
        messages = await opened(feed)
        feed.tell_of_change('a"\n', deleted=False)
        feed.tell_of_change("b", deleted=True)
        return await next_text(messages)

    assert asyncio.run(read()) == (
        'event: changed\ndata: "a\\"\\n"\n\nevent: deleted\ndata: "b"\n\n'
    )


def test_threads_lose_no_event_of_each_other() -> None:
    async def read() -> list[int]:
        feed = EventFeed()
        messages = await opened(feed)

        def publish(number: int) -> None:
            for _ in range(20):
                feed.publish(entry(number))

        threads = [threading.Thread(target=publish, args=[number]) for number in range(8)]
        for thread in threads:
            thread.start()
        found: list[int] = []
        while len(found) < 160:
            found += numbers(await next_text(messages))
        return found

    found = asyncio.run(read())
    assert [found.count(number) for number in range(8)] == [20] * 8


def test_silence_is_broken_by_comments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_feed, "SILENT_SECONDS", 0.01)

    async def read() -> str:
        return await next_text(await opened(EventFeed()))

    assert asyncio.run(read()) == ":\n\n"


def test_a_closed_feed_ends_for_those_that_read_and_those_that_come() -> None:
    async def read() -> list[str]:
        feed = EventFeed()
        before = await opened(feed)
        feed.close()
        return [text async for text in before] + [text async for text in feed.messages()]

    assert asyncio.run(read()) == [":\n\n"]


@contextmanager
def served(feed: EventFeed, access: Access | None = None) -> Iterator[str]:
    """The feed over HTTP. The server ends with the context, within five seconds."""
    route = Route("/events", events_endpoint(feed, access or Access()))
    with open_listener(0) as listener:
        server = HttpServer(Starlette(routes=[route]), feed)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/events"
        finally:
            server.should_exit = True
            thread.join(5)
            assert not thread.is_alive(), "the server did not stop"


def connected(url: str, **headers: str) -> urllib3.BaseHTTPResponse:
    return urllib3.request("GET", url, preload_content=False, timeout=5, headers=headers)


def wait_for_browsers(feed: EventFeed, number: int) -> None:
    for _ in range(500):
        if feed.browsers == number:
            return
        threading.Event().wait(0.01)
    pytest.fail(f"{feed.browsers} browsers are connected, not {number}")


def test_an_event_reaches_each_browser_over_http() -> None:
    feed = EventFeed()
    with served(feed) as url:
        browsers = [connected(url) for _ in range(3)]
        wait_for_browsers(feed, 3)
        feed.publish(entry(7))
        for browser in browsers:
            assert browser.headers["Content-Type"].startswith("text/event-stream")
            assert browser.headers["Cache-Control"] == "no-store"
            assert next(line for line in browser if line.startswith(b"data: "))


def test_a_browser_that_goes_away_leaves_nothing_behind() -> None:
    feed = EventFeed()
    with served(feed) as url:
        browser = connected(url)
        wait_for_browsers(feed, 1)
        browser.close()
        wait_for_browsers(feed, 0)


def test_a_browser_that_reads_nothing_holds_up_neither_events_nor_the_end() -> None:
    feed = EventFeed()
    with socket.socket() as stuck, served(feed) as url:
        stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        host, _, port = url.removeprefix("http://").removesuffix("/events").partition(":")
        stuck.connect((host, int(port)))
        stuck.sendall(b"GET /events HTTP/1.1\r\nHost: x\r\n\r\n")
        wait_for_browsers(feed, 1)
        for _ in range(40):  # more than the buffers of both ends hold
            feed.publish(entry(0, padding="x" * 500_000))
            threading.Event().wait(0.01)
        other = connected(url)
        feed.publish(entry(1))
        assert any(b'"number": 1}' in line for line in other)


def test_where_the_api_has_keys_the_feed_needs_one_too() -> None:
    with served(EventFeed(), Access([KEY])) as url:
        for headers, status in ({}, 401), ({"X-API-KEY": "x"}, 401), ({"X-API-KEY": KEY}, 200):
            assert connected(url, **headers).status == status
