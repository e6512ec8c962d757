"""What a renewal may depend on, each at several sizes, with the sessions that are renewed."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial

from benchmarks.measured_sessions import METADATA_JSON, in_one_member, put, session
from benchmarks.measured_table import new_table
from benchmarks.progress import Progress
from domain.creation import MAX_METADATA_BYTES
from domain.renewal import MAX_REMEMBERED, renewal_digest
from domain.session import Session
from storage.item import item_of
from storage.table import SessionsTable

STORED_SESSIONS = (1, 1_000, 100_000)
METADATA_BYTES = (0, 100, 1_000, 5_000, MAX_METADATA_BYTES)
REMEMBERED = (1, 8, 16, MAX_REMEMBERED)

RENEWED_SESSIONS = 100
"""How many of the stored sessions are renewed in turn, spread evenly over the table."""

ITEMS_PER_BATCH = 25
LOADERS = 3
STORED_PER_STEP = 10_000


@dataclass(frozen=True)
class Point:
    """Something that grows, and how large it is. ``before`` runs, unmeasured, before each call."""

    axis: str
    size: int
    table: SessionsTable
    session_ids: Sequence[str] = ("live",)
    before: Callable[[], None] = lambda: None

    @property
    def name(self) -> str:
        """The point, as the progress shows it."""
        return f"{self.axis}: {self.size:,}"

    def session_id(self, number: int) -> str:
        """The session of this call: each in turn."""
        return self.session_ids[number % len(self.session_ids)]


def all_points(table: SessionsTable, progress: Progress) -> list[Point]:
    """Every point, with its sessions stored. Those of many sessions have tables of their own."""
    return [
        *(stored_sessions(count, progress) for count in STORED_SESSIONS),
        *(metadata(size, table) for size in METADATA_BYTES),
        *(remembered(count, table) for count in REMEMBERED),
    ]


def stored_sessions(count: int, progress: Progress) -> Point:
    """A table of its own with so many sessions, of which a hundred are renewed in turn."""
    table = new_table(f"sessions-{count}")
    progress.begin(-(-count // STORED_PER_STEP))
    renewed = range(0, count, max(count // RENEWED_SESSIONS, 1))
    for first in range(0, count, STORED_PER_STEP):
        progress.step(f"storing {count:,} sessions")
        store(table, range(first, min(first + STORED_PER_STEP, count)))
    put(table, *(remembering(MAX_REMEMBERED, f"stored-{number}") for number in renewed))
    return Point("stored sessions", count, table, [f"stored-{number}" for number in renewed])


def metadata(size: int, table: SessionsTable) -> Point:
    """A session with so many bytes of metadata; of none at all, the two braces are left."""
    text = in_one_member(size) if size else "{}"
    stored = remembering(MAX_REMEMBERED, f"metadata-{size}", metadata_json=text)
    put(table, stored)
    return Point("bytes of metadata", size, table, [stored.session_id])


def remembered(count: int, table: SessionsTable) -> Point:
    """A session that remembers so many renewals, stored anew before each call."""
    stored = remembering(count, f"remembering-{count}")
    return Point(
        "remembered renewals", count, table, [stored.session_id], partial(put, table, stored)
    )


def remembering(count: int, session_id: str, metadata_json: str = METADATA_JSON) -> Session:
    """A session that was renewed so many times."""
    return replace(
        session(session_id),
        metadata_json=metadata_json,
        renewal_count=count,
        recent_renewals=tuple(renewal_digest(f"earlier-{number}") for number in range(count)),
    )


def store(table: SessionsTable, numbers: range) -> None:
    """Store new sessions with these numbers, each of another user and agent."""

    def store_batch(first: int) -> None:
        batch = numbers[first : first + ITEMS_PER_BATCH]
        owned = ({"agentId": {"S": f"agent-{n}"}, "userId": {"S": f"user-{n}"}} for n in batch)
        items = [
            {**new, "sessionId": {"S": f"stored-{number}"}, **owner}
            for number, owner in zip(batch, owned, strict=True)
        ]
        reply = table.client.batch_write_item(
            RequestItems={table.name: [{"PutRequest": {"Item": item}} for item in items]}
        )
        assert not reply["UnprocessedItems"]

    new = item_of(session(""), table.retention_seconds)
    with ThreadPoolExecutor(LOADERS) as loaders:
        list(loaders.map(store_batch, range(0, len(numbers), ITEMS_PER_BATCH)))
