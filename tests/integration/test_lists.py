"""Pages of sessions: whose, how many, in which order, and what is left out."""

import json
import uuid
from collections.abc import Mapping
from dataclasses import replace
from itertools import chain
from typing import Any

import pytest

from domain.session import Owner, Session
from storage.faults import StorageUnavailable
from storage.session_listing import list_sessions
from storage.table import SessionsTable
from tests.support.api_events import LAMBDA_CONTEXT, api_event
from tests.support.contract import assert_schema
from tests.support.functions import sessions_function
from tests.support.sessions import NOON_MS, session
from tests.support.tables import create_table, put, requests_to


@pytest.fixture
def empty_table(table: SessionsTable) -> SessionsTable:
    """A table of its own: a list of everyone's sessions shows all there are."""
    return create_table(table.client)


def an_id() -> str:
    return str(uuid.uuid4())


def stored(table: SessionsTable, **fields: Any) -> Session:
    made = session(fields.pop("session_id", an_id()), **fields)
    put(table, made)
    return made


def page(table: SessionsTable, query: Mapping[str, str]) -> dict[str, Any]:
    handler = sessions_function(table, lambda: NOON_MS)
    response = handler(api_event("GET", query=query), LAMBDA_CONTEXT)
    body: dict[str, Any] = json.loads(response["body"])
    assert_schema("SessionPage", body)
    assert body["total"] == len(body["sessions"])
    return body


def flat(found: list[list[str]]) -> list[str]:
    return list(chain.from_iterable(found))


def pages(table: SessionsTable, **query: str) -> list[list[str]]:
    """The session IDs of every page, by following the cursors."""
    found = []
    while True:
        body = page(table, query)
        found.append([each["sessionId"] for each in body["sessions"]])
        if "cursor" not in body:
            return found
        query["cursor"] = body["cursor"]


@pytest.mark.parametrize("name", ["userId", "agentId"])
def test_a_list_is_newest_first_over_all_its_pages(table: SessionsTable, name: str) -> None:
    owner = {"user_id" if name == "userId" else "agent_id": an_id()}
    made = [stored(table, created=-number, active=0, **owner) for number in (1, 5, 2, 4, 3)]
    newest_first = [made[index].session_id for index in (0, 2, 4, 3, 1)]
    (owner_id,) = owner.values()
    found = pages(table, **{name: owner_id, "limit": "2"})
    assert [len(each) for each in found] == [2, 2, 1]
    assert flat(found) == newest_first


def test_sessions_of_one_instant_are_each_listed_once(table: SessionsTable) -> None:
    user_id = an_id()
    made = {stored(table, user_id=user_id).session_id for _ in range(7)}
    found = flat(pages(table, userId=user_id, limit="2"))
    assert len(found) == 7
    assert set(found) == made


def test_a_user_and_an_agent_have_the_sessions_between_them(table: SessionsTable) -> None:
    user_id, agent_id = an_id(), an_id()
    between = stored(table, user_id=user_id, agent_id=agent_id)
    stored(table, user_id=user_id, agent_id=an_id())
    stored(table, user_id=an_id(), agent_id=agent_id)
    assert flat(pages(table, userId=user_id, agentId=agent_id, limit="1")) == [between.session_id]


def test_everyones_sessions_are_each_on_one_page(empty_table: SessionsTable) -> None:
    made = {stored(empty_table, user_id=an_id()).session_id for _ in range(5)}
    stored(empty_table, expires=-1)
    found = pages(empty_table, limit="2")
    assert max(map(len, found)) <= 2
    assert sorted(flat(found)) == sorted(made)


def test_a_list_of_nobody_is_an_empty_page(table: SessionsTable) -> None:
    with requests_to(table) as requests:
        assert page(table, {"userId": an_id()}) == {"sessions": [], "total": 0}
    assert requests == ["Query"]


def test_a_page_is_two_requests_and_reads_no_more_entries_than_its_limit(
    table: SessionsTable,
) -> None:
    user_id = an_id()
    for number in range(5):
        stored(table, user_id=user_id, created=-number - 1, active=-1, expires=-number)
    alive = stored(table, user_id=user_id, created=-60)
    with requests_to(table) as requests:
        first = page(table, {"userId": user_id, "limit": "5"})
    assert requests == ["Query", "BatchGetItem"]
    assert first["sessions"] == []  # all that it read has expired; there is more
    second = page(table, {"userId": user_id, "limit": "5", "cursor": first["cursor"]})
    assert [each["sessionId"] for each in second["sessions"]] == [alive.session_id]


def test_a_page_of_everyone_is_one_request(empty_table: SessionsTable) -> None:
    stored(empty_table)
    with requests_to(empty_table) as requests:
        page(empty_table, {})
    assert requests == ["Scan"]


def test_what_is_older_than_any_live_session_is_not_even_read(table: SessionsTable) -> None:
    user_id = an_id()
    old = {"created": -2880, "active": -60, "expires": -30, "maximum": 2880}
    stored(table, user_id=user_id, **old)
    oldest = stored(
        table, user_id=user_id, created=-2879, active=-1, expires=1, timeout=2, maximum=2880
    )
    body = page(table, {"userId": user_id, "limit": "1"})
    assert [each["sessionId"] for each in body["sessions"]] == [oldest.session_id]
    assert page(table, {"userId": user_id, "cursor": body["cursor"]})["sessions"] == []


def test_a_page_holds_fifty_sessions_unless_asked_and_a_hundred_at_most(
    table: SessionsTable,
) -> None:
    user_id = an_id()
    for number in range(101):
        stored(table, user_id=user_id, session_id=f"{user_id}-{number}")
    assert page(table, {"userId": user_id})["total"] == 50
    assert page(table, {"userId": user_id, "limit": "100"})["total"] == 100


def test_a_session_that_expires_or_goes_between_index_and_read_is_left_out(
    table_on_moto: SessionsTable,
) -> None:
    table = table_on_moto
    user_id = an_id()
    expires, goes, stays = (stored(table, user_id=user_id) for _ in range(3))

    def meanwhile(**_: object) -> None:
        put(table, replace(expires, renewed_at_ms=NOON_MS - expires.timeout_ms))
        table.client.delete_item(TableName=table.name, Key={"sessionId": {"S": goes.session_id}})

    events = table.client.meta.events
    events.register("provide-client-params.dynamodb.BatchGetItem", meanwhile)
    try:
        body = page(table, {"userId": user_id})
    finally:
        events.unregister("provide-client-params.dynamodb.BatchGetItem", meanwhile)
    assert [each["sessionId"] for each in body["sessions"]] == [stays.session_id]


def test_an_item_that_is_not_a_session_is_left_out_and_logged(
    table: SessionsTable, capsys: pytest.CaptureFixture[str]
) -> None:
    user_id = an_id()
    sound = stored(table, user_id=user_id)
    broken = an_id()
    put(
        table,
        {
            "sessionId": {"S": broken},
            "userId": {"S": user_id},
            "createdAt": {"N": str(NOON_MS)},
            "secret": {"S": "hush"},
        },
    )
    body = page(table, {"userId": user_id})
    assert [each["sessionId"] for each in body["sessions"]] == [sound.session_id]
    defect, listed, _ = map(json.loads, capsys.readouterr().out.splitlines())
    assert (defect["level"], defect["session_id"]) == ("ERROR", broken)
    assert "agentId is missing" in defect["cause"]
    assert listed["outcome"] == "listed"
    assert "hush" not in json.dumps([defect, body])


def test_what_dynamodb_leaves_unread_is_read_three_times_at_most(
    table_on_moto: SessionsTable,
) -> None:
    """Throttled, it reads a part and says which part it did not."""
    table = table_on_moto
    user_id = an_id()
    made = {stored(table, user_id=user_id).session_id for _ in range(4)}
    replies = 0

    def leave_one(parsed: dict[str, Any], **_: object) -> None:
        nonlocal replies
        replies += 1
        item = parsed["Responses"][table.name].pop()
        key = {"sessionId": item["sessionId"]}
        parsed["UnprocessedKeys"] = {table.name: {"Keys": [key], "ConsistentRead": True}}

    def leave_one_once(parsed: dict[str, Any], **_: object) -> None:
        if not replies:
            leave_one(parsed)

    events = table.client.meta.events
    for leave, outcome in ((leave_one_once, made), (leave_one, None)):
        replies = 0
        events.register("after-call.dynamodb.BatchGetItem", leave)
        try:
            if outcome is None:
                with pytest.raises(StorageUnavailable, match="left unread by 3 reads"):
                    list_sessions(table, Owner(user_id), 10, None, NOON_MS)
            else:
                found = list_sessions(table, Owner(user_id), 10, None, NOON_MS).sessions
                assert {each.session.session_id for each in found} == outcome
        finally:
            events.unregister("after-call.dynamodb.BatchGetItem", leave)
    assert replies == 3
