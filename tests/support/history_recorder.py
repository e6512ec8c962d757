"""Concurrent clients that keep every call and every answer."""

import random
import time
import uuid
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from domain.session import Session
from storage.faults import InvalidItem
from storage.item import session_of
from storage.table import SessionsTable
from tests.support.function_instances import FunctionInstance
from tests.support.histories import Attempt, History, Operation
from tests.support.tables import item_with, put
from tests.support.workloads import PlannedCall, Workload

MOST_ATTEMPTS = 8
"""After so many attempts without an answer, a client gives up."""

MAX_PAUSE_SECONDS = 0.02
"""Between two attempts: far less than the API asks for, so that retries meet other calls."""


@dataclass(frozen=True)
class Recorder:
    """Sends each attempt to any of the instances.

    ``table`` reaches DynamoDB without faults. ``wait_until_idle`` returns when no late write is
    still to come.
    """

    instances: Sequence[FunctionInstance]
    table: SessionsTable
    wait_until_idle: Callable[[], None]

    def record(self, workload: Workload, seed: int) -> list[History]:
        """Let the clients make their calls: a history for each session."""
        run_id = str(uuid.uuid4())
        first = workload.first_sessions(run_id)
        for each in first:
            put(self.table, each)
        scripts = workload.scripts(seed, [each.session_id for each in first])

        def run(script: Iterable[PlannedCall]) -> list[tuple[str, Operation]]:
            return [(call.session_id, self._carry_out(call, seed, run_id)) for call in script]

        with ThreadPoolExecutor(workload.clients) as clients:
            operations = [each for recorded in clients.map(run, scripts) for each in recorded]
        self.wait_until_idle()
        return [self._history(each, operations) for each in first]

    def _carry_out(self, call: PlannedCall, seed: int, run_id: str) -> Operation:
        """Try until there is an answer, with one key, at any instance."""
        choices = random.Random(f"{seed}-{call.number}")  # noqa: S311 - no secret
        key = f"{run_id}-{call.number}"
        attempts: list[Attempt] = []
        while len(attempts) < MOST_ATTEMPTS:
            instance = choices.choice(self.instances)
            attempts.append(instance.attempt(call.kind, call.session_id, key, call.change))
            if attempts[-1].is_answered:
                break
            time.sleep(choices.uniform(0, MAX_PAUSE_SECONDS))
        return Operation(call.number, call.client, call.kind, tuple(attempts), call.change)

    def _history(self, first: Session, operations: Iterable[tuple[str, Operation]]) -> History:
        own = tuple(each for session_id, each in operations if session_id == first.session_id)
        item = item_with(self.table, first.session_id)
        try:
            return History(first, own, session_of(item) if item else None)
        except InvalidItem as error:
            return History(first, own, defect=error.defect)
