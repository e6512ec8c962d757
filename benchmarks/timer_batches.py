"""The CPU of a batch of timer messages, beside that of the same requests of plain clients."""

import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import boto3

from benchmarks.api_events import Event
from benchmarks.bare_calls import CapturedRequest, CapturingClient, bare_call
from benchmarks.cpu import Measured, Pair, measure_rounds
from benchmarks.expiry_batches import moto_server
from benchmarks.measured_sessions import session
from benchmarks.measured_table import measured_table, set_environment
from benchmarks.measurements import Figures
from benchmarks.progress import Progress
from domain.session import Session
from domain.timers import Expire, due
from local.gateway import LambdaContext
from publishing.event_bus import EventBus
from publishing.message_queue import MAX_MESSAGES, MessageQueue
from publishing.timer_messages import Delivery, TimerMessage
from publishing.timer_step import TimerStep
from runtime.clock import epoch_ms
from runtime.deadline import NO_DEADLINE
from storage.item import item_of
from storage.table import SessionsTable
from storage.timer_update import claim, mark_announced, mark_published


@dataclass(frozen=True)
class Step:
    """What a message finds: a session that expires so many minutes from now."""

    name: str
    expires: int


STEP = Step("timer step", 20)
WARNING = Step("warning", 3)
EXPIRY = Step("expiry on time", -1)
STEPS = (STEP, WARNING, EXPIRY)

ROUNDS = 8
"""Half as many as of single calls: each has ten times as much to do."""


@dataclass(frozen=True)
class Timed:
    """A stored session, and the message that has its timer."""

    session: Session
    message: TimerMessage


def measure(progress: Progress) -> Figures:
    """Ten steps, and ten expiries: against DynamoDB Local, and moto's SQS and EventBridge."""
    with measured_table() as table, timer_queue() as queue_url:
        from handlers import timer  # noqa: PLC0415 - it reads the environment

        pairs = {each.name: pair(each, timer.handler, table, queue_url) for each in (STEP, EXPIRY)}
        return {"cpu": measure_rounds(pairs, progress, ROUNDS)}


@contextmanager
def timer_queue() -> Iterator[str]:
    """Moto's SQS and EventBridge, with the functions' environment. Yields the queue's URL."""
    with moto_server() as endpoint:
        queue = boto3.client("sqs", endpoint_url=endpoint).create_queue(QueueName="timers")
        set_environment(
            AWS_ENDPOINT_URL_EVENTBRIDGE=endpoint,
            AWS_ENDPOINT_URL_SQS=endpoint,
            TIMER_QUEUE_URL=queue["QueueUrl"],
        )
        yield queue["QueueUrl"]


def pair(step: Step, handler: Any, table: SessionsTable, queue_url: str) -> Pair:
    """The handling of ten messages, and the same requests of plain clients."""
    clients = {"put_events": boto3.client("events"), "send_message_batch": boto3.client("sqs")}

    def call(_: int) -> Measured:
        return partial(ring, handler, event_of(put_timed(table, step, MAX_MESSAGES)))

    def bare(number: int) -> Measured:
        timed = put_timed(table, step, MAX_MESSAGES)
        requests: list[Measured] = [
            bare_call(write, table, number) for each in timed for write in writes_of(step, each)
        ]
        for sent in sent_for(timed, queue_url):
            send = getattr(clients[sent.operation], sent.operation)
            requests.append(partial(send, **sent.arguments))
        return lambda: [request() for request in requests]

    return Pair(call, bare)


def put_timed(table: SessionsTable, step: Step, number: int) -> list[Timed]:
    """Store so many sessions, each with a timer whose message is on its way."""
    timed = []
    for _ in range(number):
        stored = session(str(uuid.uuid4()), created=-60, expires=step.expires)
        timed.append(Timed(stored, TimerMessage(stored.session_id, uuid.uuid4().hex)))
    puts: Any = []
    for each in timed:
        item = item_of(each.session, table.retention_seconds)
        puts.append({"PutRequest": {"Item": {**item, "timer": {"S": each.message.token}}}})
    table.client.batch_write_item(RequestItems={table.name: puts})
    return timed


def event_of(timed: Sequence[Timed]) -> Event:
    """The messages, as SQS delivers them to a function."""
    return {
        "Records": [
            {
                "messageId": str(uuid.uuid4()),
                "receiptHandle": "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a" * 5,
                "body": each.message.body,
                "attributes": {
                    "ApproximateReceiveCount": "1",
                    "SentTimestamp": str(epoch_ms()),
                    "SenderId": "AROAWXCLQZJ7EXAMPLE00:timers",
                    "ApproximateFirstReceiveTimestamp": str(epoch_ms()),
                },
                "messageAttributes": {},
                "md5OfBody": "7b270e59b47ff90a553787216d55d91d",
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:sessions-TimerQueue-8ZRcE4",
                "awsRegion": "us-east-1",
            }
            for each in timed
        ]
    }


def ring(handler: Any, event: Event) -> None:
    """Have the function handle all messages."""
    assert handler(event, LambdaContext("invocation")) == {"batchItemFailures": []}


def writes_of(step: Step, timed: Timed) -> list[Callable[[SessionsTable, int], object]]:
    """What the function writes of the message's session."""
    session_id, token = timed.message.session_id, timed.message.token
    writes: list[Callable[[SessionsTable, int], object]] = [
        lambda table, _: claim(table, session_id, token, delivered_before=False)
    ]
    if step is EXPIRY:
        writes.append(lambda table, _: mark_announced(table, session_id, epoch_ms()))
        writes.append(lambda table, _: mark_published(table, session_id))
    return writes


def sent_for(timed: Sequence[Timed], queue_url: str) -> list[CapturedRequest]:
    """The requests to the bus and to the queue that the function makes for the messages."""
    steps = [_step(each) for each in timed]
    now_ms = epoch_ms()
    events = [event for each in steps if (event := each.event()) is not None]
    messages = [each.next_message(now_ms) for each in steps if not isinstance(each.action, Expire)]
    client = cast("Any", CapturingClient(exceptions=None))
    sent = []
    for send in (
        lambda: events and EventBus(client, "default").publish(events, NO_DEADLINE),
        lambda: MessageQueue(client, queue_url).send([*filter(None, messages)], NO_DEADLINE),
    ):
        try:
            send()
        except CapturedRequest as request:
            sent.append(request)
    return sent


def _step(timed: Timed) -> TimerStep:
    now_ms = epoch_ms()
    delivery = Delivery(timed.message, now_ms, receive_count=1)
    action = due(timed.session, now_ms, timed.message.warned_expiry_ms)
    return TimerStep({}, delivery, timed.session, now_ms, now_ms, uuid.uuid4().hex, action)
