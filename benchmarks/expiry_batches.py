"""The cost of publishing expiries: CPU as a ratio to a bare ``put_events``, and memory."""

import gc
import json
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

from benchmarks.api_events import EVENTS, Event
from benchmarks.bare_calls import CapturedRequest, CapturingClient
from benchmarks.calls import in_many_members
from benchmarks.cpu import Measured, Pair, measure_rounds
from benchmarks.measured_sessions import METADATA_JSON, in_one_member, session
from benchmarks.measured_table import set_environment
from benchmarks.measurements import Figures
from benchmarks.output import quietly
from benchmarks.progress import Progress
from domain.creation import MAX_METADATA_BYTES
from local.dynamodb_local import wait_until_it_listens
from local.gateway import LambdaContext
from publishing.event_bus import MAX_ENTRIES, EventBus
from publishing.expiry_publisher import session_expired_event
from runtime.deadline import NO_DEADLINE
from storage.item import item_of

if TYPE_CHECKING:
    from types_boto3_events import EventBridgeClient

BATCH_SIZES = (10, 100, 1_000, 10_000)
METADATA = {
    "with little metadata": METADATA_JSON,
    "with 10,240 bytes each in one member": in_one_member(MAX_METADATA_BYTES),
    "with 10,240 bytes each in many members": in_many_members(MAX_METADATA_BYTES),
}
SAMPLE: Event = json.loads((EVENTS / "removed-by-ttl.json").read_text())["Records"][0]


def measure(progress: Progress) -> Figures:
    """CPU of a batch, and the memory of batches, against moto's EventBridge in its own process."""
    with moto_server() as endpoint:
        set_environment(AWS_ENDPOINT_URL_EVENTBRIDGE=endpoint)
        from handlers import expiry  # noqa: PLC0415 - it reads the environment

        pairs = {name: pair(expiry.handler, metadata) for name, metadata in METADATA.items()}
        cpu = measure_rounds(pairs, progress)
        progress.begin(len(BATCH_SIZES))
        memory = []
        for size in BATCH_SIZES:
            progress.step(f"memory of a batch of {size:,}")
            with quietly():
                peak_kib, retained_kib = memory_kib(expiry.handler, batch_of(size))
            memory.append({"records": size, "peakKib": peak_kib, "retainedKib": retained_kib})
    return {"cpu": cpu, "memory": memory}


def pair(handler: Any, metadata_json: str) -> Pair:
    """The publishing of ten expiries, and ``put_events`` of the same entries."""
    plain = boto3.client("events")

    def call(number: int) -> Measured:
        return partial(publish, handler, batch_of(MAX_ENTRIES, number, metadata_json))

    def bare(number: int) -> Measured:
        entries = entries_of(batch_of(MAX_ENTRIES, number, metadata_json))
        return partial(plain.put_events, Entries=entries)

    return Pair(call, bare)


@contextmanager
def moto_server() -> Iterator[str]:
    """Moto's EventBridge. Yields its endpoint."""
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


def batch_of(size: int, first: int = 0, metadata_json: str = METADATA_JSON) -> Event:
    """A batch of deletions by TTL, of sessions with this metadata."""
    numbers = range(first, first + size)
    return {"Records": [deletion_by_ttl(number, metadata_json) for number in numbers]}


def deletion_by_ttl(number: int, metadata_json: str) -> Event:
    """The stream record of the deletion of the session with this number."""
    expired = session(f"session-{number}", created=-60, expires=-1)
    image = item_of(replace(expired, metadata_json=metadata_json), retention_seconds=0)
    change = SAMPLE["dynamodb"] | {"OldImage": image, "SequenceNumber": str(number)}
    return SAMPLE | {"eventID": f"{number:032x}", "dynamodb": change}


def publish(handler: Any, batch: Event) -> None:
    """Have the function publish the whole batch."""
    assert handler(batch, LambdaContext("invocation")) == {"batchItemFailures": []}


def entries_of(batch: Event) -> Sequence[Any]:
    """The entries that the function would send to EventBridge."""
    client = cast("EventBridgeClient", CapturingClient(exceptions=None))
    try:
        events = [*filter(None, map(session_expired_event, batch["Records"]))]
        EventBus(client, "default").publish(events, NO_DEADLINE)
    except CapturedRequest as request:
        return cast("Sequence[Any]", request.arguments["Entries"])
    raise AssertionError("the bus sends no request")


def memory_kib(handler: Any, batch: Event) -> tuple[int, int]:
    """The memory that publishing the batch takes, without the batch: the peak, and what stays.

    What only the second collection frees is garbage of the requests: it is part of the peak.
    """
    gc.collect()
    tracemalloc.start()
    publish(handler, batch)
    _, peak_bytes = tracemalloc.get_traced_memory()
    gc.collect()
    retained_bytes, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return round(peak_bytes / 1024), round(retained_bytes / 1024)
