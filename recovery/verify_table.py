"""Reads every item of a table and reports what is wrong with it. It changes nothing."""

from collections import Counter
from dataclasses import dataclass, field

from recovery.invariants import findings_of, is_idempotency_record, is_start_marker
from recovery.output import resume_option, say, say_aside, shown
from recovery.table_scan import TableScan

ITEMS_PER_PROGRESS_LINE = 10_000


@dataclass(slots=True)
class Verified:
    """What was read so far. ``last_id`` is where to go on; ``None`` before the first page."""

    sessions: int = 0
    idempotency_records: int = 0
    start_markers: int = 0
    defective: int = 0
    notes: Counter[str] = field(default_factory=Counter)
    last_id: str | None = None

    @property
    def items(self) -> int:
        """How many items were read."""
        return self.sessions + self.idempotency_records + self.start_markers


def verify_table(scan: TableScan, retention_hours: int | None, verified: Verified) -> None:
    """Read the items of the scan, and print a line for each defect.

    ``verified`` is brought up to date after each page, so that it is right however this ends.
    """
    next_progress = ITEMS_PER_PROGRESS_LINE
    for page in scan.pages():
        for item in page.items:
            found = findings_of(item, retention_hours)
            verified.notes.update(found.notes)
            verified.defective += bool(found.defects)
            for defect in found.defects:
                say(f"{shown(item['sessionId']['S'])}: {defect}")
            if is_start_marker(item):
                verified.start_markers += 1
            elif is_idempotency_record(item):
                verified.idempotency_records += 1
            else:
                verified.sessions += 1
        verified.last_id = page.last_id
        if verified.items >= next_progress and page.last_id is not None:
            next_progress += ITEMS_PER_PROGRESS_LINE
            say_aside(f"{verified.items} items read; {resume_option(page.last_id)}")


def say_verified(verified: Verified) -> None:
    """Print what was read, and what is no defect but worth a note."""
    for note, items in sorted(verified.notes.items()):
        say(f"note, for {items} items: {note}")
    if verified.start_markers:
        say(f"{verified.start_markers} start markers of timers, which are neither")
    say(
        f"{verified.sessions} sessions and {verified.idempotency_records} idempotency records: "
        f"{verified.defective} have a defect"
    )
