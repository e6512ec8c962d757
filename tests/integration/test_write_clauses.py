"""Each clause of each condition is there for a case, in which the write is wrong without it."""

import re
from collections.abc import Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError

from domain import renewal as rule
from domain.session import Session
from storage.change import Write
from storage.item import Item
from storage.renewal import BY_TIMEOUT, OVERTAKEN, TO_THE_MAXIMUM, write_by_timeout, write_of
from storage.table import SessionsTable, WriteForm
from tests.integration.renewals import item_with, put
from tests.integration.test_renewal_write import configured, having, without
from tests.sessions import NOON_MS, session

NEAR_MAXIMUM = session(created=-710, active=-20, expires=5)
SLOW_CLOCK = session(active=1, expires=31)

# form, clause, what a first write saw (none: it is the first), what the write now meets
CASES: list[tuple[WriteForm, str, Session | None, Session | Item]] = [
    (BY_TIMEOUT, "expiresAt > :now", None, session(expires=0)),
    (BY_TIMEOUT, "expiresAt < maxExpiresAt", None, session(created=-690, active=0, expires=30)),
    (BY_TIMEOUT, "fullRenewalUntil >= :now", None, NEAR_MAXIMUM),
    (BY_TIMEOUT, "lastActivity <= :now", None, SLOW_CLOCK),
    (BY_TIMEOUT, "lastRenewalId <> :renewalId", None, session(last_renewal_id="r1")),
    (BY_TIMEOUT, "attribute_type(agentId, :S)", None, without("agentId")),
    (BY_TIMEOUT, "attribute_type(userId, :S)", None, having("userId", {"N": "1"})),
    (BY_TIMEOUT, "begins_with(metadata, :brace)", None, having("metadata", {"S": "[]"})),
    (BY_TIMEOUT, "attribute_type(createdAt, :N)", None, having("createdAt", {"S": "noon"})),
    (BY_TIMEOUT, "renewalCount >= :zero", None, without("renewalCount")),
    (BY_TIMEOUT, "timeoutMs > :zero", None, having("timeoutMs", {"N": "0"})),
    (BY_TIMEOUT, "timeoutSeconds > :zero", None, without("timeoutSeconds")),
    (
        BY_TIMEOUT,
        "attribute_type(fullRenewalBase, :N)",
        None,
        having("fullRenewalBase", {"S": "noon"}),
    ),
    *[
        (
            BY_TIMEOUT,
            f"attribute_type(timeoutConfig.{name}, :{kind})",
            None,
            configured(name, {"S": ""}),
        )
        for name, kind in {
            "timeoutMinutes": "N",
            "autoRenew": "BOOL",
            "maxDurationMinutes": "N",
            "warningThresholdMinutes": "N",
        }.items()
    ],
    # A second write meets a session that another call changed after the first one saw it.
    (TO_THE_MAXIMUM, "expiresAt > :now", NEAR_MAXIMUM, session(created=-710, expires=0)),
    (TO_THE_MAXIMUM, "expiresAt < maxExpiresAt", NEAR_MAXIMUM, session(created=-710, expires=10)),
    (
        TO_THE_MAXIMUM,
        "fullRenewalUntil < :now",
        NEAR_MAXIMUM,
        session(created=-710, active=-4, expires=1, timeout=5),
    ),
    (
        TO_THE_MAXIMUM,
        "lastActivity <= :now",
        NEAR_MAXIMUM,
        session(created=-710, active=1, expires=5),
    ),
    (
        TO_THE_MAXIMUM,
        "maxExpiresAt = :maxExpiresAt",
        NEAR_MAXIMUM,
        session(created=-710, active=-20, expires=5, maximum=725),
    ),
    (
        TO_THE_MAXIMUM,
        "lastRenewalId <> :renewalId",
        NEAR_MAXIMUM,
        session(created=-710, active=-20, expires=5, last_renewal_id="r1"),
    ),
    (OVERTAKEN, "expiresAt >= :expiresAt", SLOW_CLOCK, session(active=1, expires=30)),
    (OVERTAKEN, "expiresAt < maxExpiresAt", SLOW_CLOCK, session(created=-680, expires=40)),
    (
        OVERTAKEN,
        "lastRenewalId <> :renewalId",
        SLOW_CLOCK,
        session(active=1, expires=31, last_renewal_id="r1"),
    ),
]


def test_every_clause_of_every_form_has_its_case() -> None:
    cased = [(form["UpdateExpression"], clause) for form, clause, _, _ in CASES]
    stated = [
        (form["UpdateExpression"], clause)
        for form in (BY_TIMEOUT, TO_THE_MAXIMUM, OVERTAKEN)
        for clause in clauses(form)
    ]
    assert cased == stated


@pytest.mark.parametrize(
    ("form", "clause", "seen", "met"), CASES, ids=[clause for _, clause, _, _ in CASES]
)
def test_a_write_is_refused_by_the_clause_that_is_there_for_it(
    table_on_dynamodb_local: SessionsTable,
    form: WriteForm,
    clause: str,
    seen: Session | None,
    met: Session | Item,
) -> None:
    table = table_on_dynamodb_local
    used, values = write_after(table, seen)
    assert used is form
    put(table, met)
    before = item_with(table, "a-session")
    assert not table.update("a-session", form, values).applied
    assert item_with(table, "a-session") == before
    assert came_through(table, *without_clause(form, clause, values))


def write_after(table: SessionsTable, seen: Session | None) -> Write:
    if seen is None:
        return write_by_timeout(table, NOON_MS, "r1")
    return write_of(table, seen, rule.renew(seen, NOON_MS, "r1"), "r1")


def clauses(form: WriteForm) -> list[str]:
    return str(form["ConditionExpression"]).split(" AND ")


def without_clause(form: WriteForm, clause: str, values: Mapping[str, Any]) -> Write:
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
