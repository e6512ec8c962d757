"""A stack from the release before to its deletion: what an update changes, and what it keeps.

Each fixture deploys over the one before it and notes what is to be seen then.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from local.template import Template
from storage.attribute_values import int_attribute
from storage.table import SessionsTable
from tests.support.api_events import SESSIONS
from tests.support.built_template import built_packages, placeholders, with_packages
from tests.support.deployed_stack import DeployedStack
from tests.support.deployed_timers import timer_starts
from tests.support.earlier_releases import VERSIONS, release
from tests.support.emulator import Emulator
from tests.support.queues import Queue
from tests.support.sam import ARCHITECTURE, Sam
from tests.support.sessions import AGENT_ID, USER_ID, session
from tests.support.tables import item_with, put

BEFORE = release(VERSIONS[-1])
RENEWABLE = [
    name
    for name, item in BEFORE.items.items()
    if "agentId" in item and name not in ("expired", "renewed to its maximum")
]
API_FUNCTIONS = {"RenewFunction", "SessionsFunction"}
RETENTION_HOURS = 48
APP, ADMIN, STRANGER = (f"https://{name}.example.com" for name in ("app", "admin", "stranger"))
ANOTHER_TABLE = "another-table"
TIMER_SECONDS, NO_TIMER_SECONDS = 30, 4
"""How long a timer is waited for, and where none is expected."""

RETAINED = {
    "SessionsTable": "SessionsTableName",
    "ExpiryDeadLetters": "ExpiryDeadLettersUrl",
    "TimerDeadLetters": "TimerDeadLettersUrl",
}
"""What stays when the stack is deleted, and the output that names it."""


@dataclass(frozen=True)
class Update:
    """What is to be seen after a deployment.

    ``renewals`` has the status of a renewal of each session that was there before, and ``created``
    the ID of a session that was created over the API since, and renewed.
    """

    output: str
    versions: Mapping[str, int]
    api_id: str
    table: SessionsTable
    renewals: Mapping[str, int]
    created: str
    allowed_origins: set[str]
    is_stream_read: bool


def update(
    stack: DeployedStack, sessions: Iterable[str], *parameters: str, template: Path | None = None
) -> Update:
    """Deploy, then look."""
    output = stack.deploy(*parameters, template=template)
    created = create(stack)
    return Update(
        output=output,
        versions=stack.live_versions(),
        api_id=stack.physical_ids["SessionsApi"],
        table=stack.table,
        renewals={each: renew(stack, each) for each in (*sessions, created)},
        created=created,
        allowed_origins={each for each in (APP, ADMIN, STRANGER) if is_allowed(stack, each)},
        is_stream_read=stack.event_sources("ExpiryFunction") == [stack.stream_arn],
    )


@dataclass(frozen=True)
class Timers:
    """Whether a new session got a timer, and what was left of a message of the timer queue."""

    started: bool
    left: list[str]


def try_timers(stack: DeployedStack, after: Update, seconds: float) -> Timers:
    """Send a message, and wait so long for the timer of the session that was created."""
    timers = stack.queue("TimerQueue")
    timers.client.send_message(QueueUrl=timers.url, MessageBody="a message")
    started = timer_starts(stack, after.created, seconds)
    return Timers(started, [each["Body"] for each in timers.messages()])


def create(stack: DeployedStack) -> str:
    """The ID of a new session, or one that no session has if the API does not work."""
    body = {"agentId": AGENT_ID, "userId": USER_ID}
    return str(stack.request("POST", SESSIONS, json=body).json().get("sessionId", "none"))


def renew(stack: DeployedStack, session_id: str) -> int:
    """The status of a renewal."""
    return stack.request("POST", f"{SESSIONS}/{quote(session_id)}/renew").status


def is_allowed(stack: DeployedStack, origin: str) -> bool:
    """Whether a browser gives the answer to a page of this origin."""
    response = stack.request("GET", f"{SESSIONS}/health", headers={"Origin": origin})
    return response.headers.get("Access-Control-Allow-Origin") in ("*", origin)


def moved_on(after: Update, before: Update) -> set[str]:
    """The functions whose alias is on a later version than before."""
    before_that = before.versions
    return {name for name, version in after.versions.items() if version > before_that.get(name, 0)}


@pytest.fixture(scope="module")
def stack(emulator: Emulator, sam: Sam) -> DeployedStack:
    """A stack of its own."""
    return DeployedStack(emulator, sam, "updated")


@pytest.fixture(scope="module")
def release_before(stack: DeployedStack, tmp_path_factory: pytest.TempPathFactory) -> Update:
    """The template of the release before, and sessions as that release stored them.

    The code of that release is not here any more: functions that do nothing stand for it.
    """
    folder = tmp_path_factory.mktemp("release-before")
    packages = placeholders(BEFORE.template, folder)
    template = with_packages(BEFORE.template, packages, folder / "template.json")
    before = update(stack, (), ARCHITECTURE, template=template)
    for name in RENEWABLE:
        put(before.table, BEFORE.item_as_of_now(name))
    return before


@pytest.fixture(scope="module")
def this_release(
    stack: DeployedStack,
    built: Path,  # noqa: ARG001 - sam deploy deploys what was built
    release_before: Update,  # noqa: ARG001 - over it
) -> Update:
    """The template as it is, over the one before."""
    return update(stack, RENEWABLE)


@pytest.fixture(scope="module")
def timers_at_first(stack: DeployedStack, this_release: Update) -> Timers:
    """With the parameters' default values."""
    return try_timers(stack, this_release, TIMER_SECONDS)


@pytest.fixture(scope="module")
def with_other_parameters(
    stack: DeployedStack,
    this_release: Update,
    timers_at_first: Timers,  # noqa: ARG001 - before that
) -> Update:
    """Other values of three parameters."""
    parameters = (f"RetentionHours={RETENTION_HOURS}", f"CorsOrigins={APP},{ADMIN}", "Timers=off")
    return update(stack, (this_release.created,), *parameters)


@pytest.fixture(scope="module")
def timers_when_off(stack: DeployedStack, with_other_parameters: Update) -> Timers:
    """With the parameter Timers off."""
    return try_timers(stack, with_other_parameters, NO_TIMER_SECONDS)


@pytest.fixture(scope="module")
def repeated(
    stack: DeployedStack,
    with_other_parameters: Update,
    timers_when_off: Timers,  # noqa: ARG001 - before that
) -> Update:
    """The same once more."""
    return update(stack, (with_other_parameters.created,))


@pytest.fixture(scope="module")
def with_another_table(
    stack: DeployedStack, built: Path, repeated: Update, tmp_path_factory: pytest.TempPathFactory
) -> Update:
    """The same with a table of another name, so that CloudFormation replaces it."""
    assert repeated.table.name != ANOTHER_TABLE
    template = with_packages(
        Template(built / "template.yaml"),
        built_packages(built),
        tmp_path_factory.mktemp("another-table") / "template.json",
        {"SessionsTable": {"TableName": ANOTHER_TABLE}},
    )
    return update(stack, (), template=template)


@dataclass(frozen=True)
class Deletion:
    """What is left of a stack, and what CloudFormation and the stack itself have said of it."""

    statuses: Mapping[str, str]
    outputs: Mapping[str, Any]
    dead_letters: Queue


@pytest.fixture(scope="module")
def deleted(stack: DeployedStack, with_another_table: Update) -> Deletion:
    """The stack deleted, with a session in its table and a message in its dead-letter queue."""
    put(with_another_table.table, session("a-session"))
    outputs, dead_letters = stack.outputs, stack.dead_letters
    dead_letters.client.send_message(QueueUrl=dead_letters.url, MessageBody="a record")
    events = stack.delete()
    statuses = {each["LogicalResourceId"]: each["ResourceStatus"] for each in reversed(events)}
    return Deletion(statuses, outputs, dead_letters)


def test_an_update_from_the_release_before_keeps_table_and_address(
    release_before: Update, this_release: Update
) -> None:
    assert this_release.table.name == release_before.table.name
    assert this_release.api_id == release_before.api_id


def test_an_update_from_the_release_before_is_what_the_api_calls(
    release_before: Update, this_release: Update
) -> None:
    assert moved_on(this_release, release_before) == this_release.versions.keys()


@pytest.mark.parametrize("name", RENEWABLE)
def test_a_session_of_the_release_before_is_renewed(this_release: Update, name: str) -> None:
    assert this_release.renewals[name] == 200


def test_another_retention_publishes_the_versions_that_it_reaches(
    this_release: Update, with_other_parameters: Update
) -> None:
    assert moved_on(with_other_parameters, this_release) == API_FUNCTIONS


def test_another_retention_keeps_the_sessions(
    this_release: Update, with_other_parameters: Update
) -> None:
    assert with_other_parameters.renewals[this_release.created] == 200


def test_another_retention_counts_from_the_next_renewal(
    this_release: Update, with_other_parameters: Update
) -> None:
    item = item_with(with_other_parameters.table, this_release.created)
    kept_seconds = int_attribute(item, "ttl") - int_attribute(item, "expiresAt") / 1000
    assert 0 <= kept_seconds - RETENTION_HOURS * 3600 < 1


def test_own_origins_keep_pages_of_other_origins_out(with_other_parameters: Update) -> None:
    assert with_other_parameters.allowed_origins == {APP, ADMIN}


def test_a_new_session_has_a_timer_after_the_update(timers_at_first: Timers) -> None:
    assert timers_at_first == Timers(started=True, left=[])


def test_without_timers_none_starts_and_no_message_is_handled(timers_when_off: Timers) -> None:
    assert timers_when_off == Timers(started=False, left=["a message"])


def test_a_deployment_of_nothing_new_changes_nothing(
    with_other_parameters: Update, repeated: Update
) -> None:
    assert "No changes to deploy" in repeated.output
    assert repeated.versions == with_other_parameters.versions


def test_a_replaced_table_publishes_the_versions_that_it_reaches(
    repeated: Update, with_another_table: Update
) -> None:
    assert moved_on(with_another_table, repeated) >= API_FUNCTIONS | {"TimerFunction"}


def test_a_replaced_table_reaches_the_api(with_another_table: Update) -> None:
    """One function has created the session there, the other has renewed it."""
    assert with_another_table.table.name == ANOTHER_TABLE
    assert item_with(with_another_table.table, with_another_table.created)
    assert with_another_table.renewals[with_another_table.created] == 200


def test_expiries_come_from_the_replaced_tables_stream(with_another_table: Update) -> None:
    assert with_another_table.is_stream_read


def test_a_replaced_table_is_kept_with_its_sessions(
    repeated: Update, with_another_table: Update
) -> None:
    assert with_another_table.table.name != repeated.table.name
    assert item_with(repeated.table, repeated.created)


def test_deleting_the_stack_deletes_all_but_table_and_dead_letters(deleted: Deletion) -> None:
    kept = {name for name, status in deleted.statuses.items() if status != "DELETE_COMPLETE"}
    assert kept == RETAINED.keys()
    assert {deleted.statuses[name] for name in kept} == {"DELETE_SKIPPED"}


def test_the_sessions_outlive_the_stack(with_another_table: Update, deleted: Deletion) -> None:
    assert deleted.statuses["SessionsApi"] == "DELETE_COMPLETE"
    assert item_with(with_another_table.table, "a-session")


def test_the_dead_letters_outlive_the_stack(deleted: Deletion) -> None:
    assert [each["Body"] for each in deleted.dead_letters.messages()] == ["a record"]


@pytest.mark.parametrize("output", RETAINED.values())
def test_the_stack_says_what_is_retained(deleted: Deletion, output: str) -> None:
    assert "retained when the stack is deleted" in deleted.outputs[output]["Description"]
