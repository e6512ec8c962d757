"""Starts the timer of each session that is stored: after a restore, or a loss of the queue.

It does what a change of the limits does that makes something due sooner: in one transaction, the
session forgets its timer and a start marker is stored, of which the table's stream tells. A timer
that is still running finds its token gone and ends. So a second run does no harm.
"""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from recovery.invariants import is_idempotency_record, is_start_marker
from recovery.output import resume_option, say, say_aside
from recovery.pace import Pace
from recovery.table_scan import TableScan
from storage.attribute_values import Item
from storage.faults import InvalidItem, TransactionCancelled
from storage.item import TIMER, session_of
from storage.start_marker import can_be_marked, update_and_start_timer
from storage.table import ConditionalUpdate, SessionsTable, update_expression
from storage.timer_update import PUBLISHED

WRITES_AT_ONCE = 8
STARTED, OVER, CHANGED = "started", "already published", "changed meanwhile: run it again"
INVALID, TOO_LONG = "no session: see verify-table", "its ID is too long"

FORGET_TIMER = update_expression(
    "REMOVE timer",
    "attribute_exists(sessionId)",
    "(attribute_not_exists(timer) OR timer <> :published)",
)


@dataclass(slots=True)
class Started:
    """How many sessions had which outcome. ``last_id`` is where to go on."""

    outcomes: Counter[str] = field(default_factory=Counter)
    last_id: str | None = None

    @property
    def is_complete(self) -> bool:
        """Whether nothing is left for another run."""
        return self.last_id is None and not self.outcomes[CHANGED]


@dataclass(frozen=True)
class StartTimers:
    """Starts timers at so many sessions a second. Without ``apply``, a dry run."""

    scan: TableScan
    table: SessionsTable
    writes: Pace
    now_ms: int
    apply: bool

    def run(self, started: Started) -> None:
        """Start them. ``started`` is right however this ends."""
        with ThreadPoolExecutor(WRITES_AT_ONCE) as threads:
            for page in self.scan.pages():
                sessions = [each for each in page.items if not _is_other(each)]
                outcomes = Counter(threads.map(self._start, sessions))
                started.outcomes += outcomes
                started.last_id = page.last_id
                if self.apply:
                    self.writes.spend(outcomes[STARTED])
                if page.last_id is not None:
                    say_aside(f"{started.outcomes.total()} sessions; {resume_option(page.last_id)}")

    def _start(self, item: Item) -> str:
        session_id = item["sessionId"]["S"]
        try:
            session_of(item)
        except InvalidItem:
            return INVALID
        if item.get(TIMER) == {"S": PUBLISHED}:
            return OVER
        if not can_be_marked(session_id):
            return TOO_LONG
        if not self.apply:
            return STARTED
        update = ConditionalUpdate(FORGET_TIMER, {":published": {"S": PUBLISHED}})
        try:
            update_and_start_timer(self.table, session_id, update, self.now_ms)
        except TransactionCancelled:
            return CHANGED
        return STARTED


def say_started(started: Started, *, apply: bool) -> None:
    """Print how many sessions had which outcome."""
    for outcome, sessions in sorted(started.outcomes.items()):
        say(f"{sessions} sessions: {outcome}")
    if not apply:
        say("This was a dry run: nothing was written. Add --apply to write.")


def _is_other(item: Item) -> bool:
    return is_idempotency_record(item) or is_start_marker(item)
