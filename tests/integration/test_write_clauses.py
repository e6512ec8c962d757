"""Each clause of each condition is there for a case, in which the write is wrong without it."""

import re
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError

from domain import heartbeat as heartbeat_rule
from domain import renewal as renewal_rule
from domain import timeout as timeout_rule
from domain.session import Session
from domain.timeout import TimeoutChange
from storage import deletion, heartbeat, renewal, timeout
from storage.change import IS_A_SESSION, Write
from storage.errors import InvalidItem
from storage.item import Item
from storage.table import SessionsTable, WriteForm
from tests.integration.calls import item_with, put
from tests.integration.test_renewal_write import configured, having, without
from tests.sessions import NOON_MS, session

NextWrite = Callable[[SessionsTable, Session | None], Write]


def renew(table: SessionsTable, seen: Session | None) -> Write:
    if seen is None:
        return renewal.write_by_timeout(table, NOON_MS, "r1")
    return renewal.write_of(table, seen, renewal_rule.renew(seen, NOON_MS, "r1"), "r1")


def beat(table: SessionsTable, seen: Session | None) -> Write:
    if seen is None:
        return heartbeat.first_write(table, NOON_MS, "r1")
    return heartbeat.write_of(table, seen, heartbeat_rule.beat(seen, NOON_MS, "r1"), "r1")


def change(**fields: Any) -> NextWrite:
    limits = TimeoutChange(**fields)

    def write(table: SessionsTable, seen: Session | None) -> Write:
        if seen is None:
            return timeout.first_write(NOON_MS, limits)
        changed = timeout_rule.change_timeout(seen, limits, NOON_MS)
        return timeout.write_of(table, seen, changed, limits)

    write.__name__ = "change " + " and ".join(fields)
    return write


BOTH_LIMITS = change(timeout_minutes=20, max_duration_minutes=100)
THE_TIMEOUT = change(timeout_minutes=20)
THE_MAXIMUM = change(max_duration_minutes=100)
NEITHER_LIMIT = change(auto_renew=False)

NEAR_MAXIMUM = session(created=-710, active=-20, expires=5)
SLOW_CLOCK = session(active=1, expires=31)
NOT_AUTOMATIC = session(auto_renew=False)
# After a change of the limits, with less than a timeout from now to the maximum.
FITS = session(created=-705, active=-10, expires=5)
FITS_BY_A_LATER_CLOCK = session(created=-690, active=1, expires=30)
FITS_THE_NEW_MAXIMUM = session(created=-75, active=-10, expires=5)
FITS_THE_NEW_MAXIMUM_BY_A_LATER_CLOCK = session(created=-60, active=1, expires=30)
PASSES = session(created=-705, active=-2, expires=5)
PASSES_THE_NEW_MAXIMUM = session(created=-75, active=-2, expires=5)

A_SESSION: dict[str, Item] = {
    "attribute_type(agentId, :S)": without("agentId"),
    "attribute_type(userId, :S)": without("userId"),
    "begins_with(metadata, :brace)": having("metadata", {"S": "[]"}),
    "attribute_type(createdAt, :N)": without("createdAt"),
    "renewalCount >= :zero": without("renewalCount"),
    "timeoutMs > :zero": having("timeoutMs", {"N": "0"}),
    "timeoutSeconds > :zero": without("timeoutSeconds"),
    "attribute_type(fullRenewalBase, :N)": having("fullRenewalBase", {"S": "noon"}),
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

# call, what a first write saw (none: it is the first), and for each clause what the write now meets
CASES: list[tuple[NextWrite, Session | None, Mapping[str, Session | Item]]] = [
    (
        renew,
        None,
        {
            "expiresAt > :now": session(expires=0),
            "expiresAt < maxExpiresAt": session(created=-690, active=0, expires=30),
            "fullRenewalUntil >= :now": NEAR_MAXIMUM,
            "lastActivity <= :now": SLOW_CLOCK,
            "lastRenewalId <> :renewalId": session(last_renewal_id="r1"),
            **A_SESSION,
        },
    ),
    # A second write meets a session that another call changed after the first one saw it.
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
            "lastRenewalId <> :renewalId": session(
                created=-710, active=-20, expires=5, last_renewal_id="r1"
            ),
        },
    ),
    (
        renew,
        SLOW_CLOCK,
        {
            "expiresAt >= :expiresAt": session(active=1, expires=30),
            "expiresAt < maxExpiresAt": session(created=-680, expires=40),
            "lastRenewalId <> :renewalId": session(active=1, expires=31, last_renewal_id="r1"),
        },
    ),
    (beat, None, {heartbeat.AUTO_RENEW: NOT_AUTOMATIC}),
    (
        beat,
        NEAR_MAXIMUM,
        {heartbeat.AUTO_RENEW: session(created=-710, active=-20, expires=5, auto_renew=False)},
    ),
    (beat, SLOW_CLOCK, {heartbeat.AUTO_RENEW: session(active=1, expires=31, auto_renew=False)}),
    (
        beat,
        NOT_AUTOMATIC,
        {
            "expiresAt > :now": session(expires=0, auto_renew=False),
            "lastActivity <= :now": session(active=1, auto_renew=False),
            "(timeoutConfig.autoRenew = :false OR expiresAt >= maxExpiresAt)": session(),
            "(timeoutConfig.autoRenew = :false OR lastRenewalId <> :renewalId)": session(
                created=-700, last_renewal_id="r1"
            ),
        },
    ),
    (
        BOTH_LIMITS,
        None,
        {
            "expiresAt > :now": session(expires=0),
            "lastActivity <= :now": session(created=-75, active=6),
            "createdAt >= :earliest": session(created=-90, active=-1),
            "activityTtl > :zero": without("activityTtl"),
        },
    ),
    (
        THE_TIMEOUT,
        None,
        {
            "expiresAt > :now": session(expires=0),
            "lastActivity <= :now": session(created=-695, active=6),
            "maxExpiresAt >= :earliest": session(created=-710, active=-1, expires=5),
            "activityTtl > :zero": without("activityTtl"),
        },
    ),
    (
        THE_MAXIMUM,
        None,
        {
            "expiresAt > :now": session(expires=0),
            "lastActivity <= :now": session(created=-65, active=6),
            "fullRenewalBase >= :earliest": session(created=-90),
            "activityTtl > :zero": without("activityTtl"),
        },
    ),
    (
        NEITHER_LIMIT,
        None,
        {
            "expiresAt > :now": session(expires=0),
            "lastActivity <= fullRenewalUntil": session(created=-710, expires=5),
            "expiresAt > lastActivity": session(active=5, expires=3),
            "attribute_type(maxExpiresAt, :N)": having("maxExpiresAt", {"S": ""}),
            "activityTtl > :zero": without("activityTtl"),
        },
    ),
    (
        THE_TIMEOUT,
        FITS,
        {
            "expiresAt > :now": session(created=-705, expires=0),
            "lastActivity <= :lastFull": session(created=-705, active=-4, expires=5),
            "maxExpiresAt = :storedMaximum": session(created=-705, expires=5, maximum=725),
        },
    ),
    (
        THE_TIMEOUT,
        FITS_BY_A_LATER_CLOCK,
        {"expiresAt > lastActivity": session(created=-690, active=5, expires=3)},
    ),
    (
        THE_MAXIMUM,
        FITS_THE_NEW_MAXIMUM,
        {
            "expiresAt > :now": session(created=-75, expires=0),
            "lastActivity <= :lastFull": session(created=-75, active=-4, expires=5),
            "timeoutMs = :storedTimeoutMs": session(created=-75, expires=5, timeout=40),
        },
    ),
    (
        THE_MAXIMUM,
        FITS_THE_NEW_MAXIMUM_BY_A_LATER_CLOCK,
        {"expiresAt > lastActivity": session(created=-60, active=5, expires=3)},
    ),
    (
        THE_TIMEOUT,
        PASSES,
        {
            "expiresAt > :now": session(created=-705, active=-2, expires=0),
            "expiresAt > lastActivity": session(created=-705, active=3, expires=2),
            "lastActivity > :lastFull": session(created=-705, active=-6, expires=5),
            "maxExpiresAt = :storedMaximum": session(
                created=-705, active=-2, expires=5, maximum=725
            ),
        },
    ),
    (
        THE_MAXIMUM,
        PASSES_THE_NEW_MAXIMUM,
        {
            "expiresAt > :now": session(created=-75, active=-2, expires=0),
            "expiresAt > lastActivity": session(created=-75, active=3, expires=2),
            "lastActivity > :lastFull": session(created=-75, active=-6, expires=5),
            "timeoutMs = :storedTimeoutMs": session(created=-75, active=-2, expires=5, timeout=20),
        },
    ),
]
EACH = [(call, seen, clause, met) for call, seen, cases in CASES for clause, met in cases.items()]


def clauses(form: WriteForm) -> list[str]:
    return str(form["ConditionExpression"]).split(" AND ")


def test_every_clause_of_every_form_has_its_case(table_on_dynamodb_local: SessionsTable) -> None:
    """But a heartbeat's renewal is the renewal's own, and all ask alike whether it is a session."""
    cased, stated = set(), set()
    inherited = set(IS_A_SESSION)
    for call, seen, met in CASES:
        form, _ = call(table_on_dynamodb_local, seen)
        cased |= {(form["UpdateExpression"], clause) for clause in met}
        stated |= {
            (form["UpdateExpression"], clause)
            for clause in clauses(form)
            if call is renew or clause not in inherited
        }
    assert cased == stated


@pytest.mark.parametrize(
    ("call", "seen", "clause", "met"),
    EACH,
    ids=[f"{call.__name__}: {clause}" for call, _, clause, _ in EACH],
)
def test_a_write_is_refused_by_the_clause_that_is_there_for_it(
    table_on_dynamodb_local: SessionsTable,
    call: NextWrite,
    seen: Session | None,
    clause: str,
    met: Session | Item,
) -> None:
    table = table_on_dynamodb_local
    form, values = call(table, seen)
    put(table, met)
    before = item_with(table, "a-session")
    assert not table.update("a-session", form, values).applied
    assert item_with(table, "a-session") == before
    assert came_through(table, *without_clause(form, clause, values))


def without_clause(form: WriteForm, clause: str, values: Mapping[str, Any]) -> Write:
    assert clause in clauses(form)
    left = [each for each in clauses(form) if each != clause]
    fewer = {**form, "ConditionExpression": " AND ".join(left)}
    used = re.findall(r":\w+", f"{form['UpdateExpression']} {fewer['ConditionExpression']}")
    return fewer, {name: values[name] for name in used}


def came_through(table: SessionsTable, form: WriteForm, values: Mapping[str, Any]) -> bool:
    """Whether nothing but the clause held the write back: it is made, or its arithmetic fails."""
    try:
        return table.update("a-session", form, values).applied
    except ClientError as error:
        return "operand" in str(error) or "does not exist" in str(error)


# But the two that use a value alone: DynamoDB refuses values that nothing uses.
SHARING_A_VALUE = [
    each for each in deletion.DELETABLE if ":brace" not in each and ":BOOL" not in each
]


@pytest.mark.parametrize("clause", SHARING_A_VALUE)
def test_a_deletion_is_refused_by_the_clause_that_is_there_for_it(
    table_on_dynamodb_local: SessionsTable, monkeypatch: pytest.MonkeyPatch, clause: str
) -> None:
    table = table_on_dynamodb_local
    attribute = re.search(r"(?:timeoutConfig\.)?\w+(?=[,\s])", clause)
    assert attribute is not None
    name = attribute[0]
    met = configured(name[14:], None) if name.startswith("timeoutConfig") else without(name)
    put(table, met)
    with pytest.raises(InvalidItem):
        deletion.delete_session(table, "a-session")
    monkeypatch.setattr(
        deletion, "DELETABLE", [each for each in deletion.DELETABLE if each != clause]
    )
    deletion.delete_session(table, "a-session")
    assert item_with(table, "a-session") == {}
