"""The functions that publish events, over a real table and its stream, in simulated time.

Services fail and functions die when a schedule says so. Whoever makes a request lets a little time
pass, in which others run: so calls and invocations interleave.
"""

import io
import json
import random
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from typing import Any, cast

from botocore.exceptions import EndpointConnectionError

from domain.session import MS_PER_SECOND, Session
from local.stream import Record, Stream
from local.template import Template
from publishing.dead_letters import DeadLetterQueue
from publishing.event_bus import EventBus
from publishing.expiry_publisher import expiry_handler
from publishing.message_queue import MessageQueue
from publishing.timer_handler import timer_handler
from storage.attribute_values import int_attribute
from storage.table import SessionsTable
from tests.support.scripted_sqs import ScriptedSqs
from tests.support.simulated_queue import SimulatedQueue, TimerQueueDouble
from tests.support.simulated_time import SimulatedTime
from tests.support.stream_records import ttl_deletion

TEMPLATE = Template()
HOUR_MS = 3_600_000
TIMER_SECONDS, STREAM_SECONDS = 30, 300
"""The functions' timeouts."""

BATCHING_WINDOW_MS = 5_000
MAX_RECORD_AGE_MS = 12 * HOUR_MS
MAX_READ_SECONDS = 30
"""How long DynamoDB Local may take to show a new item in its stream, by a real clock."""

VISIBILITY_MS = 180 * MS_PER_SECOND


class Died(BaseException):
    """A function's process ended between two requests."""


@dataclass(frozen=True)
class Fault:
    """What goes wrong in a while, and how often."""

    kind: str
    from_ms: int
    to_ms: int
    share: float = 1.0
    shift_ms: int = 0

    def is_active(self, at_ms: int) -> bool:
        """Whether it is under way."""
        return self.from_ms <= at_ms < self.to_ms


@dataclass
class Actor:
    """Whoever makes requests: a client, or an invocation of a function."""

    name: str
    dies_after: int | None = None
    ends_at_ms: int | None = None
    requests: int = 0
    committed_ms: int = 0
    sent: list[str] = field(default_factory=list)
    """The sessions for which it sent a timer message or published an expiry."""

    def step(self, now_ms: int) -> None:
        """One more request; the process may end before it."""
        if self.requests == self.dies_after:
            raise Died
        if self.ends_at_ms is not None and now_ms > self.ends_at_ms:
            raise Died
        self.requests += 1


@dataclass(frozen=True)
class Published:
    """An event on the bus, and when."""

    at_ms: int
    detail_type: str
    detail: Mapping[str, Any]

    @property
    def session_id(self) -> str:
        """The session it is about."""
        return str(self.detail["session"]["sessionId"])


@dataclass(frozen=True)
class State:
    """A session as a call left it, and when; ``None`` once it is deleted."""

    at_ms: int
    session: Session | None
    by_change: bool = False


@dataclass(frozen=True)
class Handled:
    """A message that an invocation was given, and whether it went on with the timer."""

    session_id: str
    message_id: str
    sent_at_ms: int
    at_ms: int
    went_on: bool


@dataclass(frozen=True)
class Database:
    """A table on DynamoDB Local and its stream, for many runs."""

    table: SessionsTable
    stream: Stream


class World:
    """One run. ``faults`` are those of its schedule."""

    def __init__(
        self,
        database: Database,
        rng: random.Random,
        now_ms: int,
        faults: Sequence[Fault] = (),
        queue_of: Callable[["World"], TimerQueueDouble] | None = None,
    ) -> None:
        self.rng = rng
        self.time = SimulatedTime(now_ms, rng)
        self.faults = faults
        self.published: list[Published] = []
        self.states: dict[str, list[State]] = defaultdict(list)
        self.calls: list[tuple[int, str, str]] = []
        self.handled: list[Handled] = []
        self.lost: set[str] = set()
        self.removed: dict[str, Any] = {}
        self.remnants: set[str] = set()
        self.dropped: list[list[Record]] = []
        self.log = io.StringIO()
        table = database.table
        self.real_table = table
        self.table = SessionsTable(
            cast("Any", Service(self, table.client, "database")), table.name, 3600
        )
        self.queue: Any = (
            SimulatedQueue(lambda: self.time.now_ms, stamp_ms=self.queue_clock_ms)
            if queue_of is None
            else queue_of(self)
        )
        self.letters = ScriptedSqs()
        self._stream = database.stream
        self._actors = [Actor("nobody")]
        self._expected: set[str] = set()
        bus = EventBus(cast("Any", Service(self, self, "bus")), "bus")
        timers = MessageQueue(cast("Any", Service(self, self, "queue")), "timers")
        letters = DeadLetterQueue(
            MessageQueue(cast("Any", Service(self, self.letters, "queue")), "letters")
        )
        self._expiry = expiry_handler(bus, timers, letters, self.function_clock_ms)
        self._timer = timer_handler(self.table, bus, timers, letters, self.function_clock_ms)

    # Clocks

    def function_clock_ms(self) -> int:
        """A function's clock: up to a second off, and more where a fault says so."""
        return self.time.now_ms + self.rng.randint(-1000, 1000) + self._shift("function clock")

    def client_clock_ms(self) -> int:
        """The clocks of the functions that clients call."""
        return self.time.now_ms + self._shift("client clock")

    def queue_clock_ms(self) -> int:
        """The clock of SQS."""
        return self.time.now_ms + self._shift("queue clock")

    def _shift(self, kind: str) -> int:
        return sum(each.shift_ms for each in self._active(kind))

    # Faults

    def _active(self, kind: str) -> list[Fault]:
        now_ms = self.time.now_ms
        return [each for each in self.faults if each.kind == kind and each.is_active(now_ms)]

    def happens(self, kind: str) -> bool:
        """Whether this goes wrong now."""
        return any(self.rng.random() < each.share for each in self._active(kind))

    def is_quiet(self, from_ms: int, to_ms: int) -> bool:
        """Whether no fault is under way in this time."""
        return not any(each.from_ms <= to_ms and from_ms <= each.to_ms for each in self.faults)

    # Requests

    def request(self, service: str, perform: Callable[[], Any]) -> Any:
        """Make a request of a service, if it is there and whoever asks for it still lives."""
        actor = self._actors[-1]
        actor.step(self.time.now_ms)
        self._pass(actor)
        is_function = actor.name != "client"
        if self.happens(f"{service} down"):
            raise EndpointConnectionError(endpoint_url=service)
        reply = perform()
        actor.committed_ms = self.time.now_ms
        self._pass(actor)
        if is_function and self.happens(f"{service} loses replies"):
            raise EndpointConnectionError(endpoint_url=service)
        return reply

    def _pass(self, actor: Actor) -> None:
        depth = len(self._actors)
        self.time.wait(self.rng.randint(1, 10))
        assert len(self._actors) == depth
        assert self._actors[-1] is actor

    @contextmanager
    def acting(self, actor: Actor) -> Iterator[Actor]:
        """Requests are this one's for as long as this lasts."""
        self._actors.append(actor)
        try:
            yield actor
        finally:
            self._actors.pop()

    def put_events(self, *, Entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:  # noqa: N803 - boto3's name
        """``PutEvents``."""
        for entry in Entries:
            detail = json.loads(entry["Detail"])
            event = Published(self.time.now_ms, entry["DetailType"], detail)
            self.published.append(event)
            if event.detail_type == "SessionExpired":
                self._actors[-1].sent.append(event.session_id)
        return {"Entries": [{"EventId": "1"} for _ in Entries]}

    def send_message_batch(self, *, Entries: Sequence[Mapping[str, Any]], **_: Any) -> Any:  # noqa: N803 - boto3's name
        """``SendMessageBatch`` to the timer queue: some messages get lost, or come twice."""
        kept = []
        for entry in Entries:
            session_id = json.loads(entry["MessageBody"])["sessionId"]
            self._actors[-1].sent.append(session_id)
            delay_ms = entry["DelaySeconds"] * MS_PER_SECOND
            if self.happens("messages lost"):
                self.lost.add(session_id)
                continue
            kept.append(entry)
            self._poll_after(delay_ms)
            if self.happens("messages twice"):
                self._repeat(entry["MessageBody"], delay_ms)
            if self.happens("messages late again"):
                self._repeat(entry["MessageBody"], delay_ms + self.rng.randrange(5 * HOUR_MS))
        if kept:
            self.queue.send_message_batch(QueueUrl="timers", Entries=kept)
        return {"Successful": [{"Id": entry["Id"], "MessageId": "1"} for entry in Entries]}

    def _repeat(self, body: str, delay_ms: int) -> None:
        received_before = self.rng.random() < 0.5
        self.time.after(
            delay_ms, lambda: self.queue.enqueue(body, 0, receive_count=int(received_before))
        )
        self._poll_after(delay_ms + 1)

    # Functions

    def _invoke(self, name: str, function: Callable[..., Any], event: Any, seconds: int) -> Any:
        if self.happens(f"{name} fails"):
            return None
        dies_after = self.rng.randrange(6) if self.happens(f"{name} dies") else None
        actor = Actor(name, dies_after, self.time.now_ms + seconds * MS_PER_SECOND)
        context = Invocation(self.time, self.time.now_ms + seconds * MS_PER_SECOND)
        try:
            with self.acting(actor), redirect_stdout(self.log):
                answer = function(event, context)
            actor.step(self.time.now_ms)
        except Died:
            answer = None
        return answer, actor.sent

    def _poll_after(self, delay_ms: int) -> None:
        self.time.after(delay_ms + self.rng.randint(1, 500), self.poll)

    def poll(self) -> None:
        """Pass what is in the timer queue to its function."""
        while records := self.queue.receive():
            self._poll_after(VISIBILITY_MS)
            event = {"Records": records}
            invoked = self._invoke("timer function", self._timer, event, TIMER_SECONDS)
            if invoked is None:
                continue
            answer, sent = invoked
            self._record_handled(records, list(sent))
            if answer is not None:
                failed = {each["itemIdentifier"] for each in answer["batchItemFailures"]}
                self.queue.delete([each for each in records if each["messageId"] not in failed])

    def _record_handled(self, records: Sequence[Record], sent: list[str]) -> None:
        # Of two messages of a session, the one that was sent last is the one that goes on.
        for record in sorted(records, key=_sent_at_ms, reverse=True):
            session_id = json.loads(record["body"])["sessionId"]
            went_on = session_id in sent
            if went_on:
                sent.remove(session_id)
            self.handled.append(
                Handled(
                    session_id,
                    record["messageId"],
                    _sent_at_ms(record),
                    self.time.now_ms,
                    went_on,
                )
            )

    def expect_new_item(self, key: str) -> None:
        """An item was stored of which the stream will tell."""
        if not self._expected:
            self.time.after(self.rng.randint(100, BATCHING_WINDOW_MS), self._read_stream)
        self._expected.add(key)

    def _read_stream(self) -> None:
        records: list[Record] = []
        give_up_at = time.monotonic() + MAX_READ_SECONDS
        while self._expected:
            assert time.monotonic() < give_up_at, f"not in the stream: {self._expected}"
            for each in self._stream.new_records():
                key = each["dynamodb"]["Keys"]["sessionId"]["S"]
                if each["eventName"] == "INSERT" and key in self._expected:
                    self._expected.discard(key)
                    records.append(each)
        self.deliver([*filter(TEMPLATE.matches_stream_filter, records)])

    def deliver(self, records: Sequence[Record], first_ms: int | None = None) -> None:
        """Pass records of the stream to their function, until it has done them all."""
        first_ms = self.time.now_ms if first_ms is None else first_ms
        if not records:
            return
        if self.time.now_ms - first_ms > MAX_RECORD_AGE_MS:
            self.dropped.append(list(records))
            return
        invoked = self._invoke(
            "stream function", self._expiry, {"Records": records}, STREAM_SECONDS
        )
        left = list(records)
        if invoked is not None and invoked[0] is not None:
            failures = {each["itemIdentifier"] for each in invoked[0]["batchItemFailures"]}
            numbers = [each["dynamodb"]["SequenceNumber"] for each in records]
            left = left[min(map(numbers.index, failures)) :] if failures else []
        age_ms = self.time.now_ms - first_ms
        self.time.after(min(60_000, 1000 + age_ms // 2), lambda: self.deliver(left, first_ms))

    def remove_by_ttl(self, session_id: str) -> None:
        """Delete the session as DynamoDB does, if its ``ttl`` is over; else, look again then."""
        key = {"sessionId": {"S": session_id}}
        client, name = self.real_table.client, self.real_table.name
        item = client.get_item(TableName=name, Key=key, ConsistentRead=True).get("Item")
        if item is None:
            return
        if "expiresAt" not in item:
            self.remnants.add(session_id)
            return
        ttl_ms = int_attribute(item, "ttl") * MS_PER_SECOND
        if ttl_ms > self.time.now_ms:
            self.time.at(ttl_ms, lambda: self.remove_by_ttl(session_id))
            return
        client.delete_item(TableName=name, Key=key)
        removal = ttl_deletion(item, len(self.published) + 1)
        removal["dynamodb"]["ApproximateCreationDateTime"] = self.time.now_ms // MS_PER_SECOND
        self.removed[session_id] = item
        self.deliver([removal])


@dataclass(frozen=True)
class Service:
    """A client of a service, as the functions have it in the simulation."""

    world: World
    client: Any
    name: str

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        def perform(parameters: Mapping[str, Any]) -> Any:
            reply = getattr(self.client, operation)(**parameters)
            for key in _new_keys(parameters):
                self.world.expect_new_item(key)
            return reply

        return lambda **parameters: self.world.request(self.name, lambda: perform(parameters))


def _sent_at_ms(record: Record) -> int:
    return int(record["attributes"]["SentTimestamp"])


def _new_keys(parameters: Mapping[str, Any]) -> Iterator[str]:
    """The keys of the items that a request puts."""
    puts = [each.get("Put", {}) for each in parameters.get("TransactItems", [{"Put": parameters}])]
    yield from (put["Item"]["sessionId"]["S"] for put in puts if "Item" in put)


@dataclass(frozen=True)
class Invocation:
    """As much of Lambda's context as the functions read."""

    time: SimulatedTime
    ends_at_ms: int

    def get_remaining_time_in_millis(self) -> int:
        """Until Lambda stops the function."""
        return self.ends_at_ms - self.time.now_ms
