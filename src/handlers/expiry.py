"""ExpiryFunction: sessions that DynamoDB removed by their TTL, announced as events."""

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, ExceptionInfo
from aws_lambda_powertools.utilities.data_classes.dynamo_db_stream_event import DynamoDBRecord

from handlers.clock import epoch_ms
from handlers.observability import count, loggable, logger
from handlers.session_info import session_expired_json
from handlers.settings import PublishingSettings
from publishing.bus import MAX_ENTRIES, Event, EventBus, requests
from publishing.clients import eventbridge_client, sqs_client
from publishing.dead_letters import DeadLetterQueue
from publishing.errors import EventRefused, EventTooLarge, Unavailable
from storage.errors import InvalidItem, InvalidRecord
from storage.expiry import expiry_of

DETAIL_TYPE = "SessionExpired"
UNKNOWN = "unknown"

RESERVE_MS = 150_000
"""What a request, or a dead letter, may take on a bad day: with less time left, none begins."""

MAX_WAIT_MS = 6 * 3_600_000
"""How long after the removal a record waits for the bus, before it is kept as a dead letter."""


@dataclass(frozen=True, slots=True)
class Failure:
    """What a record's failure is called, and what its error says of the cause."""

    reason: str
    cause: Callable[[Any], str]


FAILURES: Mapping[type[BaseException] | None, Failure] = {
    InvalidRecord: Failure("INVALID_RECORD", lambda error: error.defect),
    InvalidItem: Failure("NOT_A_SESSION", lambda error: error.defect),
    EventTooLarge: Failure("EVENT_TOO_LARGE", lambda error: f"{error.size_bytes} bytes"),
    EventRefused: Failure("EVENT_REFUSED", lambda error: error.code),
    Unavailable: Failure("BUS_UNAVAILABLE", lambda error: error.reason),
}
BUG = Failure("INTERNAL_ERROR", lambda error: type(error).__name__)
OUT_OF_TIME = Unavailable("Lambda", "the function's time is short")


class ExpiryProcessor(BatchProcessor):
    """Powertools' batch processing of some records, settled in the order of the stream.

    Lambda takes what is before the first record that is reported to it for done, and brings back
    everything from it on. So a failure that is the record's own is not reported: the record is
    kept as a dead letter. And the first record that has to come back is the last one touched.
    """

    def __init__(
        self,
        bus: EventBus,
        dead_letters: DeadLetterQueue,
        clock_ms: Callable[[], int],
        remaining_ms: Callable[[], int],
    ) -> None:
        super().__init__(EventType.DynamoDBStreams, raise_on_entire_batch_failure=False)
        self._bus = bus
        self._dead_letters = dead_letters
        self._clock_ms = clock_ms
        self._remaining_ms = remaining_ms
        self._has_begun = False

    def process(self) -> list[Any]:
        """Read every record, and settle one request or one failure after the other."""
        outcomes = super().process()
        for state, records, results in steps(outcomes):
            # Something is always begun, or a batch could come back for ever.
            if self._has_begun and self._is_late():
                self._report(records[0], OUT_OF_TIME)
            elif state == "success":
                self._publish(records, results)
            else:
                self._keep(records[0], results[0])
            self._has_begun = True
            if self.fail_messages:
                break
        return outcomes

    def failure_handler(self, record: Any, exception: ExceptionInfo) -> Any:
        """Leave it for its turn: what is before it comes first."""
        return "fail", exception[1], record.raw_event

    def _is_late(self) -> bool:
        return self._remaining_ms() < RESERVE_MS

    def _publish(self, records: Sequence[Any], events: Sequence[Event]) -> None:
        verdicts = self._bus.publish(events)
        settled = list(zip(records, events, verdicts, strict=True))
        published = [session_id_of(record) for record, _, verdict in settled if verdict is None]
        if published:
            logger.info("announced", extra={"outcome": "announced", "session_ids": published})
            count("Expiries", times=len(published))
        for record, event, verdict in settled:
            may_wait = self._clock_ms() - event.at_ms < MAX_WAIT_MS or self._is_late()
            if isinstance(verdict, Unavailable) and may_wait:
                self._report(record, verdict)
            elif verdict is not None:
                self._keep(record, verdict)
            if self.fail_messages:
                break

    def _keep(self, record: Any, error: BaseException) -> None:
        """Keep the record as a dead letter, or have it come back if that cannot be."""
        failure = FAILURES.get(type(error), BUG)
        facts = {
            "reason": failure.reason,
            "cause": loggable(failure.cause(error)),
            "sequence_number": sequence_number_of(record),
        }
        logger.error("not announced", extra=facts, exc_info=error if failure is BUG else None)
        try:
            self._dead_letters.send(record, facts)
        except Unavailable as unavailable:
            self._report(record, unavailable)
        else:
            count("DeadLetters", failure.reason)

    def _report(self, record: Any, unavailable: Unavailable) -> None:
        """Have Lambda bring the batch back from this record on.

        Raises:
            Unavailable: the record cannot be named. Lambda brings the whole batch back.
        """
        number = sequence_number_of(record)
        facts = {"reason": unavailable.service, "cause": loggable(unavailable.reason)}
        log = logger.warning if unavailable is OUT_OF_TIME else logger.error
        log("comes back", extra={**facts, "sequence_number": number})
        count("Returns", reason=unavailable.service)
        if number == UNKNOWN:
            raise unavailable
        super().failure_handler(DynamoDBRecord(record), (Unavailable, unavailable, None))


def steps(outcomes: Iterable[Any]) -> Iterator[tuple[str, Sequence[Any], Sequence[Any]]]:
    """What is settled at once, in order: the events of a request, or one failure.

    Each is a state (``success`` or ``fail``), records, and their events or their one error.
    """
    for state, run in groupby(outcomes, key=itemgetter(0)):
        _, results, records = zip(*run, strict=True)
        if state == "success":
            for part in requests(results):
                yield state, records[part], results[part]
        else:
            for record, error in zip(records, results, strict=True):
                yield state, [record], [error]


def expiry_handler(
    bus: EventBus, dead_letters: DeadLetterQueue, clock_ms: Callable[[], int]
) -> Callable[[Any, Any], Mapping[str, Any]]:
    """The function over this bus and this queue, by this clock (epoch milliseconds)."""

    def announce_expiries(event: Any, context: Any) -> Mapping[str, Any]:
        records = event["Records"]
        remaining_ms = context.get_remaining_time_in_millis
        processor = ExpiryProcessor(bus, dead_letters, clock_ms, remaining_ms)
        # No more is read at a time than goes out together: a large batch takes no more memory.
        for start in range(0, len(records), MAX_ENTRIES):
            with processor(records[start : start + MAX_ENTRIES], session_expired):
                processor.process()
            if processor.fail_messages:
                break
        return processor.response()

    return announce_expiries


def session_expired(record: DynamoDBRecord) -> Event:
    """The event that announces the expiry which the record tells of."""
    expiry = expiry_of(record.raw_event)
    return Event(DETAIL_TYPE, session_expired_json(expiry), expiry.removed_at_ms)


def session_id_of(record: Any) -> str:
    """Whose expiry a record, that was read, tells of; for the log."""
    return loggable(record["dynamodb"]["OldImage"]["sessionId"]["S"])


def sequence_number_of(record: Any) -> str:
    """Where the record stands in its shard."""
    try:
        number = record["dynamodb"]["SequenceNumber"]
        return number if re.fullmatch("[0-9]{1,40}", number) else UNKNOWN
    except (KeyError, TypeError):
        return UNKNOWN


settings = PublishingSettings.from_environment(os.environ)
handler = expiry_handler(
    EventBus(eventbridge_client(), settings.event_bus),
    DeadLetterQueue(sqs_client(), settings.dead_letter_queue_url),
    epoch_ms,
)
