"""Each clause of each condition has a case in which the update is wrong without it."""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from domain import heartbeat as heartbeat_rule
from domain import renewal as renewal_rule
from domain import timeout as timeout_rule
from domain.session import Session
from domain.timeout import TimeoutChange
from storage import (
    heartbeat_update,
    renewal_update,
    session_deletion,
    timeout_update,
    timer_update,
)
from storage.attribute_values import Item, number
from storage.conditional_update import IS_A_SESSION, NOT_ANNOUNCED, TYPES_AND_BOUNDS
from storage.faults import InvalidItem
from storage.item import item_of
from storage.renewal_update import NOT_A_REPLAY
from storage.table import ConditionalUpdate, SessionsTable
from tests.support.items import configured, having, without
from tests.support.sessions import NOON_MS, remembering, session
from tests.support.tables import RETENTION_SECONDS, item_with, put

UpdateMaker = Callable[[SessionsTable, Session | None], ConditionalUpdate]


def renew(table: SessionsTable, seen: Session | None) -> ConditionalUpdate:
    if seen is None:
        return renewal_update.full_timeout_update(table, NOON_MS, "r1")
    outcome = renewal_rule.renew(seen, NOON_MS, "r1")
    return renewal_update.update_for(table, seen, outcome, "r1")


def heartbeat(table: SessionsTable, seen: Session | None) -> ConditionalUpdate:
    if seen is None:
        return heartbeat_update.first_update(table, NOON_MS, "r1")
    outcome = heartbeat_rule.record_heartbeat(seen, NOON_MS, "r1")
    return heartbeat_update.update_for(table, seen, outcome, "r1")


def change(table: SessionsTable, seen: Session | None) -> ConditionalUpdate:
    assert seen is not None
    outcome = timeout_rule.change_timeout(seen, TimeoutChange(timeout_minutes=20), NOON_MS)
    return timeout_update.update_for(table, item_of(seen, table.retention_seconds), outcome)


def change_and_start_timer(table: SessionsTable, seen: Session | None) -> ConditionalUpdate:
    """The update of the transaction."""
    assert seen is not None
    read = item_of(seen, table.retention_seconds)
    values = {
        ":readLastActivity": read["lastActivity"],
        ":readRenewalCount": read["renewalCount"],
    }
    plain = change(table, seen)
    return ConditionalUpdate(timeout_update.NEW_LIMITS_AND_TIMER, {**plain.values, **values})


def claim(_: SessionsTable, __: Session | None) -> ConditionalUpdate:
    values = {":token": {"S": "its own"}, ":new": {"S": "new"}}
    return ConditionalUpdate(timer_update.CLAIM, values)


def claim_first(_: SessionsTable, __: Session | None) -> ConditionalUpdate:
    types = {name: TYPES_AND_BOUNDS[name] for name in (":S", ":N")}
    return ConditionalUpdate(timer_update.CLAIM_FIRST, {":new": {"S": "new"}, **types})


def mark_announced(_: SessionsTable, __: Session | None) -> ConditionalUpdate:
    return ConditionalUpdate(timer_update.MARK_ANNOUNCED, {":now": number(NOON_MS)})


def mark_published(_: SessionsTable, __: Session | None) -> ConditionalUpdate:
    return ConditionalUpdate(
        timer_update.MARK_PUBLISHED, {":published": {"S": timer_update.PUBLISHED}}
    )


NEAR_MAXIMUM = session(created=-710, active=-20, expires=5)
LATER_CLOCK = session(active=1, expires=31)
AT_MAXIMUM = session(created=-710, expires=10)
NOT_AUTOMATIC = session(auto_renew=False)
ANNOUNCED: dict[str, Any] = {"announced_at_ms": NOON_MS + 1000}
"""A clock that is ahead has announced the expiry."""


CHANGED_SINCE_READ: Mapping[str, Session | Item] = {
    "timeoutConfig = :readTimeoutConfig": replace(
        AT_MAXIMUM, timeout_config=replace(AT_MAXIMUM.timeout_config, timeout_minutes=40)
    ),
    "expiresAt = :readExpiresAt": {
        **item_of(AT_MAXIMUM, RETENTION_SECONDS),
        "expiresAt": {"N": str(NOON_MS)},
    },
    # Others raised the maximum, renewed, and took the maximum back.
    "(attribute_not_exists(renewedAt) OR renewedAt = :readRenewedAt)": replace(
        AT_MAXIMUM, renewed_at_ms=AT_MAXIMUM.renewed_at_ms + 1
    ),
    NOT_ANNOUNCED: replace(AT_MAXIMUM, **ANNOUNCED),
}
"""For each clause of a timeout change, what another made of the session since it was read."""


def with_timer(token: str) -> Item:
    return {**item_of(session(), RETENTION_SECONDS), "timer": {"S": token}}


def replays(**fields: Any) -> Mapping[str, Session | Item]:
    """For each clause by which a session remembers its renewals, one that does not let it renew."""
    item = item_of(session(**fields), RETENTION_SECONDS)
    cases = (
        session(**fields, **remembering("r1")),
        {**item, "renewalCount": {"N": "1"}},
        {**item, "recentRenewals": {"L": item["recentRenewals"]["L"][1:]}},
    )
    return dict(zip(NOT_A_REPLAY, cases, strict=True))


A_SESSION: dict[str, Item] = {
    "attribute_type(agentId, :S)": without("agentId"),
    "attribute_type(userId, :S)": without("userId"),
    "begins_with(metadata, :brace)": having("metadata", {"S": "[]"}),
    "attribute_type(createdAt, :N)": without("createdAt"),
    "renewalCount >= :zero": {
        **having("renewalCount", {"N": "-1"}),
        "rememberedCount": {"N": "-1"},
    },
    "timeoutMs > :zero": having("timeoutMs", {"N": "0"}),
    "timeoutSeconds > :zero": without("timeoutSeconds"),
    **{
        f"attribute_type(timeoutConfig.{name}, :{kind})": configured(name, {"S": ""})
        for name, kind in {
            "timeoutMinutes": "N",
            "autoRenew": "BOOL",
            "maxDurationMinutes": "N",
            "warningThresholdMinutes": "N",
        }.items()
    },
}

# The call, what an earlier request of it saw (None: this is the first), and for each clause the
# session that the update meets.
CASES: list[tuple[UpdateMaker, Session | None, Mapping[str, Session | Item]]] = [
    (
        renew,
        None,
        {
            "expiresAt > :now": session(expires=0),
            "expiresAt < maxExpiresAt": session(created=-690, active=0, expires=30),
            "fullRenewalUntil >= :now": NEAR_MAXIMUM,
            "lastActivity <= :now": LATER_CLOCK,
            NOT_ANNOUNCED: session(**ANNOUNCED),
            **replays(),
            **A_SESSION,
        },
    ),
    # A second update meets a session that another call changed since the first one saw it.
    (
        renew,
        NEAR_MAXIMUM,
        {
            "expiresAt > :now": session(created=-710, expires=0),
            "expiresAt < maxExpiresAt": session(created=-710, expires=10),
            "fullRenewalUntil < :now": session(created=-710, active=-4, expires=1, timeout=5),
            "lastActivity <= :now": session(created=-710, active=1, expires=5),
            "maxExpiresAt = :maxExpiresAt": session(
                created=-710, active=-20, expires=5, maximum=725
            ),
            NOT_ANNOUNCED: session(created=-710, active=-20, expires=5, **ANNOUNCED),
            **replays(created=-710, active=-20, expires=5),
        },
    ),
    (
        renew,
        LATER_CLOCK,
        {
            "renewedAt = lastActivity": session(active=2, expires=31),
            "expiresAt < maxExpiresAt": session(created=-710, active=-20, expires=10),
            NOT_ANNOUNCED: session(active=1, expires=31, **ANNOUNCED),
            **replays(active=1, expires=31),
        },
    ),
    (heartbeat, None, {heartbeat_update.AUTO_RENEW: NOT_AUTOMATIC}),
    (
        heartbeat,
        NEAR_MAXIMUM,
        {
            heartbeat_update.AUTO_RENEW: session(
                created=-710, active=-20, expires=5, auto_renew=False
            )
        },
    ),
    (
        heartbeat,
        LATER_CLOCK,
        {heartbeat_update.AUTO_RENEW: session(active=1, expires=31, auto_renew=False)},
    ),
    (
        heartbeat,
        NOT_AUTOMATIC,
        {
            "expiresAt > :now": session(expires=0, auto_renew=False),
            "lastActivity <= :now": session(active=1, auto_renew=False),
            NOT_ANNOUNCED: session(auto_renew=False, **ANNOUNCED),
            "(timeoutConfig.autoRenew = :false OR expiresAt >= maxExpiresAt)": session(),
            f"(timeoutConfig.autoRenew = :false OR ({' AND '.join(NOT_A_REPLAY)}))": session(
                created=-700, **remembering("r1")
            ),
        },
    ),
    (change, AT_MAXIMUM, CHANGED_SINCE_READ),
    (
        change_and_start_timer,
        AT_MAXIMUM,
        {
            **CHANGED_SINCE_READ,
            "lastActivity = :readLastActivity": replace(
                AT_MAXIMUM, last_activity_ms=AT_MAXIMUM.last_activity_ms + 1
            ),
            "renewalCount = :readRenewalCount": replace(AT_MAXIMUM, renewal_count=1),
        },
    ),
    (claim, None, {"timer = :token": with_timer("another's")}),
    (
        claim_first,
        None,
        {
            "attribute_not_exists(timer)": with_timer("another's"),
            "attribute_type(userId, :S)": without("userId"),
            "attribute_type(expiresAt, :N)": without("expiresAt"),
        },
    ),
    (
        mark_announced,
        None,
        {
            "expiresAt <= :now": session(expires=1 / 60_000),
            NOT_ANNOUNCED: session(expires=0, announced_at_ms=NOON_MS - 1),
        },
    ),
    (mark_published, None, {"attribute_exists(announcedAt)": with_timer("its own")}),
]
EACH = [(make, seen, clause, met) for make, seen, cases in CASES for clause, met in cases.items()]


def clauses_of(update: ConditionalUpdate) -> list[str]:
    """The clauses that all must hold. One in brackets counts as one."""
    condition = str(update.expression["ConditionExpression"])
    return re.split(r" AND (?![^()]*(?:\([^()]*\)[^()]*)*\)\))", condition)


def test_every_clause_has_its_case(table_on_dynamodb_local: SessionsTable) -> None:
    """A heartbeat that renews has those of the renewal, whose cases are enough for both."""
    for make, seen, cases in CASES:
        clauses = set(clauses_of(make(table_on_dynamodb_local, seen)))
        if make is heartbeat and seen is not NOT_AUTOMATIC:
            clauses -= set(clauses_of(renew(table_on_dynamodb_local, seen)))
        assert set(cases) == clauses
    assert set(A_SESSION) == set(IS_A_SESSION)


@pytest.mark.parametrize(
    ("make", "seen", "clause", "met"),
    EACH,
    ids=[f"{make.__name__}: {clause}" for make, _, clause, _ in EACH],
)
def test_an_update_is_refused_by_its_clause_alone(
    table_on_dynamodb_local: SessionsTable,
    make: UpdateMaker,
    seen: Session | None,
    clause: str,
    met: Session | Item,
) -> None:
    table = table_on_dynamodb_local
    update = make(table, seen)
    put(table, met)
    before = item_with(table, "a-session")
    assert not table.update("a-session", update).applied
    assert item_with(table, "a-session") == before
    assert applies(table, without_clause(update, clause))


HOLDS = "attribute_not_exists(nothing)"


def without_clause(update: ConditionalUpdate, clause: str) -> ConditionalUpdate:
    assert clause in clauses_of(update)
    condition = " AND ".join(each for each in clauses_of(update) if each != clause)
    expression = {**update.expression, "ConditionExpression": condition or HOLDS}
    used = re.findall(r":\w+", f"{expression['UpdateExpression']} {condition}")
    return replace(
        update, expression=expression, values={name: update.values[name] for name in used}
    )


def applies(table: SessionsTable, update: ConditionalUpdate) -> bool:
    """Whether nothing else holds the update back: it is applied, or its arithmetic fails."""
    try:
        return table.update("a-session", update).applied
    except ClientError as error:
        return "operand" in str(error) or "does not exist" in str(error)


# Except for two that are the only ones to use a value: DynamoDB refuses values that nothing uses.
DELETION_CLAUSES = [
    each for each in session_deletion.DELETABLE if ":brace" not in each and ":BOOL" not in each
]


@pytest.mark.parametrize("clause", DELETION_CLAUSES)
def test_a_deletion_is_refused_by_its_clause_alone(
    table_on_dynamodb_local: SessionsTable, monkeypatch: pytest.MonkeyPatch, clause: str
) -> None:
    table = table_on_dynamodb_local
    attribute = re.search(r"(timeoutConfig\.)?(\w+)(?=[,\s])", clause)
    assert attribute is not None
    name = attribute[2]
    put(table, configured(name, None) if attribute[1] else without(name))
    with pytest.raises(InvalidItem):
        session_deletion.delete_session(table, "a-session")
    others = [each for each in session_deletion.DELETABLE if each != clause]
    monkeypatch.setattr(session_deletion, "DELETABLE", others)
    session_deletion.delete_session(table, "a-session")
    assert item_with(table, "a-session") == {}
