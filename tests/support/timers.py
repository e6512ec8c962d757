"""Timer messages as SQS delivers them to TimerFunction, and the function over doubles."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from local.gateway import LambdaContext
from publishing.timer_messages import TimerMessage
from storage.table import SessionsTable
from tests.support.functions import timer_function
from tests.support.scripted_eventbridge import ScriptedEventBridge
from tests.support.scripted_sqs import ScriptedSqs
from tests.support.sessions import NOON_MS
from tests.support.tables import item_with

TIMEOUT_SECONDS = 30
"""The function's, by template.yaml."""

Record = dict[str, Any]


def delivery(
    message: TimerMessage | str,
    number: int = 1,
    *,
    times: int = 1,
    received_at_ms: int = NOON_MS,
) -> Record:
    """The record of a message that is delivered for the so many-th time."""
    return {
        "messageId": f"message-{number}",
        "receiptHandle": "a receipt",
        "body": message if isinstance(message, str) else message.body,
        "attributes": {
            "ApproximateReceiveCount": str(times),
            "ApproximateFirstReceiveTimestamp": str(received_at_ms),
            "SenderId": "AROA:ExpiryFunction",
            "SentTimestamp": str(received_at_ms),
        },
        "messageAttributes": {},
        "md5OfBody": "00000000000000000000000000000000",
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:eu-west-1:123456789012:timers",
        "awsRegion": "eu-west-1",
    }


@dataclass
class Timers:
    """TimerFunction over this table. Its clock stands still, at noon unless a test moves it."""

    table: SessionsTable
    now_ms: int = NOON_MS
    bus: ScriptedEventBridge = field(default_factory=ScriptedEventBridge)
    queue: ScriptedSqs = field(default_factory=ScriptedSqs)
    letters: ScriptedSqs = field(default_factory=ScriptedSqs)
    seconds: float = TIMEOUT_SECONDS

    def handle(self, *records: Any) -> list[str]:
        """Invoke the function. Returns the IDs of the messages that are delivered again."""
        function = timer_function(
            self.table, self.bus.client, self.queue.client, self.letters.client, lambda: self.now_ms
        )
        context = LambdaContext("an invocation", self.seconds)
        answer = function({"Records": list(records)}, context)
        return [each["itemIdentifier"] for each in answer["batchItemFailures"]]

    def ring(self, session_id: str, **fields: Any) -> list[str]:
        """Deliver the message that the session's timer waits for, or its first."""
        token = item_with(self.table, session_id).get("timer", {}).get("S")
        message = TimerMessage(session_id, token, fields.pop("warned", None))
        return self.handle(delivery(message, received_at_ms=self.now_ms, **fields))

    @property
    def published(self) -> list[tuple[str, str]]:
        """What was published: the detail type, and of which session."""
        return [
            (entry["DetailType"], json.loads(entry["Detail"])["session"]["sessionId"])
            for entry in self.bus.taken
        ]

    @property
    def sent(self) -> list[Mapping[str, Any]]:
        """The messages that were sent, each with its delay in seconds."""
        return [
            {**json.loads(entry["MessageBody"]), "delay": entry["DelaySeconds"]}
            for entry in self.queue.taken
        ]

    @property
    def kept(self) -> Sequence[tuple[str, str, str]]:
        """The dead letters: body, reason and cause."""
        return [
            (
                entry["MessageBody"],
                entry["MessageAttributes"]["reason"]["StringValue"],
                entry["MessageAttributes"]["cause"]["StringValue"],
            )
            for entry in self.letters.taken
        ]
