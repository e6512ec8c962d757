"""SessionsFunction: an event of API Gateway in, an answer of the contract out."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.renewal_update import full_timeout_update
from storage.table import SessionsTable
from tests.support.api_events import LAMBDA_CONTEXT, SESSIONS, Answered, api_event
from tests.support.contract import assert_schema
from tests.support.functions import sessions_function
from tests.support.sessions import AGENT_ID, NOON_MS, USER_ID, minutes, session
from tests.support.tables import create_table, item_with, put, requests_to

ONE = f"{SESSIONS}/{{sessionId}}"
BODY = {"agentId": AGENT_ID, "userId": USER_ID}
CALLS = [
    ("GET", "", None),
    ("POST", "/heartbeat", None),
    ("PATCH", "/timeout", {"timeoutMinutes": 20}),
]
"""The calls that are answered with the session: method, path, body."""


def call(
    table: SessionsTable,
    method: str,
    path: str = SESSIONS,
    *,
    now_ms: int = NOON_MS,
    schema: str | None = None,
    **sent: Any,
) -> Answered:
    handler = sessions_function(table, lambda: now_ms)
    answer = Answered(handler(api_event(method, path, **sent), LAMBDA_CONTEXT))
    assert_schema(schema if schema and answer.status < 300 else "Error", answer.body)
    assert answer.headers["Cache-Control"] == "no-store"
    return answer


def create(table: SessionsTable, **sent: Any) -> Answered:
    return call(table, "POST", schema="CreatedSession", **{"body": BODY, **sent})


def on(table: SessionsTable, method: str, path: str = "", **sent: Any) -> Answered:
    """A call on ``a-session``, unless another one is named."""
    sent = {"session_id": "a-session", "schema": "SessionInfo", **sent}
    return call(table, method, f"{ONE}{path}", **sent)


def test_a_session_starts_with_the_deployments_defaults(table: SessionsTable) -> None:
    with requests_to(table) as requests:
        answer = create(table)
    assert requests == ["PutItem"]
    assert answer.status == 201
    assert answer.body == {
        "sessionId": answer.body["sessionId"],
        "agentId": AGENT_ID,
        "userId": USER_ID,
        "createdAt": "2100-01-01T12:00:00.000Z",
        "expiresAt": "2100-01-01T12:30:00.000Z",
        "metadata": {},
        "timeoutConfig": {
            "timeoutMinutes": 30,
            "autoRenew": True,
            "maxDurationMinutes": 720,
            "warningThresholdMinutes": 5,
        },
    }


def test_a_created_session_is_read_back_as_it_was_created(table: SessionsTable) -> None:
    config = {
        "timeoutMinutes": 7,
        "autoRenew": False,
        "maxDurationMinutes": 9,
        "warningThresholdMinutes": 1,
    }
    created = create(table, body={**BODY, "timeoutConfig": config}).body
    with requests_to(table) as requests:
        read = on(table, "GET", session_id=created["sessionId"])
    assert requests == ["GetItem"]
    assert read.status == 200
    assert {name: read.body[name] for name in created} == created
    assert (read.body["renewalCount"], read.body["timeRemaining"]) == (0, minutes(7))


def test_each_creation_without_a_key_makes_another_session(table: SessionsTable) -> None:
    ids = {create(table, request_id="one").body["sessionId"] for _ in range(3)}
    assert len(ids) == 3


@pytest.mark.parametrize(
    "metadata",
    [
        "{}",
        '{"a":1.0,"b":1E400,"c":-0,"d":0.10000000000000000555,"e":null,"f":"","g":[[],{}]}',
        f'{{"digits":{"9" * 5000}}}',
        '{"text":"\\ud800 \\u0000 é 😀 \u2028"}',
        '{"a":' + "[" * 99 + "]" * 99 + "}",
        '{"a":' * 100 + "1" + "}" * 100,
    ],
    ids=["empty", "numbers", "many-digits", "text", "deep-lists", "deep-objects"],
)
def test_metadata_comes_back_exactly_from_every_call(table: SessionsTable, metadata: str) -> None:
    """Compared as text: parsed by Python, some of these could not be told apart."""
    body = f'{{"agentId":"{AGENT_ID}","userId":"{USER_ID}","metadata":{metadata}}}'
    handler = sessions_function(table, lambda: NOON_MS)
    created = handler(api_event("POST", body=body), LAMBDA_CONTEXT)
    assert created["statusCode"] == 201
    session_id = created["body"].split('"')[3]
    for method, path, sent in CALLS:
        event = api_event(method, ONE + path, session_id=session_id, body=sent)
        assert handler(event, LAMBDA_CONTEXT)["body"].endswith(f'"metadata": {metadata}}}')


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(metadata=st.dictionaries(st.text(), json_values, max_size=4), ascii_only=st.booleans())
def test_whatever_json_object_the_metadata_is_it_comes_back_equal(
    table_on_dynamodb_local: SessionsTable, metadata: dict[str, Any], ascii_only: bool
) -> None:
    table = table_on_dynamodb_local
    body = json.dumps({**BODY, "metadata": metadata}, ensure_ascii=ascii_only, indent=1)
    created = create(table, body=body)
    assert created.body["metadata"] == metadata
    assert on(table, "GET", session_id=created.body["sessionId"]).body["metadata"] == metadata


def test_a_retried_creation_is_answered_as_the_first_was(
    table: SessionsTable,
) -> None:
    with requests_to(table) as requests:
        first = create(table, key="retried", request_id="one")
        again = create(table, key="retried", request_id="two", now_ms=NOON_MS + minutes(1))
    assert requests == ["TransactWriteItems"] * 2
    assert (again.status, again.body) == (201, first.body)


def test_a_retried_creation_counts_as_a_replay(
    table: SessionsTable, capsys: pytest.CaptureFixture[str]
) -> None:
    create(table, key="replayed")
    capsys.readouterr()
    create(table, key="replayed")
    (line,) = map(json.loads, capsys.readouterr().out.splitlines())
    assert (line["outcome"], line["Replays"]) == ("replayed", [1.0])


def test_a_retried_creation_replaces_no_session_that_was_deleted(
    table: SessionsTable,
) -> None:
    first = create(table, key="deleted-since").body["sessionId"]
    on(table, "DELETE", session_id=first, schema="Deleted")
    assert create(table, key="deleted-since").body["sessionId"] == first
    assert on(table, "GET", session_id=first).status == 404


def test_a_creations_key_expires_after_a_day(table: SessionsTable) -> None:
    """To the second, whether or not DynamoDB has deleted it by then."""
    first = create(table, key="a-day-ago").body["sessionId"]
    second = NOON_MS + minutes(24 * 60)
    assert create(table, key="a-day-ago", now_ms=second - 1).body["sessionId"] == first
    assert create(table, key="a-day-ago", now_ms=second).body["sessionId"] != first


def test_a_session_is_read_as_the_last_write_left_it(table_on_moto: SessionsTable) -> None:
    """DynamoDB's other reads may be behind, and so may an index: its sessions are read as well."""
    table = table_on_moto
    put(table, session())
    asked: dict[str, Any] = {}

    def note(params: dict[str, Any], model: Any, **_: object) -> None:
        asked[model.name] = params

    client_events = table.client.meta.events
    client_events.register("provide-client-params.dynamodb", note)
    try:
        handler = sessions_function(table, lambda: NOON_MS)
        for event in (
            api_event("GET", ONE, session_id="a-session"),
            api_event("GET", query={"userId": USER_ID}),
            api_event("GET"),
        ):
            assert handler(event, LAMBDA_CONTEXT)["statusCode"] == 200
    finally:
        client_events.unregister("provide-client-params.dynamodb", note)
    assert asked["GetItem"]["ConsistentRead"] is True
    assert asked["BatchGetItem"]["RequestItems"][table.name]["ConsistentRead"] is True
    assert asked["Scan"]["ConsistentRead"] is True


@pytest.mark.parametrize("name", ["agentId", "userId"])
def test_a_key_is_one_agents_and_one_users(table: SessionsTable, name: str) -> None:
    first = create(table, key="common").body["sessionId"]
    other = {**BODY, name: "00000000-0000-4000-8000-000000000000"}
    assert create(table, key="common", body=other).body["sessionId"] != first


@pytest.mark.parametrize("change", [{"metadata": {"a": 1}}, {"timeoutConfig": {"autoRenew": True}}])
def test_a_key_reused_for_another_request_is_400_and_reveals_nothing(
    table: SessionsTable, change: dict[str, Any]
) -> None:
    first = create(table, key="reused").body["sessionId"]
    answer = create(table, key="reused", body={**BODY, **change})
    assert (answer.status, answer.code) == (400, "VALIDATION_ERROR")
    assert answer.body["error"]["message"].startswith("Idempotency-Key must be ")
    assert first not in json.dumps(answer.body)


def test_an_idempotency_record_cannot_be_reached_as_a_session(table: SessionsTable) -> None:
    table = create_table(table.client)  # whose scan is one page
    create(table, key="known")
    scanned = table.client.scan(TableName=table.name, ConsistentRead=True)["Items"]
    records = [item for item in scanned if "createdSessionId" in item]
    assert records
    for record in records:
        session_id = record["sessionId"]["S"]
        with requests_to(table) as requests:
            for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/heartbeat")):
                assert on(table, method, path, session_id=session_id).status == 404
        assert requests == []
        assert "userId" not in record  # so it is in no index


def test_a_heartbeat_with_automatic_renewal_extends_and_counts(table: SessionsTable) -> None:
    put(table, session(renewal_count=3))
    with requests_to(table) as requests:
        answer = on(table, "POST", "/heartbeat")
    assert requests == ["UpdateItem"]
    assert (answer.body["renewalCount"], answer.body["timeRemaining"]) == (4, minutes(30))


@pytest.mark.parametrize(
    "stored",
    [session(auto_renew=False), session(created=-700, expires=20)],
    ids=["not-automatic", "at-the-maximum"],
)
def test_a_heartbeat_that_cannot_renew_is_recorded_and_never_422(
    table: SessionsTable, stored: Any
) -> None:
    put(table, stored)
    with requests_to(table) as requests:
        answer = on(table, "POST", "/heartbeat")
    assert requests == ["UpdateItem"] * 2
    assert answer.status == 200
    assert (answer.body["renewalCount"], answer.body["timeRemaining"]) == (0, minutes(20))
    assert answer.body["lastActivity"] == "2100-01-01T12:00:00.000Z"


def test_a_retried_heartbeat_counts_once(table: SessionsTable) -> None:
    put(table, session())
    for request_id in ("one", "two"):
        answer = on(table, "POST", "/heartbeat", key="heartbeat", request_id=request_id)
        assert answer.body["renewalCount"] == 1


def test_the_given_limits_replace_the_sessions_own(
    table: SessionsTable,
) -> None:
    put(table, session(active=-5, expires=25, warning=9, renewal_count=2))
    with requests_to(table) as requests:
        answer = on(table, "PATCH", "/timeout", body={"timeoutMinutes": 45, "autoRenew": False})
    assert requests == ["GetItem", "UpdateItem"]
    assert answer.body["timeoutConfig"] == {
        "timeoutMinutes": 45,
        "autoRenew": False,
        "maxDurationMinutes": 720,
        "warningThresholdMinutes": 9,
    }
    assert (answer.body["renewalCount"], answer.body["timeRemaining"]) == (2, minutes(40))
    assert answer.body["lastActivity"] == "2100-01-01T11:55:00.000Z"


def test_limits_that_contradict_those_that_stay_are_400(table: SessionsTable) -> None:
    put(table, session(timeout=30, maximum=720))
    before = item_with(table, "a-session")
    answer = on(table, "PATCH", "/timeout", body={"maxDurationMinutes": 20})
    assert (answer.status, answer.code) == (400, "VALIDATION_ERROR")
    message = answer.body["error"]["message"]
    assert message.startswith("maxDurationMinutes must be at least timeoutMinutes: ")
    assert message.endswith(" they would be 20 and 30.")
    assert item_with(table, "a-session") == before


def test_a_session_that_its_new_limits_leave_expired_is_answered_so(table: SessionsTable) -> None:
    put(table, session(active=-8, expires=22))
    answer = on(table, "PATCH", "/timeout", body={"timeoutMinutes": 5})
    assert (answer.status, answer.body["timeRemaining"]) == (200, -minutes(3))
    assert on(table, "GET").status == 410


@pytest.mark.parametrize(("method", "path", "body"), CALLS)
def test_an_expired_session_is_410_and_a_missing_one_404(
    table: SessionsTable, method: str, path: str, body: object
) -> None:
    put(table, session(expires=0))
    before = item_with(table, "a-session")
    with requests_to(table) as requests:
        assert on(table, method, path, body=body).status == 410
        assert on(table, method, path, body=body, session_id="nobody's").status == 404
    assert len(requests) == 2
    assert item_with(table, "a-session") == before


@pytest.mark.parametrize(("method", "path", "body"), [*CALLS, ("DELETE", "", None)])
@pytest.mark.parametrize("session_id", ["", "x" * 2049, "\ud800"])
def test_an_id_that_no_session_can_have_is_404_without_a_look(
    table: SessionsTable, method: str, path: str, body: object, session_id: str
) -> None:
    with requests_to(table) as requests:
        assert on(table, method, path, body=body, session_id=session_id).status == 404
    assert requests == []


@pytest.mark.parametrize("expires", [20, -1], ids=["live", "expired"])
def test_a_deleted_session_is_gone_expired_or_not(table: SessionsTable, expires: float) -> None:
    put(table, session(expires=expires))
    with requests_to(table) as requests:
        answer = on(table, "DELETE", schema="Deleted")
    assert requests == ["DeleteItem"]
    assert (answer.status, answer.body) == (200, {"success": True, "message": "Session deleted"})
    assert on(table, "GET").status == 404
    assert on(table, "DELETE").status == 404


@pytest.mark.parametrize(("method", "path", "body"), [*CALLS, ("DELETE", "", None)])
def test_an_item_that_is_not_a_session_is_500_and_stays_as_it_was(
    table: SessionsTable, method: str, path: str, body: object
) -> None:
    item = {"sessionId": {"S": "a-session"}, "secret": {"S": "hush"}}
    put(table, item)
    assert on(table, method, path, body=body).status == 500
    assert item_with(table, "a-session") == item


def test_health_counts_the_items_of_the_table(table: SessionsTable) -> None:
    own_table = create_table(table.client)
    for number in range(3):
        put(own_table, session(f"session-{number}"))
    with requests_to(own_table) as requests:
        answer = call(own_table, "GET", f"{SESSIONS}/health", schema="Health")
    assert requests == ["DescribeTable"]
    assert answer.body == {
        "status": "healthy",
        "activeSessions": 3,
        "timestamp": "2100-01-01T12:00:00.000Z",
    }


def test_health_asks_the_table_once_a_minute_and_again_after_an_error(
    table_on_moto: SessionsTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_ms = [NOON_MS]
    function = sessions_function(table_on_moto, lambda: at_ms[0])
    event = api_event("GET", f"{SESSIONS}/health")

    def ask(seconds_after_noon: float) -> tuple[int, int]:
        """The status, and how many requests it took."""
        at_ms[0] = NOON_MS + round(seconds_after_noon * 1000)
        with requests_to(table_on_moto) as requests:
            answer = Answered(function(event, LAMBDA_CONTEXT))
        return answer.status, len(requests)

    monkeypatch.setattr("storage.session_reading.SERVING_STATUSES", ())
    assert [ask(-2), ask(-1)] == [(503, 1), (503, 1)]
    monkeypatch.undo()
    assert [ask(0), ask(0.001), ask(59.999), ask(60), ask(61)] == [
        (200, 1),
        (200, 0),
        (200, 0),
        (200, 1),
        (200, 0),
    ]
    assert ask(-3600) == (200, 1)  # a clock that was set back


@pytest.mark.parametrize(
    ("status", "expected"),
    [("ACTIVE", 200), ("UPDATING", 200), ("CREATING", 503), ("ARCHIVED", 503)],
)
def test_health_is_unhealthy_while_the_table_does_not_serve(
    table_on_moto: SessionsTable, status: str, expected: int
) -> None:
    table = table_on_moto

    def report(parsed: dict[str, Any], **_: object) -> None:
        parsed["Table"]["TableStatus"] = status

    client_events = table.client.meta.events
    client_events.register("after-call.dynamodb.DescribeTable", report)
    try:
        event = api_event("GET", f"{SESSIONS}/health")
        answer = Answered(sessions_function(table, lambda: NOON_MS)(event, LAMBDA_CONTEXT))
    finally:
        client_events.unregister("after-call.dynamodb.DescribeTable", report)
    assert answer.status == expected
    assert_schema("Health" if expected == 200 else "Unhealthy", answer.body)


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        (SESSIONS, "GET, POST"),
        (f"{SESSIONS}/health", "GET"),
        (ONE, "DELETE, GET"),
        (f"{ONE}/heartbeat", "POST"),
        (f"{ONE}/timeout", "PATCH"),
    ],
)
@pytest.mark.parametrize("method", ["ANY", "PUT", "HEAD"])
def test_another_method_is_405_and_names_the_right_ones(
    table: SessionsTable, method: str, path: str, allowed: str
) -> None:
    answer = call(table, method, path)
    assert (answer.status, answer.code) == (405, "METHOD_NOT_ALLOWED")
    assert answer.headers["Allow"] == allowed


SECRET = "4111-1111"  # noqa: S105 - stands for what must not be logged


@pytest.mark.parametrize(
    ("method", "path", "outcome", "metric"),
    [
        ("POST", SESSIONS, "created", "Creations"),
        ("GET", ONE, "read", "Reads"),
        ("POST", f"{ONE}/heartbeat", "active", "Heartbeats"),
        ("PATCH", f"{ONE}/timeout", "timeout changed", "TimeoutChanges"),
        ("GET", SESSIONS, "listed", "Lists"),
        ("GET", f"{SESSIONS}/health", "healthy", "HealthChecks"),
        ("DELETE", ONE, "deleted", "Deletions"),
        ("PUT", SESSIONS, "METHOD_NOT_ALLOWED", "Refusals"),
    ],
)
def test_a_call_is_one_line_with_its_facts_and_no_secret(  # noqa: PLR0913, PLR0917 - pytest's way
    table_on_moto: SessionsTable,
    capsys: pytest.CaptureFixture[str],
    method: str,
    path: str,
    outcome: str,
    metric: str,
) -> None:
    table = table_on_moto
    put(table, session(metadata_json=f'{{"card":"{SECRET}"}}'))
    body = {**BODY, "metadata": {"card": SECRET}} if path == SESSIONS else {"timeoutMinutes": 9}
    event = api_event(
        method, path, session_id="a-session" if path.startswith(ONE) else None, body=body
    )
    event["headers"]["authorization"] = SECRET
    sessions_function(table, lambda: NOON_MS)(event, LAMBDA_CONTEXT)
    out = capsys.readouterr().out
    (line,) = map(json.loads, out.splitlines())
    assert line["outcome"] == outcome
    assert line["correlation_id"] == "request-1"
    assert line[metric] == [1.0]
    assert bool(line["session_id"]) is (path.startswith(ONE) or outcome == "created")
    assert SECRET not in out


def test_a_renewal_is_one_write_unit_and_none_of_an_index(
    table_on_dynamodb_local: SessionsTable,
) -> None:
    table = table_on_dynamodb_local
    created = create(table, body={**BODY, "metadata": {"channel": "web"}})
    session_id = created.body["sessionId"]
    for number in range(2):
        update = full_timeout_update(table, NOON_MS, f"r{number}")
        reply = table.client.update_item(
            TableName=table.name,
            Key={"sessionId": {"S": session_id}},
            ExpressionAttributeValues=update.values,
            ReturnConsumedCapacity="INDEXES",
            **update.expression,
        )
        consumed = reply["ConsumedCapacity"]
        assert consumed["CapacityUnits"] == consumed["Table"]["CapacityUnits"] == 1
        assert "GlobalSecondaryIndexes" not in consumed
