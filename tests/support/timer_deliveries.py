"""Messages of the timer queue as SQS delivers them to TimerFunction."""

from typing import Any

from publishing.timer_messages import TimerMessage
from tests.support.sessions import NOON_MS


def delivery(
    message: TimerMessage | str, *, times: int = 1, first_received_at_ms: int = NOON_MS
) -> dict[str, Any]:
    """The record of a message, or of a text, that is delivered for so many times."""
    body = message if isinstance(message, str) else message.body
    return {
        "messageId": f"{hash((body, times)) & 0xFFFFFFFF:032x}",
        "receiptHandle": "a-receipt",
        "body": body,
        "attributes": {
            "ApproximateReceiveCount": str(times),
            "SentTimestamp": str(first_received_at_ms - 1000),
            "ApproximateFirstReceiveTimestamp": str(first_received_at_ms),
        },
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "awsRegion": "eu-west-1",
    }


def start(session_id: str = "a-session", **fields: Any) -> dict[str, Any]:
    """The delivery of the first message of this session's timer."""
    return delivery(TimerMessage(session_id), **fields)
