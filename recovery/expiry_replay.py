"""Replays a dead letter of ExpiryFunction: by invoking it with the records.

What is published twice has the same ``eventId``, by which consumers recognise it.
"""

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from publishing.stream_records import sequence_number_of
from recovery.dead_letters import dead_letter_of, record_ids
from recovery.dropped_batches import RecordsGone, dropped_records
from recovery.output import shown
from recovery.pace import Pace
from recovery.replay import CAME_BACK, InvocationFailed, StillUnavailable

if TYPE_CHECKING:
    from types_boto3_dynamodbstreams import DynamoDBStreamsClient

Invoke = Callable[[object], object]
"""Invokes ExpiryFunction with an event, and returns its report."""


@dataclass
class ExpiryReplay:
    """Gives records to ExpiryFunction again."""

    streams: "DynamoDBStreamsClient"
    invoke: Invoke
    pace: Pace
    _replayed_ids: set[tuple[Any, str]] = field(default_factory=set)

    def reason_of(self, message: Mapping[str, Any]) -> str:
        """Why the message is in the queue."""
        return dead_letter_of(message).reason

    def replay(
        self, message: Mapping[str, Any], chosen: Collection[str], *, apply: bool
    ) -> str | None:
        """Invoke the function with the message's records, if they are to be replayed."""
        letter = dead_letter_of(message)
        why_left = letter.why_left(chosen)
        if why_left is not None:
            return why_left
        records = list(letter.records)
        if letter.position is not None:
            try:
                records = dropped_records(self.streams, letter.position)
            except RecordsGone as gone:
                return str(gone)
        if record_ids(records) & self._replayed_ids:
            return CAME_BACK
        if apply:
            self._replayed_ids |= record_ids(records)
            self._publish(records)
        return None

    def _publish(self, records: list[Any]) -> None:
        """Invoke the function until it has dealt with all records.

        Raises:
            InvocationFailed, StillUnavailable: it has not.
        """
        while records:
            failed_number = _failed_number(self.invoke({"Records": records}))
            self.pace.spend(1)
            if failed_number is None:
                return
            numbers = [sequence_number_of(record) for record in records]
            if failed_number not in numbers[1:]:  # no record of these was dealt with
                raise StillUnavailable("EventBridge or SQS is unavailable: try again later")
            records = records[numbers.index(failed_number) :]


def _failed_number(report: Any) -> str | None:
    """The sequence number from which on the function reports records as failed."""
    try:
        failures = report["batchItemFailures"]
        return failures[0]["itemIdentifier"] if failures else None
    except (KeyError, TypeError, IndexError):
        raise InvocationFailed(f"not a report: {shown(str(report)[:200])}") from None


def lambda_invoke(client: Any, function: str, alias: str) -> Invoke:
    """Invokes the version behind the function's alias, by this client of Lambda."""

    def invoke(event: object) -> object:
        try:
            reply: Mapping[str, Any] = client.invoke(
                FunctionName=function, Qualifier=alias, Payload=json.dumps(event).encode()
            )
            payload = reply["Payload"].read()
        except client.exceptions.ResourceNotFoundException:
            raise  # the same for every message
        except (BotoCoreError, ClientError) as error:
            raise InvocationFailed(str(error)) from error
        if "FunctionError" in reply:
            raise InvocationFailed(f"the function failed: {shown(payload[:200].decode())}")
        return json.loads(payload)

    return invoke
