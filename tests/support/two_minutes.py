"""Two minutes in the life of a few sessions, on a deployed stack, while other tests run."""

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from domain.session import MS_PER_MINUTE, MS_PER_SECOND
from domain.session_json import SESSION_EXPIRED
from runtime.clock import epoch_ms
from tests.support.api_events import SESSIONS
from tests.support.deployed_stack import DeployedStack
from tests.support.deployed_timers import EventConsumer
from tests.support.sessions import AGENT_ID, USER_ID

TIMEOUT_MINUTES, WARNING_MINUTES = 2, 1
RENEWAL_SECONDS = 25
MAX_LATE_MS = 10 * MS_PER_SECOND
"""How late an event may be."""


@dataclass(frozen=True)
class TwoMinutes:
    """Sessions of two minutes that are warned of after one, and what a consumer gets of them.

    ``left_alone`` is just created; ``renewed`` is renewed all the time; ``deleted`` is deleted at
    once; ``shortened`` begins with half an hour, which is then changed to a minute.
    """

    stack: DeployedStack
    consumer: EventConsumer
    left_alone: Any
    renewed: Any
    deleted: Any
    shortened: Any

    def wait_for_the_end(self) -> None:
        """Wait until the session that is left alone was announced, or until that is too late."""
        end_ms = instant_ms(self.left_alone["expiresAt"]) + MAX_LATE_MS
        while epoch_ms() < end_ms:
            if self.consumer.about(self.left_alone["sessionId"], SESSION_EXPIRED):
                return
            time.sleep(1)


@contextmanager
def two_minutes_begin(stack: DeployedStack, consumer: EventConsumer) -> Iterator[TwoMinutes]:
    """Create the sessions, and renew the one that is to be renewed until the context ends."""
    limits = {"timeoutMinutes": TIMEOUT_MINUTES, "warningThresholdMinutes": WARNING_MINUTES}
    left_alone, renewed, deleted = (create(stack, limits) for _ in range(3))
    begun = create(stack, {"timeoutMinutes": 30})
    assert stack.request("DELETE", path_of(deleted)).status == 200
    change = stack.request("PATCH", f"{path_of(begun)}/timeout", json={"timeoutMinutes": 1})
    shortened = change.json()
    assert instant_ms(shortened["expiresAt"]) <= epoch_ms() + MS_PER_MINUTE
    over = threading.Event()

    def renew() -> None:
        while not over.wait(RENEWAL_SECONDS):
            stack.request("POST", f"{path_of(renewed)}/renew")

    renewing = threading.Thread(target=renew)
    renewing.start()
    try:
        yield TwoMinutes(stack, consumer, left_alone, renewed, deleted, shortened)
    finally:
        over.set()
        renewing.join()


def create(stack: DeployedStack, limits: Mapping[str, int]) -> Any:
    """The answer to a creation with these limits."""
    body = {"agentId": AGENT_ID, "userId": USER_ID, "timeoutConfig": limits}
    answer = stack.request("POST", SESSIONS, json=body)
    assert answer.status == 201, answer.data
    return answer.json()


def path_of(session: Any) -> str:
    """The path of the session that an answer shows."""
    return f"{SESSIONS}/{session['sessionId']}"


def instant_ms(rfc3339: str) -> int:
    """The instant in epoch milliseconds."""
    return round(datetime.fromisoformat(rfc3339).timestamp() * MS_PER_SECOND)
