"""ExpiryFunction on a laptop: what it publishes is printed."""

import json
import threading
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol, cast

from botocore.exceptions import BotoCoreError, ClientError

from handlers.clock import epoch_ms
from handlers.expiry import expiry_handler
from local.gateway import LambdaContext
from local.removals import Record
from local.template import Template
from publishing.bus import EventBus
from publishing.dead_letters import DeadLetterQueue

if TYPE_CHECKING:
    from types_boto3_events import EventBridgeClient
    from types_boto3_sqs import SQSClient

POLL_SECONDS = 1
STOP_SECONDS = 5


class Removals(Protocol):
    """Where the records of removals come from."""

    def begin(self) -> None:
        """Forget what was read, and go on from now."""

    def records(self) -> list[Record]:
        """Those since the last time."""


class PrintedBus:
    """EventBridge, as far as the function uses it: it prints what it is sent."""

    def put_events(self, *, Entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:  # noqa: N803 - boto3's name
        """Print each entry in a line: what happened to whom, and then the whole detail."""
        for entry in Entries:
            print_line(f"{entry['DetailType']}{in_words(entry['Detail'])}  {entry['Detail']}")
        return {"FailedEntryCount": 0, "Entries": [{"EventId": "printed"} for _ in Entries]}


class PrintedLetters:
    """SQS, as far as the function uses it: it prints what it is sent."""

    def send_message(self, **message: Any) -> dict[str, Any]:
        """Print the message in a line."""
        print_line(f"Dead letter {message['MessageBody']}")
        return {"MessageId": "printed"}


@contextmanager
def expiries_announced(removals: Removals | None, template: Template) -> Iterator[None]:
    """Hand what is removed to the function, once a second, for as long as the context lasts."""
    if removals is None:
        yield
        return
    handler = expiry_handler(
        EventBus(cast("EventBridgeClient", PrintedBus()), "local"),
        DeadLetterQueue(cast("SQSClient", PrintedLetters()), "local"),
        epoch_ms,
    )
    stopped = threading.Event()

    def announce() -> None:
        is_behind = False
        while not stopped.wait(POLL_SECONDS):
            try:
                if is_behind:
                    removals.begin()
                records = [each for each in removals.records() if template.lets_through(each)]
                is_behind = False
            except (BotoCoreError, ClientError) as error:
                if not is_behind:
                    print_line(f"Events of expiries may be missing from here on: {error}")
                is_behind = True
            else:  # its report is empty: what is printed is never refused
                handler({"Records": records}, LambdaContext(str(uuid.uuid4())))

    # A daemon, and started where it is stopped: Ctrl-C may come at any moment.
    thread = threading.Thread(target=announce, daemon=True)
    try:
        thread.start()
        yield
    finally:
        stopped.set()
        if thread.is_alive():
            thread.join(STOP_SECONDS)


def in_words(detail_json: str) -> str:
    """Who expired when, and when it was removed; nothing where metadata is too deep to be read."""
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
