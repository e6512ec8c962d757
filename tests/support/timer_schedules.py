"""Schedules by seed: what clients do to their sessions, and what goes wrong meanwhile."""

import random
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import boto3

from domain.creation import CreationRequest, create
from domain.refusals import MaximumBelowTimeout, SessionRefusal
from domain.session import MS_PER_MINUTE, Session, TimeoutConfig
from domain.timeout import TimeoutChange
from local.stream import Stream
from runtime.client_config import client_config
from runtime.deadline import Deadline
from storage.faults import InvalidItem, StorageUnavailable
from storage.heartbeat_update import record_heartbeat
from storage.renewal_update import renew_session
from storage.session_creation import create_session
from storage.session_deletion import delete_session
from storage.session_reading import read_session
from storage.timeout_update import change_timeout
from tests.support.sessions import NOON_MS
from tests.support.simulated_queue import TimerQueueDouble
from tests.support.simulated_time import simulated
from tests.support.tables import create_table
from tests.support.timer_claims import violations
from tests.support.timer_world import HOUR_MS, Actor, Database, Fault, State, World

SESSIONS = 3
CALLS_UNTIL_MS = 2 * HOUR_MS
"""When the last call is made, at the latest. All sessions end within three hours."""

TTL_FROM_MS, TTL_UNTIL_MS = 14 * HOUR_MS, 40 * HOUR_MS
"""When DynamoDB removes what is past its ``ttl``, after the start."""

LONG_OUTAGES = (
    "timer function fails",
    "stream function fails",
    "bus down",
    "queue down",
    "database down",
)
FLAWS = (
    "timer function dies",
    "stream function dies",
    "bus loses replies",
    "queue loses replies",
    "database loses replies",
    "messages lost",
    "messages twice",
    "messages late again",
)
CLOCKS = ("function clock", "queue clock")


def generated_faults(rng: random.Random, start_ms: int) -> list[Fault]:
    """Up to three faults, in the hours in which the sessions live and end."""
    faults = []
    for _ in range(rng.choice((0, 1, 1, 2, 2, 3))):
        from_ms = start_ms + rng.randrange(3 * HOUR_MS)
        kind = rng.choice((*LONG_OUTAGES, *FLAWS, *FLAWS, *CLOCKS))
        lasts_ms = rng.choice((20_000, 5 * MS_PER_MINUTE, HOUR_MS, 7 * HOUR_MS))
        share = 1.0
        if kind in FLAWS:
            share = rng.choice((0.1, 0.4, 0.9))
        shift_ms = rng.choice((-HOUR_MS, HOUR_MS)) if kind in CLOCKS else 0
        faults.append(Fault(kind, from_ms, from_ms + lasts_ms, share, shift_ms))
    return faults


@dataclass
class Client:
    """Makes calls on one session, and records what they made of it."""

    world: World
    session_id: str
    rng: random.Random
    calls: int = 0

    def create(self) -> None:
        """Create the session."""
        timeout = self.rng.choice((1, 2, 5, 10, 30, 50))
        limits = TimeoutConfig(
            timeout, self.rng.random() < 0.8, self.rng.choice((60, 90)), self._warning(timeout)
        )
        request = CreationRequest("agent", "user", "{}", TimeoutChange())
        created = create(request, limits, self.session_id, self._now_ms())
        with self._calling() as (table, actor):
            try:
                create_session(table, created)
            except StorageUnavailable:
                return
        self.world.states[self.session_id].append(State(actor.committed_ms, created))
        self._call_at_the_last_instant(created)

    def call(self) -> None:
        """Make some call."""
        kind = self.rng.choices(
            ("renewal", "heartbeat", "change", "read", "deletion"), (40, 20, 20, 14, 6)
        )[0]
        self.calls += 1
        call_id = f"{self.session_id} {self.calls}"
        with self._calling() as (table, actor):
            try:
                outcome: Any = None
                match kind:
                    case "renewal":
                        outcome = renew_session(table, self.session_id, self._now_ms(), call_id)
                    case "heartbeat":
                        outcome = record_heartbeat(table, self.session_id, self._now_ms(), call_id)
                    case "change":
                        outcome = change_timeout(
                            table, self.session_id, self._now_ms(), self._change()
                        )
                    case "read":
                        read_session(table, self.session_id, self._now_ms())
                    case _:
                        delete_session(table, self.session_id)
            except (SessionRefusal, InvalidItem, MaximumBelowTimeout, StorageUnavailable):
                return
        if kind == "deletion":
            self.world.states[self.session_id].append(State(actor.committed_ms, None))
            return
        self.world.calls.append((actor.committed_ms, self.session_id, kind))
        if outcome is not None and outcome.changed:
            state = State(actor.committed_ms, outcome.session, kind == "change")
            self.world.states[self.session_id].append(state)
            self._call_at_the_last_instant(outcome.session)

    def _call_at_the_last_instant(self, session: Session) -> None:
        """Sometimes, make a call at about the expiry: by one clock it is over, by another not."""
        at_ms = session.expires_at_ms + self.rng.randint(-1500, 4000)
        if self.rng.random() < 0.5 and at_ms < NOON_MS + CALLS_UNTIL_MS:
            self.world.time.at(at_ms, self.call)

    def _calling(self) -> Any:
        return _Calling(self.world)

    def _now_ms(self) -> int:
        """The client's server has a clock of its own."""
        return self.world.client_clock_ms() + self.rng.choice((-1000, 0, 1000))

    def _warning(self, timeout: int) -> int:
        return self.rng.choice((1, max(1, timeout // 2), max(1, timeout * 4 // 5), timeout))

    def _change(self) -> TimeoutChange:
        if self.rng.random() < 0.3:
            return TimeoutChange(warning_threshold_minutes=self.rng.choice((1, 5, 20)))
        return TimeoutChange(
            timeout_minutes=self.rng.choice((1, 3, 15, 40)),
            max_duration_minutes=self.rng.choice((60, 100, 120)),
        )


class _Calling:
    """A call by the table as it is for clients, for as long as the context lasts."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._acting = world.acting(Actor("client"))

    def __enter__(self) -> tuple[Any, Actor]:
        actor = self._acting.__enter__()
        return self._world.table.until(Deadline.after(9)), actor

    def __exit__(self, *error: Any) -> None:
        self._acting.__exit__(*error)


def plan(world: World, seed: int) -> Sequence[str]:
    """Put the clients' calls and the TTL's removals on the agenda. Returns the sessions' IDs."""
    rng, time = world.rng, world.time
    start_ms = time.now_ms
    session_ids = []
    for number in range(SESSIONS):
        client = Client(world, f"s{uuid.uuid4().hex}-{seed}-{number}", rng)
        session_ids.append(client.session_id)
        at_ms = start_ms + rng.randrange(HOUR_MS // 2)
        time.at(at_ms, client.create)
        for _ in range(rng.randrange(10)):
            at_ms += int(rng.expovariate(1 / (8 * MS_PER_MINUTE)))
            if at_ms < start_ms + CALLS_UNTIL_MS:
                time.at(at_ms, client.call)
        removed_ms = start_ms + rng.randrange(TTL_FROM_MS, TTL_UNTIL_MS)
        time.at(removed_ms, partial(world.remove_by_ttl, client.session_id))
    return session_ids


def simulation_database(endpoint_url: str) -> Database:
    """A new table. Its clients wait as long as a busy machine needs: only faults are faults."""
    config = client_config(connect_timeout_seconds=10, read_timeout_seconds=60)
    client = boto3.client("dynamodb", endpoint_url=endpoint_url, config=config)
    table = create_table(client)
    arn = client.describe_table(TableName=table.name)["Table"]["LatestStreamArn"]
    streams = boto3.client("dynamodbstreams", endpoint_url=endpoint_url, config=config)
    return Database(table, Stream(streams, arn))


@dataclass(frozen=True)
class Run:
    """A run that has ended: what happened in it, and which claims do not hold."""

    world: World
    violations: Sequence[str]


def run(
    database: Database,
    seed: int,
    faults: Sequence[Fault] | None = None,
    queue_of: Callable[[World], TimerQueueDouble] | None = None,
) -> Run:
    """Run the schedule of this seed, with its own faults or with these."""
    rng = random.Random(seed)  # noqa: S311 - no secret
    generated = generated_faults(rng, NOON_MS)
    world = World(database, rng, NOON_MS, generated if faults is None else faults, queue_of)
    with simulated(world.time):
        session_ids = plan(world, seed)
        world.time.run()
    return Run(world, violations(world, session_ids))
