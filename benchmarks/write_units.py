"""The write units of the calls that write, as DynamoDB Local reports them."""

from functools import partial
from typing import Any

from benchmarks import bare_calls
from benchmarks.bare_calls import StorageCall, bare_call
from benchmarks.measured_sessions import put, put_one_for_each_outcome, session
from benchmarks.output import print_table
from local.template import Template
from storage.table import SessionsTable


def print_write_units(table: SessionsTable) -> None:
    """The units that each write takes of the table and of its indexes, for a small session."""
    to_change = session("to-change")
    put_one_for_each_outcome(table)
    put(table, session("to-delete"), to_change)
    writes: dict[str, StorageCall] = {
        "renew": bare_calls.renewal,
        "heartbeat that renews": bare_calls.heartbeat,
        "change of the timeout": partial(bare_calls.timeout_change, to_change),
        "create": bare_calls.creation,
        "delete": bare_calls.deletion,
    }
    definitions = Template().properties("SessionsTable")["GlobalSecondaryIndexes"]
    indexes = [index["IndexName"] for index in definitions]
    rows = []
    for number, (name, call) in enumerate(writes.items()):
        consumed = consumed_capacity(call, table, number)
        by_index = consumed.get("GlobalSecondaryIndexes", {})
        rows.append([name, units(consumed["Table"]), *(units(by_index.get(i)) for i in indexes)])
    print_table(["write units", "table", *(f"`{index}`" for index in indexes)], rows)


def consumed_capacity(call: StorageCall, table: SessionsTable, number: int) -> dict[str, Any]:
    """The capacity that DynamoDB reports for the call's request."""
    reply: Any = bare_call(call, table, number, ReturnConsumedCapacity="INDEXES")()
    consumed: dict[str, Any] = reply["ConsumedCapacity"]
    return consumed


def units(consumed: dict[str, float] | None) -> str:
    """The write units. What the reply omits took none."""
    return "0" if consumed is None else f"{consumed['CapacityUnits']:g}"
