"""What of the table's stream is passed to ExpiryFunction: starts of timers, and removals by TTL."""

import time
import uuid

import boto3
import pytest

from domain.creation import CreationRequest
from domain.session import MS_PER_MINUTE
from domain.timeout import TimeoutChange
from local.stream import Record, Stream
from storage.attribute_values import Item
from storage.idempotency import idempotency_record, idempotency_record_id
from storage.start_marker import start_marker, started_session_id
from storage.table import SessionsTable
from tests.support.api_events import LAMBDA_CONTEXT, SESSIONS, Answered, api_event, renewal_event
from tests.support.deployed_template import Deployment
from tests.support.functions import renew_function, sessions_function
from tests.support.sessions import NOON_MS, SIGNING_KEY, session
from tests.support.stream_filters import DOCUMENTED_BY_LAMBDA, matches, operators, patterns
from tests.support.stream_records import ttl_deletion
from tests.support.tables import create_table

MAX_FILTERS, MAX_PATTERN_CHARS = 5, 4096
"""Lambda's quota without a request, and the limit of ``Filter`` in its API reference."""

MAX_WAIT_SECONDS = 10
STACK, WITHOUT_TIMERS = Deployment(), Deployment({"Timers": "off"})
REQUEST = CreationRequest(session().agent_id, session().user_id, "{}", TimeoutChange())


def creation_record() -> Item:
    """An idempotency record."""
    record_id = idempotency_record_id(REQUEST, "a-key", SIGNING_KEY)
    return idempotency_record(record_id, session(), REQUEST)


def key_of(item: Item) -> str:
    key: str = item["sessionId"]["S"]
    return key


def change(kind: str, key: str) -> Record:
    """The record of an item that was inserted or modified: of a new one it has the key alone."""
    image = {} if kind == "INSERT" else {"OldImage": {"sessionId": {"S": key}}}
    return {"eventName": kind, "dynamodb": {"Keys": {"sessionId": {"S": key}}, **image}}


@pytest.mark.parametrize("first", "0123456789abcdef")
def test_a_new_session_starts_its_timer(first: str) -> None:
    session_id = first + str(uuid.uuid4())[1:]
    assert matches(STACK, change("INSERT", session_id))


def test_a_start_marker_starts_a_timer() -> None:
    assert matches(STACK, change("INSERT", key_of(start_marker("a-session", NOON_MS))))


def test_an_idempotency_record_starts_no_timer() -> None:
    assert not matches(STACK, change("INSERT", key_of(creation_record())))


@pytest.mark.parametrize("item", [start_marker("a-session", NOON_MS), creation_record()])
def test_removals_by_ttl_are_passed_for_sessions_alone(item: Item) -> None:
    assert matches(STACK, ttl_deletion(session()))
    assert not matches(STACK, ttl_deletion(item))


def test_a_change_of_an_item_is_not_passed() -> None:
    for key in (str(uuid.uuid4()), key_of(start_marker("a-session", NOON_MS))):
        assert not matches(STACK, change("MODIFY", key))


def test_a_session_that_a_client_deletes_is_not_passed() -> None:
    by_a_client = ttl_deletion(session())
    del by_a_client["userIdentity"]
    assert not matches(STACK, by_a_client)


def test_without_timers_only_removals_by_ttl_are_passed() -> None:
    started = [str(uuid.uuid4()), key_of(start_marker("a-session", NOON_MS))]
    assert not any(matches(WITHOUT_TIMERS, change("INSERT", key)) for key in started)
    assert matches(WITHOUT_TIMERS, ttl_deletion(session()))


def test_lambda_documents_every_operator_of_the_filters() -> None:
    used = [each for pattern in patterns(STACK) for each in operators(pattern)]
    assert {"exists", "prefix"} <= {name for name, _ in used} <= DOCUMENTED_BY_LAMBDA
    assert not [value for name, value in used if isinstance(value, dict)]


def test_the_filters_keep_within_lambdas_limits() -> None:
    assert len(patterns(STACK)) <= MAX_FILTERS
    assert max(map(len, patterns(STACK))) <= MAX_PATTERN_CHARS


@pytest.fixture
def table(table_on_dynamodb_local: SessionsTable) -> SessionsTable:
    """A new table, with a stream of its own."""
    return create_table(table_on_dynamodb_local.client)


@pytest.fixture
def stream(table: SessionsTable, dynamodb_local_endpoint: str) -> Stream:
    """The table's stream, from now on."""
    streams = boto3.client("dynamodbstreams", endpoint_url=dynamodb_local_endpoint)
    description = table.client.describe_table(TableName=table.name)["Table"]
    return Stream(streams, description["LatestStreamArn"])


def read_until_removed(stream: Stream, session_id: str) -> list[Record]:
    """The next records, until that of the session's deletion."""
    records: list[Record] = []
    deadline = time.monotonic() + MAX_WAIT_SECONDS
    while ("REMOVE", session_id) not in [(each["eventName"], key_in(each)) for each in records]:
        assert time.monotonic() < deadline, records
        records += stream.new_records()
    return records


def key_in(record: Record) -> str:
    key: str = record["dynamodb"]["Keys"]["sessionId"]["S"]
    return key


def test_of_a_sessions_whole_life_two_records_are_passed(
    table: SessionsTable, stream: Stream
) -> None:
    """Its creation, and a change that brings its expiry nearer. Renewals are not."""
    now_ms = NOON_MS
    sessions = sessions_function(table, lambda: now_ms)
    renew = renew_function(table, lambda: now_ms)
    body = {"agentId": session().agent_id, "userId": session().user_id}
    created = Answered(sessions(api_event("POST", body=body, key="a-key"), LAMBDA_CONTEXT))
    session_id = created.body["sessionId"]

    def call(method: str, path: str, body: object = None) -> Answered:
        route = f"{SESSIONS}/{{sessionId}}{path}"
        event = api_event(method, route, session_id=session_id, body=body, request_id="request-2")
        return Answered(sessions(event, LAMBDA_CONTEXT))

    answers = [created]
    now_ms += MS_PER_MINUTE
    answers += [Answered(renew(renewal_event(session_id), LAMBDA_CONTEXT))]
    now_ms += MS_PER_MINUTE
    answers += [
        call("POST", "/heartbeat"),
        call("PATCH", "/timeout", {"timeoutMinutes": 60}),
        call("PATCH", "/timeout", {"timeoutMinutes": 5}),
        call("DELETE", ""),
    ]

    assert [answer.status for answer in answers] == [201, 200, 200, 200, 200, 200]
    records = read_until_removed(stream, session_id)
    changes = [record["eventName"] for record in records if key_in(record) == session_id]
    assert changes == ["INSERT", "MODIFY", "MODIFY", "MODIFY", "MODIFY", "REMOVE"]
    made, changed = [key_in(record) for record in records if matches(STACK, record)]
    assert (made, started_session_id(changed)) == (session_id, session_id)
    assert made != changed
