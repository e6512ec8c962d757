"""The cost of announcing expiries: CPU to a bare ``put_events``, and the memory of a batch."""

import gc
import json
import os
import socket
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import boto3
from aws_lambda_powertools.utilities.data_classes.dynamo_db_stream_event import DynamoDBRecord

from benchmarks.bare_calls import ClientThatSendsNothing, Request
from benchmarks.calls import in_many_members, in_one_member
from benchmarks.cpu import ROUNDS, Measured, ratio_of_a_round
from benchmarks.events import EVENTS, Event
from benchmarks.output import print_ratios, print_table, quietly
from benchmarks.sessions import METADATA_JSON, session
from domain.creation import MAX_METADATA_BYTES
from local.dynamodb_local import wait_until_it_listens
from local.gateway import LambdaContext
from publishing.bus import MAX_ENTRIES, EventBus
from storage.item import item_of

if TYPE_CHECKING:
    from types_boto3_events import EventBridgeClient

BATCHES = (10, 100, 1_000, 10_000)
METADATA = {
    "with little metadata": METADATA_JSON,
    "with 10,240 bytes each in one member": in_one_member(MAX_METADATA_BYTES),
    "with 10,240 bytes each in many members": in_many_members(MAX_METADATA_BYTES),
}
REMOVAL: Event = json.loads((EVENTS / "removed-by-ttl.json").read_text())["Records"][0]


def print_expiry() -> None:
    """Both figures, against moto's EventBridge in a process of its own."""
    with moto_server() as endpoint:
        os.environ.update(
            AWS_ENDPOINT_URL_EVENTBRIDGE=endpoint, DEAD_LETTER_QUEUE_URL="nothing fails here"
        )
        from handlers import expiry  # noqa: PLC0415 - it reads its environment

        handler, plain = expiry.handler, boto3.client("events")

        def call(metadata_json: str, number: int) -> Measured:
            return partial(announce, handler, removals(MAX_ENTRIES, number, metadata_json))

        def bare(metadata_json: str, number: int) -> Measured:
            batch = removals(MAX_ENTRIES, number, metadata_json)
            read = map(expiry.session_expired, map(DynamoDBRecord, batch["Records"]))
            return partial(plain.put_events, Entries=entries_of(list(read)))

        with quietly():
            ratios = {
                name: [
                    ratio_of_a_round(partial(call, metadata), partial(bare, metadata))
                    for _ in range(ROUNDS + 1)
                ][1:]
                for name, metadata in METADATA.items()
            }
            memory = [(f"{size:,}", *memory_kib(handler, removals(size))) for size in BATCHES]
    title = "CPU of a batch of ten expiries, to a bare `put_events` of its entries"
    print_ratios(title, ratios)
    header = ["memory beside the batch, KiB: records", "most at once", "kept"]
    print_table(header, memory)


@contextmanager
def moto_server() -> Iterator[str]:
    """Moto's EventBridge; its endpoint."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-p", str(port)]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, stdout=quiet, stderr=quiet) as process:
        try:
            assert wait_until_it_listens(process, port)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def removals(size: int, first: int = 0, metadata_json: str = METADATA_JSON) -> Event:
    """A batch of so many removals by TTL, of sessions with this metadata."""
    numbers = range(first, first + size)
    return {"Records": [removal(number, metadata_json) for number in numbers]}


def removal(number: int, metadata_json: str) -> Event:
    """The removal of the session with this number."""
    expired = session(f"session-{number}", created=-60, expires=-1)
    image = item_of(replace(expired, metadata_json=metadata_json), 0)
    change = REMOVAL["dynamodb"] | {"OldImage": image, "SequenceNumber": str(number)}
    return REMOVAL | {"eventID": f"{number:032x}", "dynamodb": change}


def announce(handler: Any, batch: Event) -> None:
    """Have the function announce all of it."""
    assert handler(batch, LambdaContext("invocation")) == {"batchItemFailures": []}


def entries_of(events: Sequence[Any]) -> Any:
    """The entries that the bus is sent of these events."""
    client = cast("EventBridgeClient", ClientThatSendsNothing(None))
    try:
        EventBus(client, "default").publish(events)
    except Request as request:
        return request.arguments["Entries"]
    raise AssertionError("a call that sends nothing")


def memory_kib(handler: Any, batch: Event) -> tuple[int, int]:
    """The memory that Python took, beside the batch, to announce it: the most, and what it kept.

    What is collected only now is garbage of the requests, which Python left for later.
    """
    gc.collect()
    tracemalloc.start()
    announce(handler, batch)
    _, most_bytes = tracemalloc.get_traced_memory()
    gc.collect()
    kept_bytes, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return round(most_bytes / 1024), round(kept_bytes / 1024)
