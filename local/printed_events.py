"""ExpiryFunction on a laptop: the events that it publishes are printed."""

import json
import threading
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol, cast

from botocore.exceptions import BotoCoreError, ClientError

from local.gateway import LambdaContext
from local.stream import Record
from local.template import Template
from publishing.dead_letters import DeadLetterQueue
from publishing.event_bus import EventBus
from publishing.expiry_publisher import expiry_handler
from publishing.message_queue import MessageQueue
from runtime.clock import epoch_ms

if TYPE_CHECKING:
    from types_boto3_events import EventBridgeClient
    from types_boto3_sqs import SQSClient

POLL_SECONDS = 1
STOP_SECONDS = 5


class RecordSource(Protocol):
    """Where the records of deletions come from."""

    def restart(self) -> None:
        """Forget what was read, and continue from now."""

    def new_records(self) -> list[Record]:
        """Those since the last call."""


class PrintingEventBridge:
    """As much of EventBridge as the function uses: it prints what it is sent."""

    def put_events(self, *, Entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:  # noqa: N803 - boto3's name
        """Print each entry in one line: what happened to which session, then the whole detail."""
        for entry in Entries:
            print_line(f"{entry['DetailType']}{in_words(entry['Detail'])}  {entry['Detail']}")
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
def expiries_published(source: RecordSource | None, template: Template) -> Iterator[None]:
    """Pass deletions by TTL to the function, once a second, for as long as the context lasts."""
    if source is None:
        yield
        return
    handler = expiry_handler(
        EventBus(cast("EventBridgeClient", PrintingEventBridge()), "local"),
        DeadLetterQueue(MessageQueue(cast("SQSClient", PrintingSqs()), "local")),
        epoch_ms,
    )
    stopped = threading.Event()

    def poll() -> None:
        is_behind = False
        while not stopped.wait(POLL_SECONDS):
            try:
                if is_behind:
                    source.restart()
                records = list(filter(template.matches_stream_filter, source.new_records()))
                is_behind = False
            except (BotoCoreError, ClientError) as error:
                if not is_behind:
                    print_line(f"Events of expiries may be missing from here on: {error}")
                is_behind = True
            else:  # nothing to retry: printing never fails
                handler({"Records": records}, LambdaContext(str(uuid.uuid4())))

    # A daemon, and started inside the block that stops it: Ctrl-C may come at any moment.
    thread = threading.Thread(target=poll, daemon=True)
    try:
        thread.start()
        yield
    finally:
        stopped.set()
        if thread.is_alive():
            thread.join(STOP_SECONDS)


def in_words(detail_json: str) -> str:
    """Which session expired and was removed when; empty if metadata is nested too deeply."""
    try:
        detail = json.loads(detail_json, parse_int=str)  # a number may have any number of digits
    except RecursionError:
        return ""
    return (
        f" {detail['session']['sessionId']}: it expired at {detail['expiredAt']}"
        f" and was removed at {detail['removedAt']}"
    )


def print_line(text: str) -> None:
    """Print a line of the log."""
    print(f"{time.strftime('%H:%M:%S')}  {text}", flush=True)
