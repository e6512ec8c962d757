"""The functions that publish events, on a laptop: the events are printed."""

import json
import threading
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

from botocore.exceptions import BotoCoreError, ClientError

from local.event_feed import EventFeed
from local.gateway import LambdaContext
from local.open_table import OpenTable
from local.stream import RecordSource
from local.template import Template
from local.timer_queue import LocalTimerQueue
from publishing.dead_letters import DeadLetterQueue
from publishing.event_bus import EventBus
from publishing.expiry_publisher import expiry_handler
from publishing.message_queue import MessageQueue
from publishing.timer_handler import timer_handler
from runtime.clock import epoch_ms

if TYPE_CHECKING:
    from types_boto3_events import EventBridgeClient
    from types_boto3_sqs import SQSClient

POLL_SECONDS = 1
STOP_SECONDS = 5


class PrintingEventBridge:
    """As much of EventBridge as the function uses: what it is sent is printed, and on the feed."""

    def __init__(self, feed: EventFeed | None = None) -> None:
        self._feed = feed or EventFeed()  # nobody reads one of its own

    def put_events(self, *, Entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:  # noqa: N803 - boto3's name
        """Print each entry in one line: what happened to which session, then the whole detail."""
        for entry in Entries:
            print_line(f"{entry['DetailType']}{in_words(entry['Detail'])}  {entry['Detail']}")
            self._feed.publish(entry)
        return {"FailedEntryCount": 0, "Entries": [{"EventId": "printed"} for _ in Entries]}


class PrintingSqs:
    """As much of SQS as the function uses: it prints what it is sent."""

    def send_message_batch(
        self,
        *,
        Entries: Sequence[Mapping[str, Any]],  # noqa: N803 - boto3's name
        **_: Any,
    ) -> dict[str, Any]:
        """Print each message in one line."""
        for entry in Entries:
            print_line(f"Dead letter {entry['MessageBody']}")
        return {"Successful": [{"Id": entry["Id"], "MessageId": "printed"} for entry in Entries]}


@contextmanager
def events_published(
    table: OpenTable, template: Template, feed: EventFeed | None = None
) -> Iterator[None]:
    """Drive the functions behind the stream and the timer queue for as long as the context lasts.

    Once a second, they get what is new in the table's stream and what is due in the queue. What
    they publish is printed, and passed on to the feed.
    """
    if table.record_source is None:
        yield
        return
    functions = _Functions(table, table.record_source, template, feed)
    stopped = threading.Event()

    def poll() -> None:
        while not stopped.wait(POLL_SECONDS):
            functions.poll()

    # A daemon, and started inside the block that stops it: Ctrl-C may come at any moment.
    thread = threading.Thread(target=poll, daemon=True)
    try:
        thread.start()
        yield
    finally:
        stopped.set()
        if thread.is_alive():
            thread.join(STOP_SECONDS)


class _Functions:
    """ExpiryFunction and TimerFunction, over a bus and queues that print or stay in the process."""

    def __init__(
        self, table: OpenTable, source: RecordSource, template: Template, feed: EventFeed | None
    ) -> None:
        bus = EventBus(cast("EventBridgeClient", PrintingEventBridge(feed)), "local")
        dead_letters = DeadLetterQueue(MessageQueue(cast("SQSClient", PrintingSqs()), "local"))
        self._queue = LocalTimerQueue(epoch_ms)
        timers = MessageQueue(cast("SQSClient", self._queue), "local")
        self._expiry = expiry_handler(bus, timers, dead_letters, epoch_ms)
        self._timer = timer_handler(table.sessions, bus, timers, dead_letters, epoch_ms)
        self._lock = table.lock
        self._source = source
        self._template = template
        self._is_behind = False

    def poll(self) -> None:
        """Invoke each function with what there is for it, if there is anything."""
        try:
            if self._is_behind:
                self._source.restart()
            new = self._source.new_records()
            self._is_behind = False
        except (BotoCoreError, ClientError) as error:
            if not self._is_behind:
                print_line(f"Events may be missing from here on: {error}")
            self._is_behind = True
            new = []
        records = list(filter(self._template.matches_stream_filter, new))
        if records:  # nothing to retry: printing never fails
            self._expiry({"Records": records}, _context())
        while messages := self._queue.receive():
            with self._lock:
                answer = self._timer({"Records": messages}, _context())
            self._queue.settle(each["itemIdentifier"] for each in answer["batchItemFailures"])


def _context() -> LambdaContext:
    return LambdaContext(str(uuid.uuid4()))


def in_words(detail_json: str) -> str:
    """Which session expires or expired, and when; empty if metadata is nested too deeply."""
    try:
        detail = json.loads(detail_json, parse_int=str)  # a number may have any number of digits
    except RecursionError:
        return ""
    session_id = detail["session"]["sessionId"]
    if "expiresAt" in detail:
        return f" {session_id}: it expires at {detail['expiresAt']}"
    removed = f" and was removed at {detail['removedAt']}" if "removedAt" in detail else ""
    return f" {session_id}: it expired at {detail['expiredAt']}{removed}"


def print_line(text: str) -> None:
    """Print a line of the log."""
    print(f"{time.strftime('%H:%M:%S')}  {text}", flush=True)
