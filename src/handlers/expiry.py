"""ExpiryFunction: sessions that DynamoDB removed by their TTL, announced as events."""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    ExceptionInfo,
    FailureResponse,
)
from aws_lambda_powertools.utilities.data_classes.dynamo_db_stream_event import DynamoDBRecord

from handlers.observability import count, loggable, logger
from handlers.session_info import session_expired_json
from handlers.settings import PublishingSettings
from publishing.bus import MAX_ENTRIES, Event, EventBus
from publishing.clients import eventbridge_client, sqs_client
from publishing.dead_letters import DeadLetterQueue
from publishing.errors import EventRefused, EventTooLarge, Unavailable
from storage.errors import InvalidItem, InvalidRecord
from storage.expiry import expiry_of

DETAIL_TYPE = "SessionExpired"

RESERVE_MS = 90_000
"""What ten records may take on a bad day: with less time left, no more are begun."""


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
}
OUT_OF_TIME = Unavailable("Lambda", "the function's time is short")
BUG = Failure("INTERNAL_ERROR", lambda error: type(error).__name__)


class ExpiryProcessor(BatchProcessor):
    """Powertools' batch processing, for up to ten records that are published together.

    Lambda brings back every record from the first one on that is reported to it. So a failure
    that is the record's own is not reported: the record is kept as a dead letter.
    """

    def __init__(self, bus: EventBus, dead_letters: DeadLetterQueue) -> None:
        super().__init__(EventType.DynamoDBStreams, raise_on_entire_batch_failure=False)
        self._bus = bus
        self._dead_letters = dead_letters

    def process(self) -> list[Any]:
        """Read every record, and publish what they tell of."""
        outcomes = super().process()
        if self.fail_messages:
            # Lambda takes what is before a reported record for done, so nothing is sent of it.
            self.bring_back(self.exceptions[0])
            return outcomes
        read = [(record, event) for state, event, record in outcomes if state == "success"]
        verdicts = self._bus.publish([event for _, event in read])
        published = []
        for (record, _), verdict in zip(read, verdicts, strict=True):
            if verdict is None:
                published.append(loggable(record["dynamodb"]["OldImage"]["sessionId"]["S"]))
            else:
                self.failure_handler(DynamoDBRecord(record), (type(verdict), verdict, None))
        if published:
            logger.info("announced", extra={"outcome": "announced", "session_ids": published})
            count("Expiries", times=len(published))
        return outcomes

    def bring_back(self, why: ExceptionInfo) -> None:
        """Report every record, whatever became of it."""
        self.fail_messages.clear()
        for record in self.records:
            super().failure_handler(DynamoDBRecord(record), why)

    def failure_handler(self, record: Any, exception: ExceptionInfo) -> FailureResponse:
        """Keep the record as a dead letter; report it where that cannot be, or would not help."""
        kind, error, _ = exception
        if self.fail_messages or kind is Unavailable:
            return super().failure_handler(record, exception)
        failure = FAILURES.get(kind, BUG)
        facts = {
            "reason": failure.reason,
            "cause": failure.cause(error),
            "sequence_number": sequence_number_of(record.raw_event),
        }
        logger.error("not announced", extra=facts, exc_info=error if failure is BUG else None)
        try:
            self._dead_letters.send(record.raw_event, facts)
        except Unavailable as unavailable:
            return super().failure_handler(record, (Unavailable, unavailable, None))
        count("DeadLetters", failure.reason)
        return "fail", failure.reason, record


def expiry_handler(
    bus: EventBus, dead_letters: DeadLetterQueue
) -> Callable[[Any, Any], Mapping[str, Any]]:
    """The function over this bus and this queue."""

    def announce_expiries(event: Any, context: Any) -> Mapping[str, Any]:
        records = event["Records"]
        processor = ExpiryProcessor(bus, dead_letters)
        for start in range(0, len(records), MAX_ENTRIES):
            with processor(records[start : start + MAX_ENTRIES], session_expired):
                if start and context.get_remaining_time_in_millis() < RESERVE_MS:
                    processor.bring_back((Unavailable, OUT_OF_TIME, None))
                else:
                    processor.process()
            if processor.fail_messages:
                log_return(processor.response(), processor.exceptions[0][1])
                break
        return processor.response()

    return announce_expiries


def session_expired(record: DynamoDBRecord) -> Event:
    """The event that announces the expiry which the record tells of."""
    expiry = expiry_of(record.raw_event)
    return Event(DETAIL_TYPE, session_expired_json(expiry), expiry.removed_at_ms)


def log_return(report: Mapping[str, Any], unavailable: Any) -> None:
    """Note from which record on Lambda is to bring the batch back, and why."""
    first = report["batchItemFailures"][0]["itemIdentifier"]
    facts = {"reason": unavailable.service, "cause": unavailable.reason, "sequence_number": first}
    logger.error("comes back", extra=facts)
    count("Returns", reason=unavailable.service)


def sequence_number_of(record: Any) -> str:
    """Where the record stands in its shard, for the log."""
    try:
        number = str(record["dynamodb"]["SequenceNumber"])
    except (KeyError, TypeError):
        return "unknown"
    return number if re.fullmatch("[0-9]{1,40}", number) else "unknown"


settings = PublishingSettings.from_environment(os.environ)
handler = expiry_handler(
    EventBus(eventbridge_client(), settings.event_bus),
    DeadLetterQueue(sqs_client(), settings.dead_letter_queue_url),
)
