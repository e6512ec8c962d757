"""The Lambda handler that publishes expiries: each record becomes an event or a dead letter, once.

Lambda checkpoints at the first record that is reported to it as failed, and retries everything from
there. To report a bad record would publish those after it twice. So a failure that is the record's
own is not reported: the record is kept as a dead letter. Only an outage is reported. If it is the
bus's, nothing after that record is touched. If it is a queue's, the first message that was not sent
is reported, and what was published after it is published again, with the same ``eventId``.

Dead letters go ten in a request, or records that the bus refuses would halve the speed of the rest.
But the first of an invocation goes at once, so an outage of the queue is noticed at once: a batch
that is retried from a dead letter publishes no more again than what shares a request with it.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from domain.session import MS_PER_SECOND
from domain.session_json import SESSION_EXPIRED, session_expired_json
from publishing.dead_letters import DeadLetter, DeadLetterQueue
from publishing.event_bus import Event, EventBus, fit_one_request
from publishing.failures import OUT_OF_TIME, ServiceUnavailable, is_bug, reason_and_cause
from publishing.message_queue import MAX_MESSAGES, Message, MessageQueue
from publishing.stream_records import (
    UNKNOWN,
    is_of_new_item,
    removal_of,
    sequence_number_of,
    session_id_of,
    started_session,
)
from publishing.timer_messages import TimerMessage
from runtime.deadline import SECONDS_BEFORE_LAMBDA_STOPS, Deadline
from runtime.observability import count, count_all, loggable, logger

PUBLISH_SECONDS, KEEP_SECONDS = 40, 15
"""How long a request to the bus and dead letters may take, with all their retries."""

RESERVE_MS = 1000 * (PUBLISH_SECONDS + KEEP_SECONDS + SECONDS_BEFORE_LAMBDA_STOPS)
"""With less time left, nothing is begun but the sending of dead letters that are due."""

MAX_WAIT_MS = 6 * 3_600_000
"""How long after its deletion a record waits for the bus before it is kept as a dead letter."""


T = TypeVar("T")

RecordOutcome = Event | Message | Exception
"""A record's event or start message, or what is wrong with it."""


@dataclass(eq=False)
class RetryFrom(Exception):
    """The batch must be retried from this record on."""

    record: Any
    cause: ServiceUnavailable


def expiry_handler(
    bus: EventBus,
    timers: MessageQueue,
    dead_letters: DeadLetterQueue,
    clock_ms: Callable[[], int],
) -> Callable[[Any, Any], Mapping[str, Any]]:
    """The Lambda handler over this bus and these queues, by this clock (epoch milliseconds)."""

    def publish_expiries(event: Any, context: Any) -> Mapping[str, Any]:
        remaining_ms = context.get_remaining_time_in_millis
        try:
            _Batch(bus, timers, dead_letters, clock_ms, remaining_ms).publish(event["Records"])
        except RetryFrom as retry:
            return {"batchItemFailures": [{"itemIdentifier": _retried_from(retry)}]}
        return {"batchItemFailures": []}

    return publish_expiries


@dataclass
class _Batch:
    """One invocation. It handles so many records at a time, in the stream's order."""

    bus: EventBus
    timers: MessageQueue
    dead_letters: DeadLetterQueue
    clock_ms: Callable[[], int]
    remaining_ms: Callable[[], int]
    has_begun: bool = False
    has_kept: bool = False
    read: list[tuple[Any, RecordOutcome]] = field(default_factory=list)
    """Records that were read, each with what is to be done about it."""
    letters: list[tuple[Any, Mapping[str, str]]] = field(default_factory=list)
    """Records to be kept as dead letters, which come before those that were read, and why."""

    def publish(self, records: Iterable[Any]) -> None:
        """Publish each record's expiry, start its timer, or keep the record as a dead letter.

        No more records are read ahead than fit one request to the bus and one to each queue, so a
        large batch takes no more memory.

        Raises:
            RetryFrom: a service is unavailable, or the time is short. All records before the one
                that it names are done. After it, nothing is but what was in the same requests.
        """
        for record in records:
            outcome = _outcome_of(record)
            if outcome is None:
                continue
            if not self._has_room_for(outcome):
                self._handle_read()
            self.read.append((record, outcome))
        self._handle_read()
        self._keep()

    def _has_room_for(self, outcome: RecordOutcome) -> bool:
        events = self._read_of(Event)
        if isinstance(outcome, Event):
            return fit_one_request([*events, outcome])
        return len(self.read) - len(events) < MAX_MESSAGES

    def _read_of(self, kind: type[T]) -> list[T]:
        return [each for _, each in self.read if isinstance(each, kind)]

    def _handle_read(self) -> None:
        """Publish the events that were read, and send the messages. What fails alone is kept."""
        if not self.read:
            return
        self._begin(self.read[0][0])
        deadline = self._deadline(PUBLISH_SECONDS, then_seconds=KEEP_SECONDS)
        events, messages = self._read_of(Event), self._read_of(Message)
        published = iter(self.bus.publish(events, deadline) if events else ())
        sent = iter(self.timers.send(messages, deadline))
        judged: list[tuple[Any, RecordOutcome, Exception | None]] = []
        for record, outcome in self.read:
            match outcome:
                case Event():
                    judged.append((record, outcome, next(published)))
                case Message():
                    judged.append((record, outcome, next(sent)))
                case _:
                    judged.append((record, outcome, outcome))
        self.read = []
        _count_done([(record, outcome) for record, outcome, failure in judged if failure is None])
        for record, outcome, failure in judged:
            if isinstance(failure, ServiceUnavailable) and self._may_wait(outcome):
                self._keep()
                raise RetryFrom(record, failure)
            if failure is not None:
                self.letters.append((record, _logged_facts(record, failure)))
        if len(self.letters) >= (MAX_MESSAGES if self.has_kept else 1):
            self._keep()

    def _begin(self, record: Any) -> None:
        """Stop if there is no time, but never before the first step: a batch must make progress."""
        if self.has_begun and self._is_late():
            self._keep()
            raise RetryFrom(record, OUT_OF_TIME)
        self.has_begun = True

    def _is_late(self) -> bool:
        return self.remaining_ms() < RESERVE_MS

    def _deadline(self, seconds: float, then_seconds: float = 0) -> Deadline:
        """So many seconds from now, but early enough for what comes then, before Lambda stops."""
        left_seconds = self.remaining_ms() / MS_PER_SECOND - SECONDS_BEFORE_LAMBDA_STOPS
        return Deadline.after(min(seconds, left_seconds - then_seconds))

    def _may_wait(self, outcome: RecordOutcome) -> bool:
        if isinstance(outcome, Event) and not self._is_late():
            return self.clock_ms() - outcome.at_ms < MAX_WAIT_MS
        return True

    def _keep(self) -> None:
        """Send the dead letters, or have the first that is not sent retried."""
        if not self.letters:
            return
        letters, self.letters = self.letters, []
        self.has_kept = True
        verdicts = self.dead_letters.send(
            [DeadLetter(json.dumps({"Records": [record]}), facts) for record, facts in letters],
            self._deadline(KEEP_SECONDS),
        )
        judged = list(zip(letters, verdicts, strict=True))
        kept = Counter(facts["reason"] for (_, facts), verdict in judged if verdict is None)
        for reason, times in kept.items():
            count("DeadLetters", reason=reason, times=times)
        for (record, _), verdict in judged:
            if verdict is not None:
                raise RetryFrom(record, verdict)


def _outcome_of(record: Any) -> RecordOutcome | None:
    """What is to be done about the record, or what is wrong with it; ``None``: nothing is to do."""
    try:
        if is_of_new_item(record):
            return Message(TimerMessage(started_session(record)).body)
        return session_expired_event(record)
    except Exception as error:  # noqa: BLE001 - a bug may cost this record, not the batch
        return error


def _logged_facts(record: Any, error: Exception) -> Mapping[str, str]:
    """Why the record becomes a dead letter: logged, and to be said of it."""
    facts = {**reason_and_cause(error), "sequence_number": sequence_number_of(record)}
    logger.error("not published", extra=facts, exc_info=error if is_bug(error) else None)
    return facts


def session_expired_event(record: Any) -> Event | None:
    """The event of the expiry that the record tells of; ``None`` if its timer has published it.

    Raises:
        InvalidRecord, InvalidItem: it tells of none.
        EventTooLarge: EventBridge would not take the event.
    """
    removal = removal_of(record)
    if removal.is_published:
        return None
    detail = session_expired_json(removal.session, removal.removed_at_ms)
    return Event(SESSION_EXPIRED, detail, removal.removed_at_ms)


def _count_done(done: list[tuple[Any, RecordOutcome]]) -> None:
    expired = [
        loggable(session_id_of(each)) for each, outcome in done if isinstance(outcome, Event)
    ]
    started = sum(isinstance(outcome, Message) for _, outcome in done)
    counts = {"Expiries": len(expired), "ExpiriesByTtl": len(expired), "TimerStartsSent": started}
    facts = {"outcome": "published", "session_ids": expired} if expired else {}
    if any(counts.values()):
        count_all({name: times for name, times in counts.items() if times}, {}, facts)


def _retried_from(retry: RetryFrom) -> str:
    """The sequence number to report to Lambda.

    Raises:
        ServiceUnavailable: the record has none. That fails the invocation, and the whole batch is
            retried.
    """
    number = sequence_number_of(retry.record)
    facts = {"reason": retry.cause.service, "cause": loggable(retry.cause.reason)}
    log = logger.warning if retry.cause is OUT_OF_TIME else logger.error
    log("batch retried from here", extra={**facts, "sequence_number": number})
    count("BatchRetries", reason=retry.cause.service)
    if number == UNKNOWN:
        raise retry.cause
    return number
