"""What one invocation consumes: requests and their units, and the bytes that it logs."""

import contextlib
import json
import math
import os
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from tempfile import TemporaryFile
from typing import Any

from pricing.item_size import item_bytes

BYTES_PER_CHUNK = 64 * 1024
"""EventBridge bills an event as one for each chunk of 64 KB."""

BYTES_PER_WRITE_UNIT = 1024
TRANSACTION_UNITS_PER_ITEM = 2
WITH_CAPACITY = {
    "BatchGetItem",
    "DeleteItem",
    "GetItem",
    "PutItem",
    "Query",
    "Scan",
    "TransactWriteItems",
    "UpdateItem",
}


@dataclass
class Consumed:
    """The requests of one invocation, by operation, and the units that they took."""

    requests: Counter[str] = field(default_factory=Counter)
    write_units: float = 0
    read_units: float = 0
    refused_writes: int = 0
    event_chunks: int = 0

    def add_reply(self, operation: str, parameters: Mapping[str, Any], reply: Any) -> None:
        """Count a request and what its reply reports.

        A reply that refuses a condition reports no capacity. AWS states that it takes the write
        units of the stored item, which comes with the reply, and at least one. That a refused
        transaction takes two for each item is an assumption.
        """
        self.requests[operation] += 1
        code = reply.get("Error", {}).get("Code")
        if code == "ConditionalCheckFailedException":
            self.refused_writes += 1
            self.write_units += write_units_of(reply.get("Item", {}))
        elif code == "TransactionCanceledException":
            items = len(parameters["TransactItems"])
            self.refused_writes += items
            self.write_units += TRANSACTION_UNITS_PER_ITEM * items
        elif operation == "PutEvents":
            self.event_chunks += sum(map(chunks_of, parameters["Entries"]))
        elif code is not None:
            raise AssertionError(f"{operation} failed: {code}")
        elif operation in WITH_CAPACITY:
            before = self.write_units
            self._add_capacity(operation, reply["ConsumedCapacity"])
            # DynamoDB Local reports no more for two small items than for one.
            items = len(parameters.get("TransactItems", ()))
            least = before + TRANSACTION_UNITS_PER_ITEM * items
            self.write_units = max(self.write_units, least)

    def _add_capacity(self, operation: str, consumed: Any) -> None:
        for each in consumed if isinstance(consumed, list) else [consumed]:
            units = total_units(each)
            if operation in {"BatchGetItem", "GetItem", "Query", "Scan"}:
                self.read_units += units
            else:
                self.write_units += units


def write_units_of(stored: Mapping[str, Any]) -> int:
    """The write units of an item of this size: one for each KB that is begun, at least one."""
    return max(1, math.ceil(item_bytes(stored) / BYTES_PER_WRITE_UNIT))


def total_units(consumed: Mapping[str, Any]) -> float:
    """The units of a table and of its indexes, as DynamoDB reports them with ``INDEXES``."""
    indexes: Mapping[str, Any] = consumed.get("GlobalSecondaryIndexes", {})
    parts = [consumed["Table"], *indexes.values()] if "Table" in consumed else [*indexes.values()]
    return float(sum(part["CapacityUnits"] for part in parts))


def chunks_of(entry: Mapping[str, Any]) -> int:
    """How many events EventBridge bills for this entry."""
    size = sum(len(entry[key].encode()) for key in ("Source", "DetailType", "Detail"))
    return math.ceil(size / BYTES_PER_CHUNK)


@contextlib.contextmanager
def metered(*clients: Any) -> Iterator[Consumed]:
    """What these clients of botocore request within the context."""
    consumed = Consumed()
    sent: list[Mapping[str, Any]] = []

    def ask_for_capacity(params: dict[str, Any], model: Any, **_: Any) -> dict[str, Any]:
        if model.name in WITH_CAPACITY:
            params = params | {"ReturnConsumedCapacity": "INDEXES"}
        sent.append(params)
        return params

    def add(parsed: Any, model: Any, **_: Any) -> None:
        consumed.add_reply(model.name, sent.pop(), parsed)

    for client in clients:
        client.meta.events.register("provide-client-params", ask_for_capacity)
        client.meta.events.register("after-call", add)
    try:
        yield consumed
    finally:
        for client in clients:
            client.meta.events.unregister("provide-client-params", ask_for_capacity)
            client.meta.events.unregister("after-call", add)


@contextlib.contextmanager
def captured_output() -> Iterator[list[str]]:
    """The lines that are written to the standard output and error, as Lambda sends them on.

    It is the files that are redirected: a logger keeps the stream that it began with.
    """
    lines: list[str] = []
    streams = (sys.stdout, sys.stderr)
    with TemporaryFile() as captured:
        kept = [os.dup(number) for number in (1, 2)]
        _flush(streams)
        for number in (1, 2):
            os.dup2(captured.fileno(), number)
        try:
            yield lines
        finally:
            _flush(streams)
            for number, each in zip((1, 2), kept, strict=True):
                os.dup2(each, number)
                os.close(each)
            captured.seek(0)
            lines += captured.read().decode().splitlines()


def _flush(streams: Sequence[Any]) -> None:
    for stream in streams:
        stream.flush()


def log_bytes(lines: Sequence[str]) -> int:
    """The bytes that CloudWatch is sent for these lines: without their ends."""
    return sum(len(line.encode()) for line in lines)


def metrics_of(lines: Sequence[str]) -> list[str]:
    """The metrics in CloudWatch's embedded format, with the values of their dimensions.

    Each name with each set of values is a metric of its own, which CloudWatch bills.
    """
    metrics = set()
    for line in lines:
        entry = json.loads(line)
        for directive in entry.get("_aws", {}).get("CloudWatchMetrics", []):
            for dimensions in directive["Dimensions"]:
                values = [f"{name}={entry[name]}" for name in dimensions if name != "service"]
                metrics |= {" ".join([each["Name"], *values]) for each in directive["Metrics"]}
    return sorted(metrics)
