"""The command that brings what happened in the old table into the restored one."""

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import boto3
import pytest

from domain.creation import IDEMPOTENCY_LIFETIME_MS, CreationRequest
from domain.heartbeat import record_heartbeat
from domain.refusals import SessionExpired
from domain.renewal import renew
from domain.session import Session
from domain.session_json import rfc3339
from domain.timeout import TimeoutChange, change_timeout
from recovery.__main__ import main
from recovery.merge_table import Merge, Merged
from recovery.merging import Terms, plan_for
from recovery.pace import Pace
from recovery.table_scan import TableScan
from storage.attribute_values import Item, number
from storage.idempotency import idempotency_record
from storage.item import item_of, session_of
from storage.keys import IDEMPOTENCY_PREFIX
from storage.renewal_update import renew_session
from storage.start_marker import start_marker
from storage.table import ConditionalUpdate, SessionsTable
from storage.timer_update import PUBLISHED
from tests.support.items import without
from tests.support.sessions import NOON_MS, minutes, remembering, session
from tests.support.tables import RETENTION_SECONDS, create_table, item_with, put

RESTORE_POINT_MS = NOON_MS - minutes(5)
REQUEST = CreationRequest("an-agent", "a-user", "{}", TimeoutChange())
RECORD_ID = f"{IDEMPOTENCY_PREFIX}1a"
NEW = session("new", created=-2, active=-2, expires=28)
FULL_SPEED = 1e9


@pytest.fixture
def old(table_on_moto: SessionsTable) -> SessionsTable:
    """The table that was live."""
    return create_table(table_on_moto.client)


@pytest.fixture
def restored(table_on_moto: SessionsTable) -> SessionsTable:
    """The table as it was at the restore point."""
    return create_table(table_on_moto.client)


def merged(  # noqa: PLR0913 - what a merge may be asked for
    old: SessionsTable,
    restored: SessionsTable,
    *,
    apply: bool = True,
    max_changes: int = 1000,
    items_per_page: int = 100,
    start_after: str | None = None,
    now_ms: int = NOON_MS,
    **terms: bool,
) -> Merged:
    """What a merge at noon has come to."""
    scan = TableScan(old.client, old.name, Pace(FULL_SPEED), start_after, items_per_page, True)
    outcome = Merged()
    merge = Merge(
        scan,
        restored,
        Terms(now_ms // 1000, RESTORE_POINT_MS, **terms),
        Pace(FULL_SPEED),
        Pace(FULL_SPEED),
        max_changes,
        apply,
    )
    merge.run(outcome)
    return outcome


def record(created_at_ms: int, session_id: str = "a-session") -> Item:
    """The idempotency record of a session that was created then."""
    stored = session(session_id)
    made = idempotency_record(RECORD_ID, stored, REQUEST)
    ttl = (created_at_ms + IDEMPOTENCY_LIFETIME_MS) // 1000
    return {**made, "createdAt": number(created_at_ms), "ttl": number(ttl)}


def renewed(stored: Session, *renewal_ids: str) -> Session:
    """The session after these renewals at noon."""
    for renewal_id in renewal_ids:
        stored = renew(stored, NOON_MS, renewal_id).session
    return stored


def test_a_session_that_was_created_since_is_copied_as_it_is(
    old: SessionsTable, restored: SessionsTable
) -> None:
    of_a_later_release = {**item_of(NEW, RETENTION_SECONDS), "colour": {"S": "red"}}
    put(old, of_a_later_release)
    assert merged(old, restored).outcomes == {"copied": 1}
    assert item_with(restored, "new") == of_a_later_release


CHANGES: dict[str, Callable[[Session], Session]] = {
    "renewal": lambda stored: renewed(stored, "r1"),
    "heartbeat": lambda stored: record_heartbeat(stored, NOON_MS, "h1").session,
    "shorter timeout": lambda stored: (
        change_timeout(stored, TimeoutChange(timeout_minutes=20), NOON_MS).session
    ),
    "no renewal by activity": lambda stored: (
        change_timeout(stored, TimeoutChange(auto_renew=False), NOON_MS).session
    ),
    "expiry": lambda stored: (
        change_timeout(stored, TimeoutChange(timeout_minutes=5), NOON_MS).session
    ),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_session_that_was_changed_since_is_as_in_the_old_table(
    old: SessionsTable, restored: SessionsTable, change: Callable[[Session], Session]
) -> None:
    put(old, change(session()))
    put(restored, session())
    assert merged(old, restored).outcomes == {"brought up to date": 1}
    assert item_with(restored, "a-session") == item_with(old, "a-session")


ENDED = session(created=-40, active=-31, expires=-1)
ALIVE = session(created=-40)
PUBLISHED_TIMER = {"S": PUBLISHED}


def announced(stored: Session, after_minutes: float = 0, timer: str | None = None) -> Item:
    """The session's item, announced so long after its expiry."""
    at_ms = stored.expires_at_ms + minutes(after_minutes)
    item = item_of(replace(stored, announced_at_ms=at_ms), RETENTION_SECONDS)
    return item if timer is None else {**item, "timer": {"S": timer}}


def marked_at(table: SessionsTable) -> int:
    return int(item_with(table, "a-session")["announcedAt"]["N"])


@pytest.mark.parametrize("switched", [False, True])
def test_a_session_announced_in_the_old_table_is_over_in_both(
    old: SessionsTable, restored: SessionsTable, switched: bool
) -> None:
    put(old, announced(ENDED, timer="its own"))
    put(restored, {**item_of(ALIVE, RETENTION_SECONDS), "timer": {"S": "an earlier one"}})
    assert merged(old, restored, switched=switched).changes == 1
    assert marked_at(restored) == NOON_MS - minutes(1)
    assert item_with(restored, "a-session")["timer"] == {"S": "an earlier one"}
    with pytest.raises(SessionExpired):
        renew_session(restored, "a-session", NOON_MS, "r1")
    assert merged(old, restored, switched=switched).outcomes == {"nothing new": 1}


def test_an_expiry_that_was_published_is_not_published_again(
    old: SessionsTable, restored: SessionsTable
) -> None:
    put(old, announced(ENDED, timer=PUBLISHED))
    put(restored, ENDED)
    assert merged(old, restored).changes == 1
    assert item_with(restored, "a-session") == item_with(old, "a-session")
    assert merged(old, restored).outcomes == {"nothing new": 1}


def test_that_an_announced_expiry_was_published_is_brought_along(
    old: SessionsTable, restored: SessionsTable
) -> None:
    put(old, announced(ENDED, timer=PUBLISHED))
    put(restored, announced(ENDED, timer="its own"))
    assert merged(old, restored).changes == 1
    assert item_with(restored, "a-session")["timer"] == PUBLISHED_TIMER


@pytest.mark.parametrize(("in_old", "in_restored"), [(0.5, 0.25), (0.25, 0.5), (0.5, None)])
def test_the_earlier_of_two_announcements_counts(
    old: SessionsTable, restored: SessionsTable, in_old: float, in_restored: float | None
) -> None:
    put(old, announced(ENDED, in_old))
    put(restored, ENDED if in_restored is None else announced(ENDED, in_restored))
    merged(old, restored)
    earlier = min(each for each in (in_old, in_restored) if each is not None)
    assert marked_at(restored) == NOON_MS - minutes(1) + minutes(earlier)
    assert merged(old, restored).outcomes == {"nothing new": 1}


def test_an_announcement_that_comes_during_a_merge_stands(
    old: SessionsTable, restored: SessionsTable
) -> None:
    """The merge would have moved the expiry of a session that is over by now."""
    put(old, renewed(session(), "r1"))
    put(restored, session())
    plan = plan_for(
        item_with(old, "a-session"),
        item_with(restored, "a-session"),
        Terms(NOON_MS // 1000, RESTORE_POINT_MS),
    )
    assert isinstance(plan, ConditionalUpdate)
    put(restored, announced(session()))
    assert not restored.update("a-session", plan).applied
    assert merged(old, restored).changes == 1
    assert marked_at(restored) == session().expires_at_ms


def test_a_copied_session_has_no_timer_of_the_old_table(
    old: SessionsTable, restored: SessionsTable
) -> None:
    """It is new in the restored one, whose stream starts a timer."""
    item = item_of(NEW, RETENTION_SECONDS)
    put(old, {**item, "timer": {"S": "its own"}})
    assert merged(old, restored).outcomes == {"copied": 1}
    assert item_with(restored, "new") == item


def test_a_copied_session_whose_expiry_was_published_stays_so(
    old: SessionsTable, restored: SessionsTable
) -> None:
    over = announced(session("new", created=-4, active=-4, expires=1, timeout=5), timer=PUBLISHED)
    put(old, over)
    assert merged(old, restored).outcomes == {"copied": 1}
    assert item_with(restored, "new") == over


def test_a_start_marker_is_not_merged(old: SessionsTable, restored: SessionsTable) -> None:
    marker = start_marker("a-session", NOON_MS)
    put(old, marker)
    assert merged(old, restored).changes == 0
    assert item_with(restored, marker["sessionId"]["S"]) == {}


def test_a_second_merge_finds_nothing_new(old: SessionsTable, restored: SessionsTable) -> None:
    put(old, renewed(session(), "r1"))
    put(old, NEW)
    put(old, record(NOON_MS))
    put(restored, session())
    assert merged(old, restored).changes == 3
    assert merged(old, restored).outcomes == {"nothing new": 3}


def test_a_dry_run_counts_and_writes_nothing(old: SessionsTable, restored: SessionsTable) -> None:
    put(old, renewed(session(), "r1"))
    put(old, NEW)
    put(restored, session())
    outcome = merged(old, restored, apply=False)
    assert outcome.outcomes == {"brought up to date": 1, "copied": 1}
    assert session_of(item_with(restored, "a-session")) == session()
    assert not item_with(restored, "new")


def test_renewals_on_both_sides_of_the_switch_are_all_counted(
    old: SessionsTable, restored: SessionsTable
) -> None:
    ancestor = session(**remembering("r0"))
    put(old, renewed(ancestor, "r1", "r2"))
    put(restored, renewed(ancestor, "r2", "r3"))  # r2 was sent again after the switch
    merged(old, restored, switched=True)
    assert session_of(item_with(restored, "a-session")).renewal_count == 4


@pytest.mark.parametrize(("switched", "timeout"), [(False, 20), (True, 30)])
def test_limits_are_the_old_tables_until_the_switch(
    old: SessionsTable, restored: SessionsTable, switched: bool, timeout: int
) -> None:
    put(old, CHANGES["shorter timeout"](session()))
    put(restored, session())
    merged(old, restored, switched=switched)
    stored = session_of(item_with(restored, "a-session"))
    assert stored.timeout_config.timeout_minutes == timeout


def test_a_session_that_was_deleted_before_is_not_brought_back(
    old: SessionsTable, restored: SessionsTable
) -> None:
    put(old, session())
    outcome = merged(old, restored)
    assert outcome.outcomes == {"created before --since, and not in the restored table": 1}
    assert not item_with(restored, "a-session")


def test_what_dynamodb_is_about_to_delete_is_not_copied(
    old: SessionsTable, restored: SessionsTable
) -> None:
    put(old, NEW)
    put(old, record(NOON_MS))
    later_ms = NOON_MS + minutes(3 * 24 * 60)
    assert merged(old, restored, now_ms=later_ms).outcomes == {"past its ttl": 2}


def test_only_new_sessions_come_over_where_the_old_ones_are_damaged(
    old: SessionsTable, restored: SessionsTable
) -> None:
    put(old, renewed(session(), "r1"))
    put(old, NEW)
    put(restored, session())
    merged(old, restored, new_only=True)
    assert session_of(item_with(restored, "a-session")) == session()
    assert item_with(restored, "new")


@pytest.mark.parametrize("used_again", [True, False])
def test_of_two_records_of_a_key_the_later_one_counts(
    old: SessionsTable, restored: SessionsTable, used_again: bool
) -> None:
    earlier, later = record(NOON_MS - minutes(2000), "first"), record(NOON_MS, "second")
    put(old, later if used_again else earlier)
    put(restored, earlier if used_again else later)
    merged(old, restored)
    assert item_with(restored, RECORD_ID) == later


LEFT_FOR_A_PERSON: dict[str, tuple[Session | Item, Session | Item]] = {
    "defective in the old table": (without("ttl"), session()),
    "defective in the restored table": (renewed(session(), "r1"), without("ttl")),
    "another session has this ID": (renewed(session(), "r1"), session(user_id="another")),
}


@pytest.mark.parametrize("why", LEFT_FOR_A_PERSON)
def test_what_a_person_must_look_at_is_named_and_left(
    old: SessionsTable, restored: SessionsTable, capsys: pytest.CaptureFixture[str], why: str
) -> None:
    in_old, in_restored = LEFT_FOR_A_PERSON[why]
    put(old, in_old)
    put(restored, in_restored)
    before = item_with(restored, "a-session")
    outcome = merged(old, restored)
    assert (outcome.for_a_person, outcome.changes) == (1, 0)
    assert capsys.readouterr().out.startswith(f'"a-session": {why}')
    assert item_with(restored, "a-session") == before


def test_a_copy_overwrites_nothing_that_was_stored_in_between(
    old: SessionsTable, restored: SessionsTable
) -> None:
    """Another merge has copied the session, and a client has renewed it, since it was missing."""
    put(old, NEW)
    client: Any = restored.client
    event = "provide-client-params.dynamodb.PutItem"

    def come_first(**_: object) -> None:
        client.meta.events.unregister(event, come_first)
        put(restored, renewed(NEW, "r1"))

    client.meta.events.register(event, come_first)
    assert merged(old, restored, switched=True).outcomes == {"nothing new": 1}
    assert session_of(item_with(restored, "new")).renewal_count == 1


def test_a_merge_stops_at_its_bound_and_goes_on_from_there(
    old: SessionsTable, restored: SessionsTable
) -> None:
    for n in range(30):
        put(old, session(f"new-{n}", created=-2, active=-2, expires=28))
    first = merged(old, restored, max_changes=10, items_per_page=10)
    assert (first.changes, first.last_id is not None) == (10, True)
    rest = merged(old, restored, start_after=first.last_id)
    assert rest.changes == 20
    assert all(item_with(restored, f"new-{n}") for n in range(30))


def test_the_command_says_what_it_would_do(
    old: SessionsTable, restored: SessionsTable, capsys: pytest.CaptureFixture[str]
) -> None:
    put(old, renewed(session(), "r1"))
    put(restored, session())
    command = ["merge-table", "--old", old.name, "--restored", restored.name]
    assert main([*command, "--since", rfc3339(RESTORE_POINT_MS)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "1 items: brought up to date",
        "This was a dry run: nothing was written. Add --apply to write.",
    ]


def test_an_instant_without_an_offset_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        main(["merge-table", "--old=a", "--restored=b", "--since=2026-01-31T12:00:00"])
    assert refused.value.code == 2
    assert "offset from UTC" in capsys.readouterr().err


RACED_SESSIONS, OLD_RENEWALS, RENEWALS = 4, 6, 24
"""Fewer renewals of a session, together, than a version remembers."""


def test_a_merge_overwrites_no_renewal_that_comes_in_between(dynamodb_local_endpoint: str) -> None:
    """The stack is switched already: clients renew the sessions that are merged meanwhile."""
    client: Any = boto3.client("dynamodb", endpoint_url=dynamodb_local_endpoint)
    old, restored = create_table(client), create_table(client)
    versions = [session(f"raced-{n}") for n in range(RACED_SESSIONS)]
    for each in versions:
        put(restored, each)

    def renew_by_turns() -> None:
        for turn in range(RENEWALS):
            for each in versions:
                renew_session(restored, each.session_id, NOON_MS + turn, f"restored-{turn}")

    clients = threading.Thread(target=renew_by_turns)
    clients.start()
    merges = 0
    while clients.is_alive() or merges < OLD_RENEWALS:
        if merges < OLD_RENEWALS:
            versions = [renew(each, NOON_MS, f"old-{merges}").session for each in versions]
            for each in versions:
                put(old, each)
        assert merged(old, restored, switched=True).for_a_person == 0
        merges += 1

    for each in versions:
        stored = session_of(item_with(restored, each.session_id))
        assert stored.renewal_count == OLD_RENEWALS + RENEWALS
        assert stored.last_activity_ms == NOON_MS + RENEWALS - 1
