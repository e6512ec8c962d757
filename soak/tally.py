"""What came of the calls: answers, retries, requests, and whatever broke the contract."""

import json
import random
import threading
from collections import Counter
from dataclasses import dataclass, field

from jsonschema import ValidationError

from api.responses import MAX_REQUEST_SECONDS
from soak.calls import REFUSALS, SUCCESSES, Call, Kind
from soak.fleet import Answer
from soak.ledger import Floor, Ledger
from tests.support.contract import assert_schema

MAX_SHOWN = 20

SHARE_VALIDATED = 0.1
"""Of the successes, whose bodies are compared with the contract's schema. All errors are."""


@dataclass
class Tally:
    """Counters only: however long the soak, they stay the same size."""

    answers: Counter[tuple[Kind, int]] = field(default_factory=Counter)
    retries: Counter[Kind] = field(default_factory=Counter)
    requests: Counter[Kind] = field(default_factory=Counter)
    longest_seconds: dict[Kind, float] = field(default_factory=dict)
    late: int = 0
    outside_the_contract: int = 0
    moved_back: int = 0
    shown: list[str] = field(default_factory=list)
    """The first findings, in words."""

    def __post_init__(self) -> None:
        self._lock = threading.Lock()

    @property
    def done(self) -> int:
        """How many calls were answered other than 5xx: those that need no retry."""
        return sum(n for (_, status), n in [*self.answers.items()] if status < 500)

    @property
    def by_status(self) -> dict[int, int]:
        """How many answers had each status."""
        statuses = Counter[int]()
        for (_, status), count in [*self.answers.items()]:
            statuses[status] += count
        return dict(sorted(statuses.items()))

    def add(self, call: Call, answer: Answer, *, retry: bool) -> None:
        """An attempt was answered."""
        with self._lock:
            self.answers[call.kind, answer.status] += 1
            self.requests[call.kind] += answer.requests
            self.retries[call.kind] += retry
            longest_seconds = self.longest_seconds.get(call.kind, 0)
            self.longest_seconds[call.kind] = max(longest_seconds, answer.seconds)
            if answer.seconds > MAX_REQUEST_SECONDS:
                self.late += 1
                self._show(f"{call.kind}: answered after {answer.seconds:.2f} s")

    def check(self, call: Call, answer: Answer, ledger: Ledger, floor: Floor | None) -> None:
        """Hold the answer to the contract, and to how the session stood when it was asked for."""
        defect = _unexpected(call, answer)
        if not defect and (answer.status >= 400 or random.random() < SHARE_VALIDATED):  # noqa: S311 - no secret
            defect = _schema_violation(call, answer)
        if defect:
            with self._lock:
                self.outside_the_contract += 1
                self._show(f"{call.kind}: {defect}")
        elif floor is not None and answer.status == 200:
            moved = ledger.compare(call.session_id, floor, json.loads(answer.response["body"]))
            if moved:
                with self._lock:
                    self.moved_back += 1
                    self._show(f"{call.kind} of {call.session_id}: {moved}")

    def _show(self, finding: str) -> None:
        if len(self.shown) < MAX_SHOWN:
            self.shown.append(finding)


def _unexpected(call: Call, answer: Answer) -> str:
    """What is wrong with the answer's status; empty if nothing is."""
    if (call.kind, answer.status) in SUCCESSES.keys() | REFUSALS:
        return ""
    if answer.status != 503:
        return f"status {answer.status}: {answer.response['body']}"
    return "" if "Retry-After" in answer.response["headers"] else "503 without Retry-After"


def _schema_violation(call: Call, answer: Answer) -> str:
    """What is wrong with the answer's body, by the contract; empty if nothing is."""
    schema = SUCCESSES.get((call.kind, answer.status), "Error")
    try:
        assert_schema(schema, json.loads(answer.response["body"]))
    except (ValueError, ValidationError) as error:
        return f"status {answer.status}: {error}"
    return ""
