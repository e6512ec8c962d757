"""The calls of the API, each beside the bare call that it is measured against."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from benchmarks import bare_calls, events
from benchmarks.bare_calls import bare_call, bare_page
from benchmarks.events import Event
from benchmarks.sessions import LISTED_USER_ID, PAGE_SIZE, put, session
from domain.creation import MAX_METADATA_BYTES
from storage.table import SessionsTable


@dataclass(frozen=True)
class Compared:
    """A call of the API, its bare call, and what has to be done before each of the two."""

    name: str
    event: Callable[[int], Event]
    bare: Callable[[SessionsTable, int], Callable[[], object]]
    before: Callable[[SessionsTable], None] = lambda _: None


def in_one_member(total_bytes: int) -> str:
    """So many bytes of metadata, in one member."""
    start, end = '{"text":"', '"}'
    return start + "x" * (total_bytes - len(start + end)) + end


def in_many_members(total_bytes: int) -> str:
    """So many bytes of metadata, in members of 36 bytes and one that fills up."""
    members = (f'"attribute-{each:03}":"value-{each:011}"' for each in range(total_bytes // 36 - 1))
    start, end = f'{{{",".join(members)},"rest":"', '"}'
    return start + "x" * (total_bytes - len(start + end)) + end


def creation_with(metadata_json: str, how: str) -> Compared:
    """A creation with as much metadata as there may be."""
    return Compared(
        f"create with {len(metadata_json):,} bytes of metadata {how}, to `put_item`",
        partial(events.creation, metadata_json=metadata_json),
        partial(bare_call, partial(bare_calls.creation, metadata_json=metadata_json)),
    )


RENEWAL = Compared(
    "renewal, to `update_item`",
    lambda number: events.renewal(number, "live"),
    partial(bare_call, bare_calls.renewal),
)
COMPARED = [
    Compared("create, to `put_item`", events.creation, partial(bare_call, bare_calls.creation)),
    creation_with(in_one_member(MAX_METADATA_BYTES), "in one member"),
    creation_with(in_many_members(MAX_METADATA_BYTES), "in many members"),
    Compared(
        "create with a key, to `transact_write_items`",
        lambda number: events.creation(number, key=f"key-{number}"),
        partial(bare_call, bare_calls.creation_with_key),
    ),
    Compared(
        "read, to `get_item`",
        lambda number: events.reading(number, "live"),
        partial(bare_call, bare_calls.reading),
    ),
    Compared(
        "heartbeat that renews, to `update_item`",
        lambda number: events.heartbeat(number, "live"),
        partial(bare_call, bare_calls.heartbeat),
    ),
    Compared(
        "change of the timeout, to `update_item`",
        lambda number: events.timeout_change(number, "live", 30),  # and 31 by the bare call
        partial(bare_call, bare_calls.timeout_change),
    ),
    Compared(
        "delete, to `delete_item`",
        lambda number: events.deletion(number, "to-delete"),
        partial(bare_call, bare_calls.deletion),
        before=lambda table: put(table, session("to-delete")),
    ),
    Compared(
        f"list {PAGE_SIZE} of a user, to `query` and `batch_get_item`",
        lambda number: events.page(number, userId=LISTED_USER_ID, limit=str(PAGE_SIZE)),
        bare_page,
    ),
    Compared("health, to `describe_table`", events.health, partial(bare_call, bare_calls.health)),
]
