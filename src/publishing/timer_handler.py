"""The Lambda handler behind the timer queue: warns of expiries, and announces them, on time.

Each message is claimed, so that of two deliveries one goes on; then ``domain.timers`` says what is
due. An expiry is marked in the table before it is published, and noted there once it is: what
fails in between is delivered again, or published when DynamoDB deletes the session.

A message is done when the next one is sent, or none is needed. If a service is unavailable before
that, it is reported to Lambda as failed, and SQS delivers it again.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from domain.session import MS_PER_SECOND
from publishing.dead_letters import DeadLetter, DeadLetterQueue
from publishing.event_bus import TEMPORARY_CODES, Event, EventBus, fit_one_request
from publishing.failures import EventRefused, ServiceUnavailable, is_bug, reason_and_cause
from publishing.message_queue import MessageQueue
from publishing.timer_step import TimerStep, next_step
from runtime.deadline import SECONDS_BEFORE_LAMBDA_STOPS, Deadline
from runtime.observability import count, count_all, loggable, logger
from storage.faults import StorageUnavailable
from storage.table import SessionsTable
from storage.timer_update import mark_published

PUBLISH_SECONDS, FINISH_SECONDS = 7, 8
"""How much of the function's time is kept for the events, and for all that comes after them."""


def timer_handler(
    table: SessionsTable,
    bus: EventBus,
    timers: MessageQueue,
    dead_letters: DeadLetterQueue,
    clock_ms: Callable[[], int],
) -> Callable[[Any, Any], Mapping[str, Any]]:
    """The Lambda handler over these, by this clock (epoch milliseconds)."""

    def handle(event: Any, context: Any) -> Mapping[str, Any]:
        left_seconds = context.get_remaining_time_in_millis() / MS_PER_SECOND
        end = Deadline.after(left_seconds - SECONDS_BEFORE_LAMBDA_STOPS)
        failed = _Batch(table, bus, timers, dead_letters, clock_ms, end).handle(event["Records"])
        return {"batchItemFailures": [{"itemIdentifier": each} for each in failed]}

    return handle


@dataclass
class _Batch:
    """One invocation. Up to ten messages, which have nothing to do with each other."""

    table: SessionsTable
    bus: EventBus
    timers: MessageQueue
    dead_letters: DeadLetterQueue
    clock_ms: Callable[[], int]
    end: Deadline
    failures: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Which service was unavailable to a message, and why, by the message's ID."""
    letters: list[tuple[Any, Mapping[str, str]]] = field(default_factory=list)
    """Messages that become dead letters, and what there is to say about them."""
    counts: Counter[str] = field(default_factory=Counter)

    def handle(self, records: Sequence[Any]) -> Iterable[str]:
        """Handle the messages. Returns the IDs of those that are to be delivered again."""
        steps = [each for record in records if (each := self._step(record)) is not None]
        published = self._publish(steps)
        late_ms = self._late_ms(published)
        self._mark_published([each for each in published if each.is_expiry])
        done = [each for each in steps if each.message_id not in self.failures]
        self.counts["TimersEnded"] += sum(each.is_expiry for each in done)
        self._send_next(done)
        self._send_letters()
        self._count(len(records), published, late_ms)
        return self.failures

    def _step(self, record: Any) -> TimerStep | None:
        """What is due of the message's session; ``None`` if nothing is, or it cannot be said."""
        table = self.table.until(self._deadline(PUBLISH_SECONDS + FINISH_SECONDS))
        try:
            step = next_step(record, table, self.clock_ms())
        except (ClientError, StorageUnavailable) as unavailable:
            self._fail(record, "DynamoDB", _cause(unavailable))
            return None
        except Exception as error:  # noqa: BLE001 - a bug may cost this message, not the batch
            self._keep_as_dead_letter(record, error)
            return None
        if step is None:
            self.counts["TimersEnded"] += 1
        elif step.delivery.message.token is None:
            self.counts["TimersStarted"] += 1
        return step

    def _publish(self, steps: Iterable[TimerStep]) -> list[TimerStep]:
        """Publish what is due, and return it. An event that is refused does not stop its timer."""
        published: list[TimerStep] = []
        for request in _requests(self._with_events(steps)):
            events = [event for _, event in request]
            verdicts = self.bus.publish(events, self._deadline(FINISH_SECONDS))
            for (step, _), verdict in zip(request, verdicts, strict=True):
                match verdict:
                    case None:
                        published.append(step)
                    case ServiceUnavailable():
                        self._fail(step.record, verdict.service, verdict.reason)
                    case EventRefused() if verdict.code in TEMPORARY_CODES:
                        self._fail(step.record, "EventBridge", f"it refuses with {verdict.code}")
                    case _:
                        self._keep_as_dead_letter(step.record, verdict)
        return published

    def _with_events(self, steps: Iterable[TimerStep]) -> Iterable[tuple[TimerStep, Event]]:
        for step in steps:
            try:
                event = step.event()
            except Exception as error:  # noqa: BLE001 - it may cost this event, not the batch
                self._keep_as_dead_letter(step.record, error)
            else:
                if event is not None:
                    yield step, event

    def _late_ms(self, published: Iterable[TimerStep]) -> list[int]:
        now_ms = self.clock_ms()
        return [now_ms - each.due_since_ms for each in published]

    def _mark_published(self, expired: Iterable[TimerStep]) -> None:
        """Note it in the table, or DynamoDB's TTL would have it published again."""
        table = self.table.until(self.end)
        for step in expired:
            try:
                mark_published(table, step.session.session_id)
            except (ClientError, StorageUnavailable) as unavailable:
                self._fail(step.record, "DynamoDB", _cause(unavailable))

    def _send_next(self, steps: Iterable[TimerStep]) -> None:
        now_ms = self.clock_ms()
        following = [
            (step, message) for step in steps if (message := step.next_message(now_ms)) is not None
        ]
        verdicts = self.timers.send([message for _, message in following], self.end)
        for (step, _), verdict in zip(following, verdicts, strict=True):
            if verdict is not None:
                self._fail(step.record, verdict.service, verdict.reason)

    def _send_letters(self) -> None:
        letters = [DeadLetter(str(record.get("body")), facts) for record, facts in self.letters]
        verdicts = self.dead_letters.send(letters, self.end)
        for (record, facts), verdict in zip(self.letters, verdicts, strict=True):
            if verdict is None:
                count("DeadLetters", reason=facts["reason"])
            else:
                self._fail(record, verdict.service, verdict.reason)

    def _keep_as_dead_letter(self, record: Any, error: Exception) -> None:
        facts = {**reason_and_cause(error), "message_id": record["messageId"]}
        logger.error("timer: dead letter", extra=facts, exc_info=error if is_bug(error) else None)
        self.letters.append((record, facts))

    def _fail(self, record: Any, service: str, reason: str) -> None:
        """Have SQS deliver the message again."""
        self.failures[record["messageId"]] = service, reason

    def _deadline(self, then_seconds: float) -> Deadline:
        """The end, with so many seconds left for what comes then."""
        return Deadline(self.end.at_seconds - then_seconds)

    def _count(self, messages: int, published: Sequence[TimerStep], late_ms: list[int]) -> None:
        warned, expired = (
            [loggable(each.session.session_id) for each in published if each.is_expiry is is_expiry]
            for is_expiry in (False, True)
        )
        self.counts.update(TimerSteps=messages, Warnings=len(warned), Expiries=len(expired))
        told = {"outcome": "published", "warned_session_ids": warned, "session_ids": expired}
        count_all(+self.counts, {"Lateness": late_ms}, told if published else {})
        for service, causes in self._causes().items():
            facts = {"reason": service, "cause": loggable(causes[0])}
            logger.error("timers are delivered again", extra={**facts, "messages": len(causes)})
            count("BatchRetries", reason=service)

    def _causes(self) -> Mapping[str, list[str]]:
        """Why messages are delivered again, by service."""
        causes: dict[str, list[str]] = {}
        for service, cause in self.failures.values():
            causes.setdefault(service, []).append(cause)
        return causes


def _cause(unavailable: ClientError | StorageUnavailable) -> str:
    """Why DynamoDB did not do it. What it refuses is the deployment's fault, not the message's."""
    return str(unavailable) if isinstance(unavailable, ClientError) else unavailable.reason


def _requests(
    events: Iterable[tuple[TimerStep, Event]],
) -> Iterable[list[tuple[TimerStep, Event]]]:
    """The events, in requests that EventBridge takes."""
    request: list[tuple[TimerStep, Event]] = []
    for each in events:
        if request and not fit_one_request([*(event for _, event in request), each[1]]):
            yield request
            request = []
        request.append(each)
    if request:
        yield request
