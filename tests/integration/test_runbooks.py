"""The runbooks of docs/operations.md: one for each alarm, tried as far as it can be without AWS.

Each fault is made, the alarm is held to the metrics that the functions then emit, and what the
runbook says is done. Metrics of API Gateway and SQS are counted from what these would count.
"""

import json
import re
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from api.error_responses import ERRORS
from domain.session import MS_PER_MINUTE
from publishing.dead_letters import DeadLetterQueue
from publishing.event_bus import EventBus
from publishing.failures import BUG, FAILURES
from publishing.message_queue import MessageQueue
from publishing.timer_handler import timer_handler
from publishing.timer_messages import TimerMessage
from storage.item import item_of
from storage.table import SessionsTable
from tests.support.alarms import Alarm, Metric, alarms_of
from tests.support.api_events import LAMBDA_CONTEXT, Answered, api_event, renewal_event
from tests.support.dashboards import queries_of
from tests.support.deployed_template import Deployment
from tests.support.emitted_lines import captured_lines, counted
from tests.support.faulty_dynamodb import Fault, FaultyDynamoDB, deny, fail, pass_on, refuse_with
from tests.support.functions import (
    expiry_function,
    renew_function,
    sessions_function,
    timer_function,
)
from tests.support.queues import Queue
from tests.support.scenarios import NOT_A_SESSION
from tests.support.scripted_eventbridge import ScriptedEventBridge, refuse, take
from tests.support.scripted_sqs import ScriptedSqs
from tests.support.sessions import NOON_MS, session
from tests.support.stream_records import Invocation, ttl_deletions
from tests.support.tables import RETENTION_SECONDS, put
from tests.support.timer_deliveries import delivery

OPERATIONS = (Path(__file__).parent.parent.parent / "docs" / "operations.md").read_text()
PARTS = ("Means", "Look", "Do", "Clears")
STACK = Deployment()
TOKEN = "5" * 32
ALARMS = alarms_of(STACK)
SECTIONS = dict(re.findall(r"^### (\w+)\n(.*?)(?=^##)", OPERATIONS, re.MULTILINE | re.DOTALL))
"""The text of each section of the third level whose heading is one word."""


def test_each_alarm_has_its_runbook_and_each_runbook_its_alarm() -> None:
    assert {name for name in SECTIONS if name.endswith("Alarm")} == set(ALARMS)


@pytest.mark.parametrize("name", ALARMS)
def test_a_runbook_says_what_it_means_how_to_look_what_to_do(name: str) -> None:
    missing = [part for part in PARTS if f"**{part}**" not in SECTIONS[name]]
    assert missing == []


@pytest.mark.parametrize("name", ALARMS)
def test_the_table_of_alarms_leads_to_each_runbook(name: str) -> None:
    assert f"[`{name}`](#{name.lower()})" in OPERATIONS


def test_each_reason_of_dead_letters_says_what_to_do() -> None:
    for failure in [*FAILURES.values(), BUG]:
        assert f"| `{failure.reason}` |" in OPERATIONS


def test_each_reason_of_refusals_is_in_the_runbook_of_refusals() -> None:
    for row in ERRORS.values():
        if row.metric == "Refusals":
            assert f"`{row.code}`" in SECTIONS["ApiRefusalsAlarm"]


def test_each_saved_query_is_described() -> None:
    for query in queries_of(STACK):
        if query.name.startswith(f"{STACK.stack}/"):
            assert f"| {query.name.partition('/')[2]} |" in OPERATIONS


def of_the_gateway(answers: Iterable[Answered]) -> dict[Metric, float]:
    """What API Gateway counts of these answers."""
    statuses = [answer.status for answer in answers]
    api = frozenset({("ApiId", STACK.value("SessionsApi"))})
    return {
        Metric("AWS/ApiGateway", "Count", api): len(statuses),
        Metric("AWS/ApiGateway", "4xx", api): sum(400 <= status < 500 for status in statuses),
        Metric("AWS/ApiGateway", "5xx", api): sum(status >= 500 for status in statuses),
    }


def is_off(alarm: Alarm, call: Callable[[], Answered], times: int = 100) -> bool:
    """Whether the alarm goes off when so many calls are made within its period."""
    with captured_lines() as lines:
        answers = [call() for _ in range(times)]
    return alarm.is_off(counted(lines) | of_the_gateway(answers))


@pytest.fixture
def renewal(
    table_behind_faults: SessionsTable, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], Answered]:
    """A renewal over a DynamoDB that can be made to fail. Pauses take no time."""
    monkeypatch.setattr(time, "sleep", lambda _: None)
    function = renew_function(table_behind_faults, lambda: NOON_MS)
    return lambda: Answered(function(renewal_event(), LAMBDA_CONTEXT))


@pytest.mark.parametrize(("name", "calls"), [("StorageFaultsAlarm", 6), ("ApiErrorsAlarm", 100)])
@pytest.mark.parametrize("fault", [fail, refuse_with("ProvisionedThroughputExceededException")])
def test_an_outage_of_dynamodb_sets_it_off_until_it_is_over(
    renewal: Callable[[], Answered], dynamodb: FaultyDynamoDB, fault: Fault, name: str, calls: int
) -> None:
    dynamodb.faults = [fault]
    assert is_off(ALARMS[name], renewal, calls)
    dynamodb.faults = [pass_on]
    assert not is_off(ALARMS[name], renewal, calls)


@pytest.mark.parametrize("name", ["InternalErrorsAlarm", "ApiErrorsAlarm"])
def test_a_missing_permission_sets_it_off_until_it_is_granted(
    renewal: Callable[[], Answered], dynamodb: FaultyDynamoDB, name: str
) -> None:
    dynamodb.faults = [deny]
    assert is_off(ALARMS[name], renewal)
    dynamodb.faults = [pass_on]
    assert not is_off(ALARMS[name], renewal)


def test_an_item_that_is_no_session_sets_it_off_until_deleted(
    table_on_moto: SessionsTable,
) -> None:
    function = renew_function(table_on_moto, lambda: NOON_MS)
    alarm = ALARMS["InternalErrorsAlarm"]

    def renew() -> Answered:
        return Answered(function(renewal_event(), LAMBDA_CONTEXT))

    put(table_on_moto, NOT_A_SESSION)
    assert is_off(alarm, renew, times=1)
    table_on_moto.client.delete_item(
        TableName=table_on_moto.name, Key={"sessionId": {"S": "a-session"}}
    )
    assert not is_off(alarm, renew, times=1)


@pytest.mark.parametrize("off_minutes", [2, -2, -60 * 24 * 365 * 200])
def test_a_clock_that_is_off_sets_off_the_clock_alarm_until_it_is_right(
    table_on_moto: SessionsTable, off_minutes: int
) -> None:
    put(table_on_moto, session())

    def renew(now_ms: int) -> Callable[[], Answered]:
        function = renew_function(table_on_moto, lambda: now_ms)
        return lambda: Answered(function(renewal_event(), LAMBDA_CONTEXT))

    assert is_off(ALARMS["ClockAlarm"], renew(NOON_MS + off_minutes * MS_PER_MINUTE), times=1)
    assert not is_off(ALARMS["ClockAlarm"], renew(NOON_MS), times=1)


def test_a_client_that_sends_nonsense_sets_off_refusals_until_it_is_mended(
    table_on_moto: SessionsTable,
) -> None:
    function = sessions_function(table_on_moto, lambda: NOON_MS)

    def create(**body: str) -> Callable[[], Answered]:
        event = api_event("POST", body=body)
        return lambda: Answered(function(event, LAMBDA_CONTEXT))

    agent, user = session().agent_id, session().user_id
    assert is_off(ALARMS["ApiRefusalsAlarm"], create(agentId="nonsense", userId=user))
    assert not is_off(ALARMS["ApiRefusalsAlarm"], create(agentId=agent, userId=user))


@pytest.mark.parametrize("ended", [{"expires": -1}, {"created": -710, "expires": 10}])
def test_sessions_that_end_set_off_no_alarm(
    table_on_moto: SessionsTable, ended: dict[str, Any]
) -> None:
    put(table_on_moto, session(**ended))
    function = renew_function(table_on_moto, lambda: NOON_MS)
    event = renewal_event()
    with captured_lines() as lines:
        answers = [Answered(function(event, LAMBDA_CONTEXT)) for _ in range(100)]
    measured = counted(lines) | of_the_gateway(answers)
    off = {name for name, alarm in ALARMS.items() if alarm.is_off(measured)}
    assert off == {"ExpiryStoppedAlarm"}  # nothing is polled here


def test_a_dead_letter_sets_off_its_alarm_until_it_is_replayed(dead_letters: Queue) -> None:
    alarm = ALARMS["ExpiryDeadLettersAlarm"]
    (visible,) = alarm.metrics.values()

    def publish(eventbridge: ScriptedEventBridge, event: Any) -> Any:
        return expiry_function(eventbridge.client, dead_letters)(event, Invocation())

    publish(ScriptedEventBridge([refuse("MalformedDetail")]), {"Records": ttl_deletions(1)})
    assert alarm.is_off({visible: waiting_in(dead_letters)})

    (message,) = dead_letters.messages()
    mended = ScriptedEventBridge([take])
    assert publish(mended, json.loads(message["Body"])) == {"batchItemFailures": []}
    assert len(mended.taken) == 1
    assert not alarm.is_off({visible: waiting_in(dead_letters)})


def test_late_timers_set_off_the_alarm_until_they_are_in_time(
    table_on_moto: SessionsTable,
) -> None:
    def lateness_of_an_expiry(seconds: int) -> dict[Metric, float]:
        item = item_of(session(expires=-seconds / 60), RETENTION_SECONDS)
        put(table_on_moto, {**item, "timer": {"S": TOKEN}})
        function = timer_function(
            table_on_moto,
            ScriptedEventBridge([take]).client,
            ScriptedSqs().client,
            ScriptedSqs().client,
            lambda: NOON_MS,
        )
        with captured_lines() as lines:
            records = [delivery(TimerMessage("a-session", TOKEN))]
            assert function({"Records": records}, Invocation()) == {"batchItemFailures": []}
        return counted(lines)

    alarm = ALARMS["TimerLatenessAlarm"]
    assert alarm.is_off(lateness_of_an_expiry(seconds=90))
    assert not alarm.is_off(lateness_of_an_expiry(seconds=2))


def test_a_timers_dead_letter_sets_off_its_alarm_until_it_is_gone(
    table_on_moto: SessionsTable, dead_letters: Queue
) -> None:
    alarm = ALARMS["TimerDeadLettersAlarm"]
    (visible,) = alarm.metrics.values()
    function = timer_handler(
        table_on_moto,
        EventBus(ScriptedEventBridge([take]).client, "platform"),
        MessageQueue(ScriptedSqs().client, "timers"),
        DeadLetterQueue(MessageQueue(dead_letters.client, dead_letters.url)),
        lambda: NOON_MS,
    )
    function({"Records": [delivery("no message")]}, Invocation())
    assert alarm.is_off({visible: waiting_in(dead_letters)})
    (letter,) = dead_letters.messages()
    assert letter["MessageAttributes"]["reason"]["StringValue"] == "INVALID_RECORD"
    assert not alarm.is_off({visible: waiting_in(dead_letters)})


def waiting_in(queue: Queue) -> float:
    """How many messages are visible in the queue."""
    reply = queue.client.get_queue_attributes(
        QueueUrl=queue.url, AttributeNames=["ApproximateNumberOfMessages"]
    )
    return float(reply["Attributes"]["ApproximateNumberOfMessages"])
