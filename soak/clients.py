"""The clients: threads that make the scheduled calls and retry each until it is answered."""

import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field

from soak.calls import COUNTED, Call, Kind
from soak.fleet import Answer, Fleet
from soak.ledger import Ledger
from soak.schedule import Plan, Schedule
from soak.tally import Tally

PROGRESS_SECONDS = 5


@dataclass
class Soak:
    """A soak under way. ``checked`` is false for implementations that do not keep the contract."""

    plan: Plan
    fleet: Fleet
    checked: bool = True
    tally: Tally = field(default_factory=Tally)
    seconds: float = 0

    def __post_init__(self) -> None:
        self.ledger = Ledger(self.plan.session_ids)
        self.schedule = Schedule(self.plan)
        self._stop = threading.Event()

    def run(self, report_progress: Callable[["Soak"], None] = lambda _: None) -> None:
        """Make all calls, or those that there is time for. A client's failure ends them all."""
        started = time.monotonic()
        with ThreadPoolExecutor(self.plan.clients) as clients:
            pending = {clients.submit(self._make_calls) for _ in range(self.plan.clients)}
            while pending:
                ended, pending = wait(pending, PROGRESS_SECONDS)
                self.seconds = time.monotonic() - started
                report_progress(self)
                for client in ended:
                    client.result()

    def _make_calls(self) -> None:
        try:
            while not self._stop.is_set() and (due := self.schedule.take()):
                time.sleep(max(due.at_seconds - time.monotonic(), 0))
                self._make(due.call)
        except BaseException:
            self._stop.set()
            raise

    def _make(self, call: Call) -> None:
        answer = self._answered(call)
        if call.kind in COUNTED and answer.status == 200:
            self.ledger.count(call.session_id)
        if call.kind is Kind.CREATION and answer.status == 201:
            session_id = json.loads(answer.response["body"])["sessionId"]
            self._answered(Call(Kind.DELETION, session_id, call.key))

    def _answered(self, call: Call) -> Answer:
        """The answer that needs no retry."""
        retry = False
        while True:
            floor = self.ledger.floor(call.session_id)
            answer = self.fleet.invoke(call.event())
            self.tally.add(call, answer, retry=retry)
            if self.checked:
                self.tally.check(call, answer, self.ledger, floor)
            if answer.status < 500:
                return answer
            retry = True
            time.sleep(self.plan.pause(float(answer.response["headers"].get("Retry-After", 1))))
