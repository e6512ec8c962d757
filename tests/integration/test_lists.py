"""Pages of sessions: whose, how many, in which order, and what is left out."""

import json
import uuid
from collections.abc import Mapping
from dataclasses import replace
from itertools import chain
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api import collection_routes
from domain.session import Owner, Session
from runtime.deadline import Deadline
from storage import session_listing
from storage.faults import StorageUnavailable
from storage.item import item_of
from storage.session_listing import list_sessions
from storage.table import SessionsTable
from tests.support.api_events import LAMBDA_CONTEXT, api_event
from tests.support.contract import assert_schema
from tests.support.functions import sessions_function
from tests.support.sessions import NOON_MS, minutes, session
from tests.support.tables import create_table, put, put_all, recorded_requests, requests_to


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


def test_a_page_of_live_sessions_is_two_requests(table: SessionsTable) -> None:
    user_id = an_id()
    for _ in range(3):
        stored(table, user_id=user_id)
    with requests_to(table) as requests:
        assert page(table, {"userId": user_id, "limit": "2"})["total"] == 2
    assert requests == ["Query", "BatchGetItem"]


def test_expired_sessions_hide_no_live_one(table: SessionsTable) -> None:
    user_id = an_id()
    for number in range(5):
        stored(table, user_id=user_id, created=-number - 1, active=-1, expires=-number)
    alive = stored(table, user_id=user_id, created=-60)
    body = page(table, {"userId": user_id, "limit": "5"})
    assert [each["sessionId"] for each in body["sessions"]] == [alive.session_id]
    assert "cursor" not in body


@pytest.mark.parametrize("owner", ["userId", "agentId", None])
def test_a_session_whose_expiry_is_announced_is_in_no_list(
    empty_table: SessionsTable, owner: str | None
) -> None:
    """Its expiry is ahead of the clock that lists it."""
    user_id, agent_id = an_id(), an_id()
    live = stored(empty_table, user_id=user_id, agent_id=agent_id)
    stored(empty_table, user_id=user_id, agent_id=agent_id, announced_at_ms=NOON_MS + 1000)
    query = {"userId": {"userId": user_id}, "agentId": {"agentId": agent_id}, None: {}}[owner]
    assert flat(pages(empty_table, limit="10", **query)) == [live.session_id]


def test_one_request_shows_all_live_sessions_beside_many_expired(
    table_on_dynamodb_local: SessionsTable,
) -> None:
    """The reference's client sends no limit, and reads no cursor."""
    table, user_id = create_table(table_on_dynamodb_local.client), an_id()
    alive = [session(an_id(), user_id=user_id) for _ in range(120)]
    expired = [session(an_id(), user_id=user_id, expires=-1) for _ in range(300)]
    put_all(table, alive + expired)
    for query in ({}, {"userId": user_id}):
        body = page(table, query)
        listed = {each["sessionId"] for each in body["sessions"]}
        assert listed == {each.session_id for each in alive}
        assert "cursor" not in body


@settings(max_examples=15)
@given(alive=st.lists(st.booleans(), max_size=14), limit=st.integers(1, 6), everyone=st.booleans())
def test_every_page_but_the_last_is_full(
    table_on_moto: SessionsTable, alive: list[bool], limit: int, everyone: bool
) -> None:
    table = create_table(table_on_moto.client)
    user_id = an_id()
    made = [
        stored(table, user_id=user_id, created=-age, active=0, expires=30 if lives else 0)
        for age, lives in enumerate(alive, start=1)
    ]
    live = [each.session_id for each, lives in zip(made, alive, strict=True) if lives]
    found = pages(table, limit=str(limit), **({} if everyone else {"userId": user_id}))
    assert {len(each) for each in found[:-1]} <= {limit}
    assert len(found[-1]) <= limit
    if everyone:
        assert sorted(flat(found)) == sorted(live)
    else:
        assert flat(found) == live
    table.client.delete_table(TableName=table.name)


def test_a_page_is_short_only_after_twenty_reads(
    table: SessionsTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_listing, "MAX_READ_ENTRIES", 2)
    user_id = an_id()
    for number in range(39):  # one entry, and nineteen times two
        stored(table, user_id=user_id, created=-number - 1, active=-1, expires=0)
    alive = stored(table, user_id=user_id, created=-60)
    with requests_to(table) as requests:
        first = page(table, {"userId": user_id, "limit": "1"})
    assert requests == ["Query", "BatchGetItem"] * 20
    assert first["sessions"] == []
    second = page(table, {"userId": user_id, "limit": "1", "cursor": first["cursor"]})
    assert [each["sessionId"] for each in second["sessions"]] == [alive.session_id]


def test_each_read_is_four_times_the_one_before(empty_table: SessionsTable) -> None:
    """Up to 500 entries, so that a small page is cheap and a long search ends soon."""
    for _ in range(6):
        stored(empty_table, expires=-1)
    with recorded_requests(empty_table.client) as requests:
        page(empty_table, {"limit": "1"})
        page(empty_table, {})
    assert [each.parameters["Limit"] for each in requests] == [1, 4, 16, 500]


def test_a_page_of_everyone_is_one_request(empty_table: SessionsTable) -> None:
    stored(empty_table)
    with requests_to(empty_table) as requests:
        page(empty_table, {})
    assert requests == ["Scan"]


def test_what_is_older_than_any_live_session_is_not_even_read(table: SessionsTable) -> None:
    user_id = an_id()
    old = {"created": -43_200, "active": -60, "expires": -30, "maximum": 43_200}
    stored(table, user_id=user_id, **old)
    recent = {"created": -43_199, "active": -1, "expires": 1, "timeout": 2, "maximum": 43_200}
    oldest = stored(table, user_id=user_id, **recent)
    with requests_to(table) as requests:
        body = page(table, {"userId": user_id, "limit": "2"})
    assert [each["sessionId"] for each in body["sessions"]] == [oldest.session_id]
    assert requests == ["Query", "BatchGetItem"]


def test_a_page_holds_a_thousand_sessions_unless_asked_for_fewer(
    table_on_dynamodb_local: SessionsTable,
) -> None:
    table, user_id = create_table(table_on_dynamodb_local.client), an_id()
    put_all(table, [session(an_id(), user_id=user_id) for _ in range(1001)])
    first = page(table, {"userId": user_id})
    second = page(table, {"userId": user_id, "cursor": first["cursor"]})
    assert (first["total"], second["total"]) == (1000, 1)


@pytest.mark.parametrize("character", ["x", "é", '"'])
def test_a_page_fits_into_lambdas_response(
    table_on_dynamodb_local: SessionsTable, character: str
) -> None:
    """The body is a string in it, in which quotes are escaped."""
    table, user_id = create_table(table_on_dynamodb_local.client), an_id()
    metadata_json = json.dumps({"a": character * (10_000 // len(character.encode()) // 2)})
    made = [session(an_id(), user_id=user_id, metadata_json=metadata_json) for _ in range(840)]
    put_all(table, made)
    handler = sessions_function(table, lambda: NOON_MS)
    response = handler(api_event("GET", query={"userId": user_id}), LAMBDA_CONTEXT)
    # As AWS's runtime client writes it, for Python 3.12 and later.
    written = json.dumps(response, ensure_ascii=False).encode()
    assert 3_980_000 < len(written) < 4_020_000


@pytest.mark.parametrize("everyone", [True, False])
def test_what_does_not_fit_on_a_page_is_on_the_next(
    table: SessionsTable, monkeypatch: pytest.MonkeyPatch, *, everyone: bool
) -> None:
    monkeypatch.setattr(collection_routes, "MAX_PAGE_BYTES", 1_500)
    own_table = create_table(table.client)
    user_id = an_id()
    made = {stored(own_table, user_id=user_id).session_id for _ in range(7)}
    found = pages(own_table, **({} if everyone else {"userId": user_id}))
    assert [len(each) for each in found] == [2, 2, 2, 1]
    assert set(flat(found)) == made


def test_a_cursor_works_however_old_it_is(table: SessionsTable) -> None:
    """DynamoDB refuses to go on from an entry that the query would not return."""
    user_id = an_id()
    for number in range(2):
        recent = {"created": -43_199 - number / 60, "active": -1, "expires": 1}
        stored(table, user_id=user_id, timeout=2, maximum=43_200, **recent)
    query = {"userId": user_id, "limit": "1"}
    query["cursor"] = page(table, query)["cursor"]
    for minutes_later in (0, 1, 1000):
        handler = sessions_function(table, lambda: NOON_MS + minutes(minutes_later))  # noqa: B023 - called at once
        response = handler(api_event("GET", query=query), LAMBDA_CONTEXT)
        assert response["statusCode"] == 200


def test_a_list_reads_all_of_a_session_but_its_renewals() -> None:
    read = set(session_listing.LISTED_ATTRIBUTES.split(", "))
    assert read >= item_of(session(), 0).keys() - {"recentRenewals", "ttl"}


def test_no_read_begins_when_the_time_is_short(table: SessionsTable) -> None:
    """The client goes on with the cursor, where a 503 would have it begin again."""
    user_id = an_id()
    stored(table, user_id=user_id, created=-5, active=-1, expires=0)
    alive = stored(table, user_id=user_id, created=-60)
    short = table.until(Deadline.after(session_listing.SECONDS_FOR_A_READ - 1))
    first = list_sessions(short, Owner(user_id), 1, None, NOON_MS)
    assert first.sessions == []
    second = list_sessions(short, Owner(user_id), 1, first.next_position, NOON_MS)
    assert [each.session for each in second.sessions] == [alive]


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
    defect, listed = map(json.loads, capsys.readouterr().out.splitlines())
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
