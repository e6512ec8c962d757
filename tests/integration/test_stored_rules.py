"""The conditional writes are the pure rules, in both engines."""

import pytest
from hypothesis import example, given, settings

from domain.errors import MaximumBelowTimeout, SessionExpired, SessionNotFound
from domain.session import MS_PER_MINUTE
from domain.timeout import TimeoutChange
from storage.deletion import delete_session
from storage.errors import InvalidItem
from storage.heartbeat import beat
from storage.item import Item
from storage.table import SessionsTable
from storage.timeout import change_timeout
from tests.integration.calls import (
    CALLS,
    Call,
    Case,
    as_stored,
    by_the_rule,
    cases,
    item_with,
    put,
    writes_to,
)
from tests.integration.test_renewal_write import (
    INDEXED,
    ITEM,
    NOT_SESSIONS,
    configured,
    having,
    without,
)
from tests.sessions import NOON_MS, minutes, session


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@settings(max_examples=400)
@given(case=cases())
@example(Case(session(), NOON_MS, "r1"))
@example(Case(session(created=-710, active=-20, expires=5), NOON_MS, "r1"))
@example(Case(session(created=-705, active=-2, expires=5), NOON_MS, "r1"))
@example(Case(session(active=1, expires=31), NOON_MS, "r1"))
@example(Case(session(active=1, expires=20), NOON_MS, "r1"))
@example(Case(session(active=5, expires=3), NOON_MS, "r1", TimeoutChange(auto_renew=False)))
def test_the_stored_form_answers_and_stores_what_the_rule_says(
    table: SessionsTable, call: Call, case: Case
) -> None:
    assert as_stored(table, call, case) == by_the_rule(table, call, case)


@settings(max_examples=200)
@given(case=cases())
def test_a_heartbeat_is_one_write_unless_there_is_less_than_a_timeout_to_gain(
    table: SessionsTable, case: Case
) -> None:
    stored = case.session
    put(table, stored)
    with writes_to(table) as writes:
        try:
            heartbeat = beat(table, stored.session_id, case.now_ms, case.request_id)
        except SessionExpired:
            expected = 1
        else:
            whole = stored.timeout_config.auto_renew and (
                stored.last_activity_ms <= case.now_ms <= stored.full_renewal_until_ms
                and stored.expires_at_ms < stored.max_expires_at_ms
            )
            expected = 1 if whole or not heartbeat.changed else 2
    assert writes == ["UpdateItem"] * expected


@settings(max_examples=200)
@given(case=cases())
def test_a_change_of_the_limits_is_one_write_while_a_whole_timeout_from_now_fits(
    table: SessionsTable, case: Case
) -> None:
    put(table, case.session)
    with writes_to(table) as writes:
        try:
            changed = change_timeout(table, "generated", case.now_ms, case.change)
        except (SessionExpired, MaximumBelowTimeout):
            expected = 1
        else:
            at_ms = case.now_ms
            limits = (case.change.timeout_minutes, case.change.max_duration_minutes)
            if limits == (None, None):
                at_ms = case.session.last_activity_ms
            fits = case.session.last_activity_ms <= at_ms <= changed.session.full_renewal_until_ms
            expected = 1 if fits or not changed.changed else 2
    assert writes == ["UpdateItem"] * expected


CHANGES = {
    "both limits": TimeoutChange(timeout_minutes=20, max_duration_minutes=100),
    "the timeout": TimeoutChange(timeout_minutes=20),
    "the maximum": TimeoutChange(max_duration_minutes=100),
    "neither limit": TimeoutChange(auto_renew=False),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_the_limits_of_a_session_that_is_not_stored_are_not_made(
    table: SessionsTable, change: TimeoutChange
) -> None:
    with writes_to(table) as writes, pytest.raises(SessionNotFound):
        change_timeout(table, "nobody's", NOON_MS, change)
    assert writes == ["UpdateItem"]
    assert item_with(table, "nobody's") == {}


def test_a_heartbeat_of_a_session_that_is_not_stored_makes_none(table: SessionsTable) -> None:
    with writes_to(table) as writes, pytest.raises(SessionNotFound):
        beat(table, "nobody's", NOON_MS, "r1")
    assert writes == ["UpdateItem"]
    assert item_with(table, "nobody's") == {}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("expires", [20, -1], ids=["live", "expired"])
def test_a_session_is_deleted_whole_whatever_was_done_to_it(
    table: SessionsTable, change: TimeoutChange, expires: float
) -> None:
    put(table, session(expires=expires))
    if expires > 0:
        change_timeout(table, "a-session", NOON_MS, change)
    with writes_to(table) as writes:
        delete_session(table, "a-session")
    assert writes == ["DeleteItem"]
    assert item_with(table, "a-session") == {}


def test_what_is_not_stored_cannot_be_deleted(table: SessionsTable) -> None:
    with writes_to(table) as writes, pytest.raises(SessionNotFound):
        delete_session(table, "nobody's")
    assert writes == ["DeleteItem"]


# What a change replaces, it does not look at.
REPLACED = {
    "both limits": {"maxExpiresAt", "fullRenewalUntil", "fullRenewalBase"},
    "the timeout": {"fullRenewalUntil", "fullRenewalBase"},
    "the maximum": {"maxExpiresAt", "fullRenewalUntil"},
    "neither limit": set[str](),
}


# Not on moto, which fails to compare a number with a list: in DynamoDB the answer is no.
@pytest.mark.parametrize("what", CHANGES)
def test_the_limits_of_what_is_not_a_session_are_left_as_they_were(
    table_on_dynamodb_local: SessionsTable, what: str
) -> None:
    table = table_on_dynamodb_local
    spared = REPLACED[what]
    items = {
        **{
            name: item
            for name, item in NOT_SESSIONS.items()
            if not any(attribute in name for attribute in spared)
        },
        "without activityTtl": without("activityTtl"),
    }
    for item in items.values():
        put(table, item)
        with pytest.raises(InvalidItem):
            change_timeout(table, "a-session", NOON_MS, CHANGES[what])
        assert item_with(table, "a-session") == item


LOOKED_AT = [name for name in ITEM if name not in ("sessionId", "ttl")]
NOT_DELETED = {
    **{f"without {name}": without(name) for name in LOOKED_AT},
    **{f"{name} is a list": having(name, {"L": []}) for name in LOOKED_AT if name not in INDEXED},
    **{f"{name} left out": configured(name, None) for name in ITEM["timeoutConfig"]["M"]},
}


@pytest.mark.parametrize("item", NOT_DELETED.values(), ids=NOT_DELETED)
def test_what_is_not_a_session_is_not_deleted(
    table_on_dynamodb_local: SessionsTable, item: Item
) -> None:
    table = table_on_dynamodb_local
    put(table, item)
    with pytest.raises(InvalidItem):
        delete_session(table, "a-session")
    assert item_with(table, "a-session") == item


def test_a_shorter_timeout_may_leave_a_session_expired(table: SessionsTable) -> None:
    put(table, session(active=-8, expires=22))
    change = TimeoutChange(timeout_minutes=5)
    changed = change_timeout(table, "a-session", NOON_MS, change)
    assert changed.session.time_remaining_ms(changed.at_ms) == -minutes(3)
    with pytest.raises(SessionExpired):
        change_timeout(table, "a-session", NOON_MS, TimeoutChange(timeout_minutes=60))


def test_the_ttl_follows_the_expiry_when_the_limits_change(table: SessionsTable) -> None:
    stored = session(active=-8, expires=22)
    put(table, stored)
    change_timeout(table, "a-session", NOON_MS, TimeoutChange(timeout_minutes=5))
    expires_s = -(-(stored.last_activity_ms + 5 * MS_PER_MINUTE) // 1000)
    ttl = item_with(table, "a-session")["ttl"]
    assert ttl == {"N": str(expires_s + table.retention_seconds)}
