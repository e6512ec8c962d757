"""A stack that goes back to the release before, as docs/deploy.md says: by deploying that."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.api_events import SESSIONS
from tests.support.built_template import placeholders, with_packages
from tests.support.deployed_stack import DeployedStack
from tests.support.deployed_timers import timer_starts
from tests.support.earlier_releases import VERSIONS, release
from tests.support.emulator import Emulator
from tests.support.sam import ARCHITECTURE, Sam
from tests.support.sessions import AGENT_ID, USER_ID
from tests.support.tables import item_with

BEFORE = release(VERSIONS[-1])
TIMER_SECONDS = 30


@dataclass(frozen=True)
class Seen:
    """What is to be seen of the stack, and of a session that this release created."""

    versions: Mapping[str, int]
    api_id: str
    table: str
    item: Any


def seen(stack: DeployedStack, session_id: str) -> Seen:
    """Look."""
    table = stack.table
    api_id = stack.physical_ids["SessionsApi"]
    return Seen(stack.live_versions(), api_id, table.name, item_with(table, session_id))


@pytest.fixture(scope="module")
def rollback(
    built: Path,  # noqa: ARG001 - sam deploy deploys what was built
    emulator: Emulator,
    sam: Sam,
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Seen, Seen]:
    """Before and after. Functions that do nothing stand for those of the release before."""
    stack = DeployedStack(emulator, sam, "rolled-back")
    stack.deploy(ARCHITECTURE)
    body = {"agentId": AGENT_ID, "userId": USER_ID}
    created = stack.request("POST", SESSIONS, json=body).json()["sessionId"]
    assert timer_starts(stack, created, TIMER_SECONDS)  # and then its item changes no more
    before = seen(stack, created)
    folder = tmp_path_factory.mktemp("release-before")
    packages = placeholders(BEFORE.template, folder)
    stack.deploy(template=with_packages(BEFORE.template, packages, folder / "template.json"))
    return before, seen(stack, created)


def test_a_rollback_keeps_table_and_address(rollback: tuple[Seen, Seen]) -> None:
    before, after = rollback
    assert (after.table, after.api_id) == (before.table, before.api_id)


def test_a_rollback_keeps_the_sessions_as_they_are(rollback: tuple[Seen, Seen]) -> None:
    before, after = rollback
    assert after.item == before.item


def test_a_rollback_is_what_the_api_calls(rollback: tuple[Seen, Seen]) -> None:
    before, after = rollback
    assert after.versions.keys() == before.versions.keys() - {"TimerFunction"}
    assert all(version > before.versions[name] for name, version in after.versions.items())
