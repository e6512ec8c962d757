"""The calls of the API, each with the bare call that it is compared with."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from benchmarks import api_events, bare_calls
from benchmarks.api_events import Event
from benchmarks.bare_calls import NEW_TIMEOUT_MINUTES, bare_call, bare_page, bare_timeout_change
from benchmarks.measured_sessions import (
    CONVENTIONAL_ID,
    LISTED_USER_ID,
    PAGE_SIZE,
    in_one_member,
    put,
    session,
)
from domain.creation import MAX_METADATA_BYTES
from storage.table import SessionsTable


@dataclass(frozen=True)
class Comparison:
    """A call of the API and its bare call. ``setup`` runs, unmeasured, before each of the two."""

    name: str
    event: Callable[[int], Event]
    bare: Callable[[SessionsTable, int], Callable[[], object]]
    setup: Callable[[SessionsTable], None] = lambda _: None


def in_many_members(total_bytes: int) -> str:
    """Metadata of this size, in members of 36 bytes and one that fills the rest."""
    numbers = range(total_bytes // 36 - 1)
    members = (f'"attribute-{number:03}":"value-{number:011}"' for number in numbers)
    start, end = f'{{{",".join(members)},"rest":"', '"}'
    return start + "x" * (total_bytes - len(start + end)) + end


RENEWAL = Comparison(
    "renewal, to `update_item`",
    lambda number: api_events.renewal(number, "live"),
    partial(bare_call, bare_calls.renewal),
)

CONVENTIONAL_RENEWAL = replace(
    RENEWAL, event=lambda number: api_events.renewal(number, CONVENTIONAL_ID)
)
"""It renews a session that is stored without what this project alone remembers."""


def other_calls() -> list[Comparison]:
    """All calls but the renewal, where they succeed."""
    to_change = session("to-change")
    return [
        Comparison(
            "create, to `put_item`", api_events.creation, partial(bare_call, bare_calls.creation)
        ),
        _creation_with(in_one_member(MAX_METADATA_BYTES), "in one member"),
        _creation_with(in_many_members(MAX_METADATA_BYTES), "in many members"),
        Comparison(
            "create with a key, to `transact_write_items`",
            lambda number: api_events.creation(number, key=f"key-{number}"),
            partial(bare_call, bare_calls.creation_with_key),
        ),
        Comparison(
            "read, to `get_item`",
            lambda number: api_events.reading(number, "live"),
            partial(bare_call, bare_calls.reading),
        ),
        Comparison(
            "heartbeat that renews, to `update_item`",
            lambda number: api_events.heartbeat(number, "live"),
            partial(bare_call, bare_calls.heartbeat),
        ),
        Comparison(
            "change of the timeout, to `get_item` and `update_item`",
            lambda number: api_events.timeout_change(number, "to-change", NEW_TIMEOUT_MINUTES),
            partial(bare_timeout_change, to_change),
            setup=lambda table: put(table, to_change),
        ),
        Comparison(
            "delete, to `delete_item`",
            lambda number: api_events.deletion(number, "to-delete"),
            partial(bare_call, bare_calls.deletion),
            setup=lambda table: put(table, session("to-delete")),
        ),
        Comparison(
            f"list {PAGE_SIZE} of a user, to `query` and `batch_get_item`",
            lambda number: api_events.page(number, userId=LISTED_USER_ID, limit=str(PAGE_SIZE)),
            bare_page,
        ),
        Comparison(
            "health, to `describe_table`", api_events.health, partial(bare_call, bare_calls.health)
        ),
    ]


def _creation_with(metadata_json: str, how: str) -> Comparison:
    return Comparison(
        f"create with {len(metadata_json):,} bytes of metadata {how}, to `put_item`",
        partial(api_events.creation, metadata_json=metadata_json),
        partial(bare_call, partial(bare_calls.creation, metadata_json=metadata_json)),
    )
