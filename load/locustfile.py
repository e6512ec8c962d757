"""A user of the API, as locust runs it: one session, renewed far more often than anything else."""

import os
import random
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from locust import FastHttpUser, between, events

from load.checks import (
    SESSIONS,
    BrokenContract,
    OwnSession,
    Unavailable,
    answer_of,
    check_fields,
    created_session,
)

RUN_ID = os.environ["LOAD_RUN_ID"]
RATE = int(os.environ["LOAD_RATE"])
MEAN_PAUSE_SECONDS = int(os.environ["LOAD_USERS"]) / RATE
API_KEY = os.environ.get("API_KEY")

ATTEMPTS = 3
MAX_LISTS_PER_SECOND = 2
"""Of all users together. The template lets 5 lists a second through, whoever makes them."""

system_random = random.SystemRandom()

Check = Callable[[dict[str, Any]], None]


@dataclass(frozen=True)
class Call:
    """A request, and the statuses that answer it. A retry may also be answered by ``retried``."""

    method: str
    route: str
    expected: int = 200
    retried: int | None = None
    body: Mapping[str, Any] | None = None


def renew(user: "SessionUser") -> None:
    """Renew, as a client does that keeps its session alive."""
    _renew_by(user, Call("POST", "/{sessionId}/renew"))


def heartbeat(user: "SessionUser") -> None:
    """Report activity, which renews as well."""
    _renew_by(user, Call("POST", "/{sessionId}/heartbeat"))


def _renew_by(user: "SessionUser", call: Call) -> None:
    own = user.own or user.create()
    if own is not None:
        own.expect_renewal()
        user.send(call, lambda body: own.check_info(body, renewed=True))


def read(user: "SessionUser") -> None:
    """Read the session."""
    own = user.own or user.create()
    if own is not None:
        user.send(Call("GET", "/{sessionId}"), own.check_info)


def list_own(user: "SessionUser") -> None:
    """List the user's sessions: there is one."""
    own = user.own or user.create()
    if own is not None:
        user.send(Call("GET", "?userId={userId}"), own.check_list)


def change_timeout(user: "SessionUser") -> None:
    """Change the one limit that every deployment allows, and that leaves the expiry alone."""
    own = user.own or user.create()
    if own is None:
        return
    change = {"warningThresholdMinutes": system_random.randint(1, 60)}

    def check(body: dict[str, Any]) -> None:
        own.check_info(body)
        if not change.items() <= body["timeoutConfig"].items():
            raise BrokenContract("the change is not in the answer")

    user.send(Call("PATCH", "/{sessionId}/timeout", body=change), check)


WEIGHTS: dict[Callable[["SessionUser"], None], int] = {
    renew: 600,
    heartbeat: 250,
    read: 100,
    change_timeout: 30,
    list_own: max(1, min(20, 1000 * MAX_LISTS_PER_SECOND // RATE)),
}


# Timers count from when gevent last looked at its clock, which was before the imports: the load
# would end some seconds early.
events.init.add_listener(lambda **_: time.sleep(0))


class SessionUser(FastHttpUser):
    """Creates a session, uses it, and deletes it at the end. It thinks between two requests."""

    tasks: ClassVar = [call for call, weight in WEIGHTS.items() for _ in range(weight)]
    wait_time = between(0.5 * MEAN_PAUSE_SECONDS, 1.5 * MEAN_PAUSE_SECONDS)
    connection_timeout = 5.0
    network_timeout = 15.0  # the API answers within 10 s

    own: OwnSession | None = None

    def create(self) -> OwnSession | None:
        """Create a session, by which the run can be found; ``None`` if that failed."""
        request = {"agentId": RUN_ID, "userId": str(uuid.uuid4()), "metadata": {"load": RUN_ID}}

        def check(body: dict[str, Any]) -> None:
            self.own = created_session(body, request)

        self.send(Call("POST", "", expected=201, body=request), check)
        return self.own

    def on_stop(self) -> None:
        """Delete the session, also when the load is ended early."""
        if self.own is not None:
            call = Call("DELETE", "/{sessionId}", retried=404)  # if the first answer was lost
            self.send(call, lambda body: check_fields(body, {"success", "message"}))

    def send(self, call: Call, check: Check) -> None:
        """Send it, up to three times with one key. Each attempt that fails is a failure."""
        idempotency_key = str(uuid.uuid4())
        for attempt in range(ATTEMPTS):
            try:
                self._send_once(call, check, idempotency_key, is_retry=attempt > 0)
            except Unavailable as unavailable:
                if attempt < ATTEMPTS - 1:
                    time.sleep(unavailable.retry_seconds * system_random.uniform(1, 1.5))
            else:
                return

    def _send_once(self, call: Call, check: Check, key: str, *, is_retry: bool) -> None:
        """Send it once.

        Raises:
            Unavailable: it is to be sent again.
        """
        headers = {"Idempotency-Key": key} | ({"X-API-KEY": API_KEY} if API_KEY else {})
        own = self.own
        ids = {"sessionId": own.session_id, "userId": own.user_id} if own else {}
        with self.client.request(
            call.method,
            SESSIONS + call.route.format_map(ids),
            name=SESSIONS + call.route,
            json=call.body,
            headers=headers,
            catch_response=True,
        ) as response:
            expected = {call.expected, call.retried} if is_retry else {call.expected}
            try:
                body = answer_of(
                    response.status_code, response.headers or {}, response.text or "", expected
                )
                if response.status_code == call.expected:
                    check(body)
            except Unavailable as unavailable:
                response.failure(str(unavailable))
                raise
            except BrokenContract as broken:
                response.failure(str(broken))
                if response.status_code in (404, 410):
                    self.own = None  # it is gone: the next request creates another
            else:
                response.success()
