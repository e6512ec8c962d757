"""The command that replays the timers' dead letters: moto's queues, and the real handler."""

import json
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from publishing.dead_letters import DeadLetter, DeadLetterQueue
from publishing.event_bus import EventBus
from publishing.message_queue import MessageQueue
from publishing.timer_handler import timer_handler
from publishing.timer_messages import TimerMessage, timer_message_of
from recovery.__main__ import main
from recovery.dead_letters import UNREADABLE
from recovery.pace import Pace
from recovery.replay import CAME_BACK, DeadLetterReplay, Replayed
from recovery.timer_replay import RECEIVED_TOO_OFTEN, TimerReplay
from runtime.deadline import Deadline
from storage.table import SessionsTable
from storage.timer_update import claim
from tests.support.queues import BUS, Queue, create_queue
from tests.support.scripted_eventbridge import ScriptedEventBridge, client_error
from tests.support.sessions import NOON_MS, session
from tests.support.stream_records import Invocation
from tests.support.tables import put

FULL_SPEED = 1e9
TOKEN = "0123456789abcdef0123456789abcdef"  # noqa: S105 - of a timer


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let looks at an empty queue take no time."""
    monkeypatch.setattr("recovery.replay.LOOK_SECONDS", 0)


@dataclass
class Queues:
    """The timers' queue, and that of their dead letters."""

    timers: Queue
    dead_letters: Queue

    def move(self, *session_ids: str, token: str | None = TOKEN) -> None:
        """Have these sessions' messages as SQS moves them: without any attribute."""
        for each in session_ids:
            body = TimerMessage(each, token).body
            self.dead_letters.client.send_message(QueueUrl=self.dead_letters.url, MessageBody=body)

    def keep(self, body: str, reason: str, cause: str = "it says why") -> None:
        """Keep the message as the function does."""
        letters = DeadLetterQueue(MessageQueue(self.dead_letters.client, self.dead_letters.url))
        letter = DeadLetter(body, {"reason": reason, "cause": cause, "message_id": "1"})
        assert letters.send([letter], Deadline.after(5)) == [None]

    def replay(
        self, *, apply: bool = True, chosen: tuple[str, ...] = (), max_messages: int = 5_000
    ) -> Replayed:
        """What a replay comes to."""
        client = self.dead_letters.client
        handler = TimerReplay(client, self.timers.url, Pace(FULL_SPEED))
        outcome = Replayed()
        DeadLetterReplay(client, self.dead_letters.url, handler, chosen, max_messages, apply).run(
            outcome
        )
        return outcome

    @property
    def waiting(self) -> int:
        """How many dead letters anybody can receive."""
        reply = self.dead_letters.client.get_queue_attributes(
            QueueUrl=self.dead_letters.url, AttributeNames=["All"]
        )
        return int(reply["Attributes"]["ApproximateNumberOfMessages"])

    @property
    def sent(self) -> list[TimerMessage]:
        """Receive and delete what was sent to the timers' queue."""
        return [timer_message_of(each["Body"]) for each in self.timers.messages()]


@pytest.fixture
def queues() -> Iterator[Queues]:
    """Both queues, in moto."""
    with mock_aws():
        client = boto3.client("sqs")
        names = (f"{name}-{uuid.uuid4()}" for name in ("timers", "dead-letters"))
        yield Queues(*(create_queue(client, name) for name in names))


def test_what_sqs_has_moved_is_sent_as_replayed_and_deleted(queues: Queues) -> None:
    queues.move("one", "two")
    outcome = queues.replay()
    assert outcome.by_reason == {RECEIVED_TOO_OFTEN: 2}
    assert (outcome.replayed, outcome.all_done) == (2, True)
    assert {each.session_id for each in queues.sent} == {"one", "two"}
    assert queues.waiting == 0


def test_a_replay_keeps_all_that_the_message_says(queues: Queues) -> None:
    before = TimerMessage("one", TOKEN, warned_expiry_ms=5)
    queues.keep(before.body, "EVENT_REFUSED", "ThrottlingException")
    queues.replay()
    assert queues.sent == [TimerMessage("one", TOKEN, warned_expiry_ms=5, replayed=True)]


def test_a_dry_run_counts_by_reason_and_leaves_all_visible(queues: Queues) -> None:
    queues.move(*(f"session-{number}" for number in range(12)))
    queues.keep("no JSON", "INVALID_RECORD")
    outcome = queues.replay(apply=False)
    assert outcome.by_reason == {RECEIVED_TOO_OFTEN: 12, "INVALID_RECORD": 1}
    assert (outcome.replayed, sum(outcome.left.values())) == (12, 1)
    assert queues.sent == []
    assert queues.waiting == 13


LEFT = {
    "INVALID_RECORD": "no timer of a session",
    "NOT_A_SESSION": "repair or delete the item",
    "EVENT_TOO_LARGE": "other means",
    "INTERNAL_ERROR": "a bug",
    "EVENT_REFUSED": "for good",
}


@pytest.mark.parametrize("reason", LEFT)
def test_what_a_replay_does_not_help_is_left_with_advice(queues: Queues, reason: str) -> None:
    queues.keep(TimerMessage("one", TOKEN).body, reason)
    (why,) = queues.replay().left
    assert why.startswith(f"{reason}: ")
    assert LEFT[reason] in why
    assert queues.waiting == 1


@pytest.mark.parametrize("reason", LEFT)
def test_a_reason_that_is_named_is_replayed(queues: Queues, reason: str) -> None:
    queues.keep(TimerMessage("one", TOKEN).body, reason)
    queues.move("two")
    outcome = queues.replay(chosen=(reason,))
    assert [each.session_id for each in queues.sent] == ["one"]
    assert sum(outcome.left.values()) == queues.waiting == 1


@pytest.mark.parametrize("body", [" ", "[]", '"text"', "{}", '{"sessionId": 5}', "[" * 100_000])
@pytest.mark.parametrize("reason", ["INVALID_RECORD", None])
def test_what_is_no_timer_message_is_left(queues: Queues, body: str, reason: str | None) -> None:
    if reason is None:
        queues.dead_letters.client.send_message(QueueUrl=queues.dead_letters.url, MessageBody=body)
        assert queues.replay().by_reason == {UNREADABLE: 1}
    else:
        queues.keep(body, reason)
    assert queues.replay(chosen=("INVALID_RECORD",)).replayed == 0
    assert queues.waiting == 1


def test_a_replay_ends_although_a_message_comes_back(queues: Queues) -> None:
    """The function keeps the replayed message as a dead letter while the command goes on."""
    message = TimerMessage("one", TOKEN)
    queues.keep(message.body, "EVENT_REFUSED")
    queues.keep(TimerMessage("one", TOKEN, replayed=True).body, "EVENT_REFUSED")
    outcome = queues.replay(chosen=("EVENT_REFUSED",))
    assert outcome.replayed == 1
    assert outcome.left == {f"EVENT_REFUSED: {CAME_BACK}": 1}


def test_an_interruption_loses_nothing_and_the_next_run_goes_on(
    queues: Queues, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It comes at the worst moment: the message is sent, and not deleted yet."""
    queues.move(*(f"session-{number}" for number in range(5)))
    spent = iter(range(2))

    def interrupted(*_: object) -> None:
        if next(spent, None) is None:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("recovery.pace.Pace.spend", interrupted)
        with pytest.raises(KeyboardInterrupt):
            queues.replay()
    assert queues.waiting == 3

    assert queues.replay().all_done
    times = Counter(each.session_id for each in queues.sent)
    assert sorted(times.values()) == [1, 1, 1, 1, 2]
    assert queues.waiting == 0


@pytest.mark.parametrize("operation", ["SendMessage", "DeleteMessage"])
def test_a_queue_that_fails_ends_the_run_and_loses_nothing(queues: Queues, operation: str) -> None:
    queues.move("one", "two")
    client = queues.dead_letters.client
    event = f"before-call.sqs.{operation}"

    def fail(**_: object) -> None:
        raise client_error("InternalError", 500)

    client.meta.events.register(event, fail)
    with pytest.raises(ClientError):
        queues.replay()
    client.meta.events.unregister(event, fail)
    assert queues.waiting == 2
    assert queues.replay().all_done
    assert {each.session_id for each in queues.sent} == {"one", "two"}


def test_a_run_is_bounded_and_the_next_one_goes_on(queues: Queues) -> None:
    queues.move(*(f"session-{number}" for number in range(50)))
    runs = [queues.replay(max_messages=30) for _ in range(2)]
    assert [each.replayed for each in runs] == [30, 20]
    assert [each.all_done for each in runs] == [False, True]
    assert len({each.session_id for each in queues.sent}) == 50


def delivered(message: TimerMessage, body: str | None = None) -> Mapping[str, Any]:
    """The event of a message that was never received before."""
    attributes = {
        "ApproximateReceiveCount": "1",
        "ApproximateFirstReceiveTimestamp": str(NOON_MS),
    }
    record = {"messageId": "1", "body": body or message.body, "attributes": attributes}
    return {"Records": [record]}


@pytest.mark.parametrize("replayed", [False, True], ids=["redriven", "replayed"])
def test_only_a_replayed_message_takes_its_timer_over(
    queues: Queues, table_on_moto: SessionsTable, replayed: bool
) -> None:
    """Its own handling failed after its claim: another token is stored, of a message never sent."""
    put(table_on_moto, session("one", expires=-1))
    claim(table_on_moto, "one", None, delivered_before=False)
    queues.move("one")
    if replayed:
        queues.replay()
    (message,) = queues.sent if replayed else [TimerMessage("one", TOKEN)]
    bus = ScriptedEventBridge()
    timers = MessageQueue(queues.timers.client, queues.timers.url)
    letters = DeadLetterQueue(MessageQueue(queues.dead_letters.client, queues.dead_letters.url))
    handler = timer_handler(
        table_on_moto, EventBus(bus.client, BUS), timers, letters, lambda: NOON_MS
    )
    assert handler(delivered(message), Invocation()) == {"batchItemFailures": []}
    published = [json.loads(each["Detail"])["session"]["sessionId"] for each in bus.taken]
    assert published == (["one"] if replayed else [])


def test_the_command_shows_what_it_would_do(
    queues: Queues, capsys: pytest.CaptureFixture[str]
) -> None:
    queues.move("one")
    queues.keep("{}", "INVALID_RECORD")
    urls = ["--queue-url", queues.dead_letters.url, "--timer-queue-url", queues.timers.url]
    assert main(["replay-timers", *urls]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "1 messages: INVALID_RECORD",
        "1 messages: RECEIVED_TOO_OFTEN",
        "1 to be replayed",
        "1 left, INVALID_RECORD: no timer of a session: look at it, then delete it",
        "This was a dry run: nothing was replayed. Add --apply to replay.",
    ]


def test_the_command_replays_with_apply(queues: Queues, capsys: pytest.CaptureFixture[str]) -> None:
    queues.move("one")
    urls = ["--queue-url", queues.dead_letters.url, "--timer-queue-url", queues.timers.url]
    assert main(["replay-timers", *urls, "--apply"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "1 replayed and deleted"
    assert [each.session_id for each in queues.sent] == ["one"]
