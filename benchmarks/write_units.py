"""The write units of the calls that write, as DynamoDB Local reports them."""

from functools import partial
from typing import Any

from benchmarks import bare_calls
from benchmarks.bare_calls import StorageCall, bare_call
from benchmarks.measured_sessions import put, put_one_for_each_outcome, session
from benchmarks.measured_table import measured_table
from benchmarks.measurements import Figures
from benchmarks.progress import Progress
from local.template import Template
from storage.table import SessionsTable


def measure(progress: Progress) -> Figures:
    """The units that each write takes of the table and of its indexes, for a small session."""
    progress.step("calls that write")
    definitions = Template().properties("SessionsTable")["GlobalSecondaryIndexes"]
    indexes = [index["IndexName"] for index in definitions]
    with measured_table() as table:
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
        return {
            name: units(consumed_capacity(call, table, number), indexes)
            for number, (name, call) in enumerate(writes.items())
        }


def consumed_capacity(call: StorageCall, table: SessionsTable, number: int) -> dict[str, Any]:
    """The capacity that DynamoDB reports for the call's request."""
    reply: Any = bare_call(call, table, number, ReturnConsumedCapacity="INDEXES")()
    consumed: dict[str, Any] = reply["ConsumedCapacity"]
    return consumed


def units(consumed: dict[str, Any], indexes: list[str]) -> dict[str, float]:
    """The write units of the table and of each index. What the reply omits took none."""
    by_index = consumed.get("GlobalSecondaryIndexes", {})
    return {
        "table": consumed["Table"]["CapacityUnits"],
        **{index: by_index.get(index, {}).get("CapacityUnits", 0) for index in indexes},
    }
