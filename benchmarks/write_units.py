"""The write units of the calls that write, as the database reports them."""

from typing import Any

from benchmarks import bare_calls
from benchmarks.bare_calls import Storage, bare_call
from benchmarks.output import print_table
from benchmarks.sessions import put, put_one_for_each_outcome, session
from local.template import Template
from storage.table import SessionsTable

WRITES: dict[str, Storage] = {
    "renew": bare_calls.renewal,
    "heartbeat that renews": bare_calls.heartbeat,
    "change of the timeout": bare_calls.timeout_change,
    "create": bare_calls.creation,
    "delete": bare_calls.deletion,
}


def print_write_units(table: SessionsTable) -> None:
    """The units that each write takes of the table and of its indexes, for a small session."""
    put_one_for_each_outcome(table)
    put(table, session("to-delete"))
    definitions = Template().properties("SessionsTable")["GlobalSecondaryIndexes"]
    indexes = [index["IndexName"] for index in definitions]
    rows = []
    for number, (name, storage) in enumerate(WRITES.items()):
        consumed = consumed_by(storage, table, number)
        of_indexes = consumed.get("GlobalSecondaryIndexes", {})
        rows.append([name, units(consumed["Table"]), *(units(of_indexes.get(i)) for i in indexes)])
    print_table(["write units", "table", *(f"`{index}`" for index in indexes)], rows)


def consumed_by(storage: Storage, table: SessionsTable, number: int) -> dict[str, Any]:
    """What the database says that the bare call took."""
    reply: Any = bare_call(storage, table, number, ReturnConsumedCapacity="INDEXES")()
    consumed: dict[str, Any] = reply["ConsumedCapacity"]
    return consumed


def units(consumed: dict[str, float] | None) -> str:
    """The write units; what the reply leaves out took none."""
    return "0" if consumed is None else f"{consumed['CapacityUnits']:g}"
