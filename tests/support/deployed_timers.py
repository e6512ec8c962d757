"""What the timers of a deployed stack publish, as it reaches a consumer, and how late."""

import json
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.deployed_stack import DeployedStack
from tests.support.emulator import Emulator
from tests.support.queues import Queue
from tests.support.tables import item_with

EXAMPLE = Path(__file__).parent.parent.parent / "examples" / "consumer.yaml"
POLL_SECONDS = 0.2


@dataclass(frozen=True)
class Announcement:
    """An event, and when it was sent to the consumer's queue (epoch milliseconds)."""

    event: Any
    at_ms: int

    @property
    def detail_type(self) -> str:
        """Which event it is."""
        return str(self.event["detail-type"])

    @property
    def detail(self) -> Any:
        """The event's detail."""
        return self.event["detail"]

    @property
    def session_id(self) -> str:
        """The session that it is about."""
        return str(self.detail["session"]["sessionId"])


@dataclass
class EventConsumer:
    """A consumer of both events of a bus. It keeps what it has received."""

    queue: Queue
    received: list[Announcement] = field(default_factory=list)

    def about(self, session_id: str, detail_type: str | None = None) -> list[Announcement]:
        """What was received so far about this session, the earliest first."""
        self._receive()
        return [
            each
            for each in self.received
            if each.session_id == session_id and detail_type in (None, each.detail_type)
        ]

    def wait_for(self, session_id: str, detail_type: str, seconds: float) -> Announcement:
        """The first such event about this session.

        Raises:
            AssertionError: there is none after so many seconds.
        """
        wait_until(lambda: bool(self.about(session_id, detail_type)), seconds)
        return self.about(session_id, detail_type)[0]

    def _receive(self) -> None:
        client, url = self.queue.client, self.queue.url
        while batch := client.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, MessageSystemAttributeNames=["SentTimestamp"]
        ).get("Messages"):
            for message in batch:
                sent_at_ms = int(message["Attributes"]["SentTimestamp"])
                self.received.append(Announcement(json.loads(message["Body"]), sent_at_ms))
                client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        self.received.sort(key=lambda each: each.at_ms)


def deployed_consumer(emulator: Emulator, bus: str, stack_name: str) -> EventConsumer:
    """The consumer of examples/consumer.yaml, on a bus that is there."""
    cloudformation = emulator.client("cloudformation")
    cloudformation.create_stack(
        StackName=stack_name,
        TemplateBody=EXAMPLE.read_text(),
        Parameters=[{"ParameterKey": "EventBusName", "ParameterValue": bus}],
    )
    cloudformation.get_waiter("stack_create_complete").wait(
        StackName=stack_name, WaiterConfig={"Delay": 1}
    )
    (stack,) = cloudformation.describe_stacks(StackName=stack_name)["Stacks"]
    outputs = {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}
    return EventConsumer(Queue(emulator.client("sqs"), outputs["QueueUrl"]))


def timer_starts(stack: DeployedStack, session_id: str, seconds: float) -> bool:
    """Whether the session has a timer within so many seconds."""
    with suppress(AssertionError):
        wait_until(lambda: "timer" in item_with(stack.table, session_id), seconds)
        return True
    return False


def wait_until(is_so: Callable[[], bool], seconds: float) -> None:
    """Look again and again.

    Raises:
        AssertionError: it is not so after that many seconds.
    """
    give_up_at = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < give_up_at, f"not within {seconds} s"
        time.sleep(POLL_SECONDS)
