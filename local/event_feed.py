"""``/events``: what the local EventBridge is sent, for browsers, as server-sent events."""

import asyncio
import json
import re
import threading
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from api.access import Access
from api.bad_requests import Unauthorized
from api.request import Request as ApiRequest
from domain.session import MS_PER_SECOND
from domain.session_json import rfc3339
from runtime.clock import epoch_ms

MAX_KEPT = 200
"""How many of the latest events a browser is sent that comes late, or reads slowly."""

SILENT_SECONDS = 15
"""After this time without a message, a comment is sent: so a connection that broke is noticed."""

COMMENT = ":\n\n"


class Latest:
    """The latest messages, each with its number. The first is 1."""

    def __init__(self) -> None:
        self.last_number = 0
        self._kept: deque[str] = deque(maxlen=MAX_KEPT)

    def add(self, text: str) -> None:
        """Add a message, in place of the oldest."""
        self._kept.append(text)
        self.last_number += 1

    def after(self, number: int) -> list[str]:
        """Those that came after this one, as far as they are kept."""
        newer = self.last_number - number
        return list(self._kept)[-newer:] if newer else []


class EventFeed:
    """Events, changes of sessions, and the browsers that are told. Any thread may publish.

    No browser has a queue of its own: each has a position among the latest messages. So a browser
    that reads slowly, or not at all, holds up nothing, and only misses some.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._events, self._changes = Latest(), Latest()
        self._browsers: set[Callable[[], object]] = set()
        self._closed = False
        self._start = epoch_ms()  # the events that another run of the server numbered are others

    @property
    def browsers(self) -> int:
        """How many are connected."""
        return len(self._browsers)

    def publish(self, entry: Mapping[str, Any]) -> None:
        """Pass on an entry of ``PutEvents``, in the form in which EventBridge delivers events."""
        name = entry["DetailType"]
        at_ms = int(entry["Time"].timestamp() * MS_PER_SECOND) if "Time" in entry else epoch_ms()
        event = (
            f'{{"source": {json.dumps(entry.get("Source"))}, "detail-type": {json.dumps(name)}, '
            f'"time": "{rfc3339(at_ms)}", "detail": {entry["Detail"]}}}'
        )
        with self._lock:
            event_id = f"{self._start}-{self._events.last_number + 1}"
            self._events.add(f"id: {event_id}\nevent: {name}\n{data_lines(event)}\n")
            self._wake()

    def tell_of_change(self, session_id: str, *, deleted: bool) -> None:
        """Tell the browsers that this session is another one now, or none."""
        change = "deleted" if deleted else "changed"
        with self._lock:
            self._changes.add(f"event: {change}\ndata: {json.dumps(session_id)}\n\n")
            self._wake()

    def close(self) -> None:
        """Let all browsers go, and take no more."""
        with self._lock:
            self._closed = True
            self._wake()

    async def messages(self, last_event_id: str = "") -> AsyncIterator[str]:
        """The kept events after this one, then each as it comes, until the feed is closed.

        Of changes of sessions, those since now are told.
        """
        woken = asyncio.Event()
        wake = partial(asyncio.get_running_loop().call_soon_threadsafe, woken.set)
        with self._lock:
            self._browsers.add(wake)
            event, change = self._number(last_event_id), self._changes.last_number
        try:
            yield COMMENT  # for the browser to see that it is connected
            while not self._closed:
                woken.clear()
                with self._lock:
                    texts = self._events.after(event) + self._changes.after(change)
                    event, change = self._events.last_number, self._changes.last_number
                if texts:
                    yield "".join(texts)
                elif not await is_set_within(woken, SILENT_SECONDS):
                    yield COMMENT
        finally:
            with self._lock:
                self._browsers.discard(wake)

    def _number(self, event_id: str) -> int:
        """Which event of this run has the ID; 0 if none has."""
        start, _, number = event_id.partition("-")
        known = start == str(self._start) and number.isdecimal()
        return min(int(number[:20]), self._events.last_number) if known else 0

    def _wake(self) -> None:
        for wake in self._browsers:
            wake()


def data_lines(text: str) -> str:
    """The text as the data of a message: a line of it for each of its own."""
    return "".join(f"data: {line}\n" for line in re.split(r"\r\n|\r|\n", text))


async def is_set_within(event: asyncio.Event, seconds: float) -> bool:
    """Wait for the event, but not for longer."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True


def events_endpoint(feed: EventFeed, access: Access) -> Callable[[Request], Awaitable[Response]]:
    """``GET /events``. It needs a key where the API does, since events tell of sessions."""

    async def stream(request: Request) -> Response:
        try:
            access.require(ApiRequest({"headers": dict(request.headers)}, None, epoch_ms()))
        except Unauthorized:
            return JSONResponse({"message": "The header X-API-KEY must be one of API_KEYS"}, 401)
        return StreamingResponse(
            feed.messages(request.headers.get("last-event-id", "")),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store"},
        )

    return stream
