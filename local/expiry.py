"""ExpiryFunction on a laptop: what it publishes is printed."""

import threading
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol, cast

from botocore.exceptions import BotoCoreError, ClientError

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

    def records(self) -> list[Record]:
        """Those since the last time."""


class PrintedBus:
    """EventBridge, as far as the function uses it: it prints what it is sent."""

    def put_events(self, *, Entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:  # noqa: N803 - boto3's name
        """Print each entry in a line."""
        for entry in Entries:
            print_line(f"{entry['DetailType']} {entry['Detail']}")
        return {"FailedEntryCount": 0, "Entries": [{"EventId": "printed"} for _ in Entries]}


class PrintedLetters:
    """SQS, as far as the function uses it: it prints what it is sent."""

    def send_message(self, **message: Any) -> dict[str, Any]:
        """Print the message in a line."""
        print_line(f"Dead letter {message['MessageBody']}")
        return {}


@contextmanager
def expiries_announced(removals: Removals, template: Template) -> Iterator[None]:
    """Hand what is removed to the function, once a second, for as long as the context lasts."""
    handler = expiry_handler(
        EventBus(cast("EventBridgeClient", PrintedBus()), "local"),
        DeadLetterQueue(cast("SQSClient", PrintedLetters()), "local"),
    )
    stopped = threading.Event()

    def announce() -> None:
        while not stopped.wait(POLL_SECONDS):
            try:
                records = [each for each in removals.records() if template.lets_through(each)]
            except (BotoCoreError, ClientError) as error:
                print_line(f"No more expiries are shown: {error}")
                return
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


def print_line(text: str) -> None:
    """Print a line of the log."""
    print(f"{time.strftime('%H:%M:%S')}  {text}", flush=True)
