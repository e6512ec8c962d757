"""A deployed stack goes over to a restored table, by the commands and steps of docs/recovery.md."""

import json
from dataclasses import dataclass
from typing import Any

import pytest

from domain.session_json import rfc3339
from local.template import Template
from recovery.__main__ import main
from runtime.clock import epoch_ms
from storage.item import TIMER, session_of
from storage.table import SessionsTable
from tests.e2e.test_stack_updates import create, renew
from tests.support.deployed_stack import FUNCTIONS, DeployedStack
from tests.support.deployed_timers import wait_until
from tests.support.emulator import Emulator
from tests.support.queues import Queue, create_queue, subscribe
from tests.support.sam import ARCHITECTURE, Sam
from tests.support.sessions import as_of_now, session
from tests.support.stream_records import ttl_deletion
from tests.support.tables import RETENTION_SECONDS, item_with, put

RESTORED = "restored"
TIMER_SECONDS = 30


@pytest.fixture(scope="module")
def stack(
    built: object,  # noqa: ARG001 - sam deploy deploys what was built
    emulator: Emulator,
    sam: Sam,
) -> DeployedStack:
    """A stack of its own."""
    stack = DeployedStack(emulator, sam, "adopting")
    stack.deploy(ARCHITECTURE)
    return stack


@dataclass(frozen=True)
class Adoption:
    """A session of before the restore point and one of since, after the switch."""

    own: SessionsTable
    restored: SessionsTable
    before: str
    since: str
    exit_codes: list[int]
    versions: tuple[Any, Any]


def command(stack: DeployedStack, *arguments: str) -> int:
    """Run a command against the emulator."""
    return main([*arguments, "--endpoint-url", stack.emulator.endpoint])


@pytest.fixture(scope="module")
def adoption(stack: DeployedStack) -> Adoption:
    """The stack on a table that was restored to before a renewal and a creation, and merged."""
    own, versions = stack.table, stack.live_versions()
    before = create(stack)
    restored = as_a_restore_leaves_it(own, before)
    since_ms = epoch_ms()
    renew(stack, before)
    since = create(stack)
    merge = ("merge-table", "--old", own.name, "--restored", RESTORED, "--apply", "--since")
    exit_codes = [
        command(stack, "verify-table", "--table", own.name),
        command(stack, "prepare-table", "--table", RESTORED, "--apply"),
        command(stack, *merge, rfc3339(since_ms)),
    ]
    last_ms = epoch_ms()
    stream = stack.emulator.client("dynamodb").describe_table(TableName=RESTORED)["Table"]
    stack.deploy(f"AdoptedTableStreamArn={stream['LatestStreamArn']}")
    exit_codes += [
        command(stack, *merge, rfc3339(last_ms), "--switched"),
        command(stack, "prepare-table", "--table", RESTORED, "--with-ttl", "--apply"),
        command(stack, "verify-table", "--table", RESTORED),
        command(stack, "start-timers", "--table", RESTORED, "--apply"),
    ]
    renew(stack, before)
    return Adoption(own, restored, before, since, exit_codes, (versions, stack.live_versions()))


def as_a_restore_leaves_it(own: SessionsTable, *session_ids: str) -> SessionsTable:
    """A table with these sessions of the other one, and without stream and TTL."""
    own.client.create_table(TableName=RESTORED, **Template().table_definition())
    restored = SessionsTable(own.client, RESTORED, RETENTION_SECONDS)
    for session_id in session_ids:
        put(restored, item_with(own, session_id))
    return restored


def renewals(table: SessionsTable, session_id: str) -> int:
    """The session's count in this table."""
    return session_of(item_with(table, session_id)).renewal_count


def test_each_command_of_the_recovery_ends_well(adoption: Adoption) -> None:
    assert adoption.exit_codes == [0] * 7


def test_renewals_before_and_after_the_switch_are_counted(adoption: Adoption) -> None:
    assert renewals(adoption.restored, adoption.before) == 2


def test_the_stacks_own_table_stays_as_it_was(adoption: Adoption) -> None:
    assert renewals(adoption.own, adoption.before) == 1


def test_a_session_that_was_created_meanwhile_is_served(
    stack: DeployedStack, adoption: Adoption
) -> None:
    assert renew(stack, adoption.since) == 200
    assert renewals(adoption.restored, adoption.since) == 1


def test_each_function_that_calls_the_table_is_on_a_new_version(adoption: Adoption) -> None:
    earlier, later = adoption.versions
    for function in ("RenewFunction", "SessionsFunction", "TimerFunction"):
        assert later[function] > earlier[function]


def test_the_timers_go_on_with_the_adopted_table(adoption: Adoption) -> None:
    sessions, restored = (adoption.before, adoption.since), adoption.restored
    wait_until(lambda: all(TIMER in item_with(restored, each) for each in sessions), TIMER_SECONDS)


def test_the_functions_may_use_the_adopted_table(
    stack: DeployedStack,
    adoption: Adoption,  # noqa: ARG001 - the switch
) -> None:
    for function in FUNCTIONS:
        allowed = stack.permissions(function)
        of_own = {each for each in allowed if each[1].startswith("table/SessionsTable")}
        of_adopted = {each for each in allowed if each[1].startswith(f"table/{RESTORED}")}
        assert len(of_adopted) == len(of_own) > 0


def test_expiries_come_from_the_adopted_tables_stream(
    stack: DeployedStack, adoption: Adoption
) -> None:
    client = adoption.restored.client
    stream = client.describe_table(TableName=RESTORED)["Table"]["LatestStreamArn"]
    assert stack.event_sources("ExpiryFunction") == [stream]


def test_the_output_names_the_table_in_use(
    stack: DeployedStack,
    adoption: Adoption,  # noqa: ARG001 - the switch
) -> None:
    assert stack.outputs["SessionsTableName"]["OutputValue"] == RESTORED


@pytest.fixture(scope="module")
def consumer(emulator: Emulator) -> Queue:
    """The queue of a consumer of what is published on the default bus."""
    queue = create_queue(emulator.client("sqs"), "consumer-of-replays")
    subscribe(emulator.client("events"), "default", queue)
    return queue


def test_the_replay_invokes_the_deployed_function(stack: DeployedStack, consumer: Queue) -> None:
    expired = as_of_now(session("a-dead-letter", expires=-1500, created=-1600, active=-1530))
    attributes: Any = {"reason": {"DataType": "String", "StringValue": "BUS_UNAVAILABLE"}}
    stack.dead_letters.client.send_message(
        QueueUrl=stack.dead_letters.url,
        MessageBody=json.dumps({"Records": [ttl_deletion(expired)]}),
        MessageAttributes=attributes,
    )
    function = stack.physical_ids["ExpiryFunction"]
    replay = ["replay-dead-letters", "--queue-url", stack.dead_letters.url, "--function", function]
    assert command(stack, *replay, "--apply") == 0
    (event,) = consumer.events()
    assert event["detail"]["session"]["sessionId"] == "a-dead-letter"
    assert stack.dead_letters.messages() == []
