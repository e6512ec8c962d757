"""Wrong requests of SessionsFunction: each is told what is wrong with it, and changes nothing."""

import json
import uuid
from collections.abc import Callable
from functools import partial
from string import ascii_letters, digits
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.cursors import sign_cursor
from domain.session import Owner
from storage.session_listing import Position
from storage.table import SessionsTable
from tests.support.api_events import LAMBDA_CONTEXT, SESSIONS, Answered, api_event
from tests.support.contract import assert_schema
from tests.support.functions import sessions_function
from tests.support.sessions import AGENT_ID, NOON_MS, SIGNING_KEY, USER_ID, session
from tests.support.tables import create_table, item_with, put, requests_to

CODES = {400: "VALIDATION_ERROR", 413: "PAYLOAD_TOO_LARGE", 415: "UNSUPPORTED_MEDIA_TYPE"}
Why = Callable[..., str]


def spelt(members: dict[str, str]) -> str:
    """The object of these members, each as JSON; without those that are empty."""
    parts = [f"{json.dumps(name)}:{value}" for name, value in members.items() if value]
    return f"{{{','.join(parts)}}}"


def create(**members: str) -> dict[str, Any]:
    both = {"agentId": f'"{AGENT_ID}"', "userId": f'"{USER_ID}"'}
    return api_event("POST", body=spelt(both | members))


def change(body: str) -> dict[str, Any]:
    return api_event("PATCH", f"{SESSIONS}/{{sessionId}}/timeout", session_id="id", body=body)


def page(**query: str) -> dict[str, Any]:
    return api_event("GET", query=query)


def send(table: SessionsTable, event: Any) -> Answered:
    handler = sessions_function(table, lambda: NOON_MS)
    answer = Answered(handler(event, LAMBDA_CONTEXT))
    if answer.status >= 400:
        assert_schema("Error", answer.body)
    return answer


def refusal(table: SessionsTable, event: Any, status: int = 400) -> str:
    """The message, once it is sure that the table was not even looked at."""
    with requests_to(table) as calls:
        answer = send(table, event)
    assert (answer.status, answer.code, calls) == (status, CODES[status], [])
    return str(answer.body["error"]["message"])


@pytest.fixture(scope="module")
def empty_table(table_on_moto: SessionsTable) -> SessionsTable:
    """A table of its own: a list of everyone's sessions reads all that other tests stored."""
    return create_table(table_on_moto.client)


@pytest.fixture
def why(table_on_moto: SessionsTable) -> Why:
    return partial(refusal, table_on_moto)


shown = "{!a:.50}".format
HUGE = "1" + "0" * 5000
ID = AGENT_ID
NO_UUIDS = ["", "x", f"urn:uuid:{ID}", f"{ID},{ID}", f" {ID}", f"{ID}\n", f"{ID}0", "\ud800"]
NO_UUIDS += [f"{ID[:-1]}g", f"{ID[:-1]}٣", ID.replace("-", "")]
NO_IDS = ["null", "1", "true", "[]", f'["{ID}"]', HUGE, *map(json.dumps, NO_UUIDS)]
NO_METADATA = ["[]", '"{}"', "1", "true", f'{{"a":"{"x" * 10_233}"}}']
NO_CONFIGS = ["[]", '"{}"', "30", "true"]
METADATA = "a JSON object of at most 10240 bytes in compact UTF-8"
NO_FIELD = "left out: the API has no such field"


def named(field: str) -> str:
    """A field as it is shown: cut, and to be seen even where it has no name."""
    return field[:100] or '""'


WRONG_MEMBERS = [(name, "", "given: a UUID") for name in ("agentId", "userId")]
WRONG_MEMBERS += [("agentId", value, "a UUID") for value in NO_IDS] + [("userId", "1", "a UUID")]
WRONG_MEMBERS += [("metadata", value, METADATA) for value in NO_METADATA]
WRONG_MEMBERS += [("timeoutConfig", value, "an object") for value in NO_CONFIGS]
DEEP = f'{{"a":{"[" * 100}{"]" * 100}}}'
DEEP_LEVELS = "nested at most 100 levels deep"
WRONG_MEMBERS += [(name, DEEP, DEEP_LEVELS) for name in ("metadata", "other", "", "x" * 999)]


@pytest.mark.parametrize(("name", "value", "allowed"), WRONG_MEMBERS, ids=shown)
def test_a_wrong_member_is_named(why: Why, name: str, value: str, allowed: str) -> None:
    assert why(create(**{name: value})) == f"{named(name)} must be {allowed}."


UNKNOWN_MEMBERS = ["channelId", "sessionId", "agent_id", "ttl", "", "x" * 999, "\\ud800"]


@pytest.mark.parametrize("name", UNKNOWN_MEMBERS, ids=shown)
def test_an_unknown_member_of_a_creation_is_ignored(
    table_on_moto: SessionsTable, name: str
) -> None:
    """A newer client sends more than this API knows."""
    body = f'{create()["body"][:-1]},"{name}":{{"a":[1]}}}}'
    created = send(table_on_moto, api_event("POST", body=body))
    assert (created.status, created.body["metadata"]) == (201, {})


@pytest.mark.parametrize("name", ["metadata", "timeoutConfig"])
def test_null_counts_as_omitted(table_on_moto: SessionsTable, name: str) -> None:
    given, omitted = (
        send(table_on_moto, create(**members)).body for members in ({name: "null"}, {})
    )
    assert given[name] == omitted[name]


@pytest.mark.parametrize("character", ["x", "é", "😀"])
def test_metadata_is_measured_compact_and_in_utf_8(table: SessionsTable, character: str) -> None:
    filling = character * (10_232 // len(character.encode()))
    escaped = "\\u" + filling.encode("utf-16-be").hex(" ", 2).replace(" ", "\\u")
    answer = send(table, create(metadata=f'{{\n "\\u0061" :\t"{escaped}" }}'))
    stored = item_with(table, answer.body["sessionId"])["metadata"]["S"]
    assert (stored, len(stored.encode())) == (f'{{"a":"{filling}"}}', 10_240)
    assert METADATA in refusal(table, create(metadata=f'{{"a":"{escaped}\\u0078"}}'))


RANGES = {"timeoutMinutes": (5, 1440), "maxDurationMinutes": (5, 2880)}
RANGES |= {"warningThresholdMinutes": (1, 1440)}
NO_MINUTES = ['"30"', "30.5", "true", "[]", "1e400", "1e-400", HUGE, "0", "-30"]
NO_BOOLEANS = ['"true"', "0", "1", "[]"]
UNKNOWN = ["timeout_minutes", "agentId", "", "é\n", "__class__"]
WRONG_LIMITS = [
    (field, value, f"a whole number from {least} to {most}")
    for field, (least, most) in RANGES.items()
    for value in [str(least - 1), str(most + 1)]
]
WRONG_LIMITS += [("timeoutMinutes", value, "a whole number from 5 to 1440") for value in NO_MINUTES]
WRONG_LIMITS += [("autoRenew", value, "true or false") for value in NO_BOOLEANS]
WRONG_LIMITS += [(name, "30", NO_FIELD) for name in UNKNOWN]


@pytest.mark.parametrize(("field", "value", "allowed"), WRONG_LIMITS, ids=shown)
def test_a_wrong_time_limit_is_named(why: Why, field: str, value: str, allowed: str) -> None:
    limits = spelt({field: value})
    assert why(change(limits)) == f"{named(field)} must be {allowed}."
    assert why(create(timeoutConfig=limits)) == f"timeoutConfig.{named(field)} must be {allowed}."


RIGHT_LIMITS = [("timeoutMinutes", number) for number in ("30", "30.0", "3e1", "0.3E+2")]
RIGHT_LIMITS += [(field, str(end)) for field, ends in RANGES.items() for end in ends]


@pytest.mark.parametrize(("field", "value"), RIGHT_LIMITS)
def test_any_whole_number_is_taken(table_on_moto: SessionsTable, field: str, value: str) -> None:
    limits = {"timeoutMinutes": "5", "maxDurationMinutes": "2880", field: value}
    config = send(table_on_moto, create(timeoutConfig=spelt(limits))).body["timeoutConfig"]
    assert repr(config[field]) == str(int(float(value)))


@pytest.mark.parametrize("body", ["{}", '{"autoRenew":null}'])
def test_a_change_gives_at_least_one_limit(why: Why, body: str) -> None:
    names = "timeoutMinutes, autoRenew, maxDurationMinutes, warningThresholdMinutes"
    assert why(change(body)) == f"The body must be an object with one or more of {names}."


@pytest.mark.parametrize("name", [*RANGES, "autoRenew"])
def test_a_time_limit_that_is_null_counts_as_omitted(
    table_on_moto: SessionsTable, name: str
) -> None:
    limits = {"timeoutMinutes": "29", "maxDurationMinutes": "721", "autoRenew": "false"}

    def resulting(given: dict[str, str]) -> list[Any]:
        put(table_on_moto, session("id"))
        events = create(timeoutConfig=spelt(given)), change(spelt(given))
        return [send(table_on_moto, event).body["timeoutConfig"] for event in events]

    assert resulting(limits | {name: "null"}) == resulting(limits | {name: ""})


FOLLOWING = [('{"timeoutMinutes":1440}', (1440, 1440)), ('{"timeoutMinutes":719}', (719, 720))]
FOLLOWING += [('{"maxDurationMinutes":20}', (20, 20)), ('{"maxDurationMinutes":31}', (30, 31))]


@pytest.mark.parametrize(("limits", "both"), FOLLOWING)
def test_a_limit_that_is_not_given_follows_the_other(
    table_on_moto: SessionsTable, limits: str, both: tuple[int, int]
) -> None:
    config = send(table_on_moto, create(timeoutConfig=limits)).body["timeoutConfig"]
    assert (config["timeoutMinutes"], config["maxDurationMinutes"]) == both


BOTH_GIVEN = '{"timeoutMinutes":30,"maxDurationMinutes":29}'
BELOW = [(BOTH_GIVEN, (29, 30))]
BELOW += [('{"timeoutMinutes":721}', (720, 721)), ('{"maxDurationMinutes":29}', (29, 30))]


@pytest.mark.parametrize(("limits", "both"), BELOW)
def test_a_maximum_is_not_below_the_timeout(table: SessionsTable, limits: str, both: Any) -> None:
    relation = "maxDurationMinutes must be at least timeoutMinutes"
    said = "{}: they would be {} and {}.".format(relation, *both)
    if limits == BOTH_GIVEN:
        assert refusal(table, create(timeoutConfig=limits)) == said
    put(table, session("id"))
    before = item_with(table, "id")
    answer = send(table, change(limits))
    assert (answer.status, answer.body["error"]["message"]) == (400, said)
    assert item_with(table, "id") == before


BROKEN = [
    (body, "The body must be a JSON object.")
    for body in ["", "[]", "null", '"{}"', "1", "\ufeff{}"]
]
BROKEN += [('{"autoRenew":x}', "character 14."), ('{"autoRenew":NaN}', "NaN is not JSON.")]
BROKEN += [("[" * 30_000, "The body must be nested at most 100 levels deep.")]
BROKEN += [('{"autoRenew":true', "character 18."), ('{"autoRenew":true}}', "character 19.")]
BROKEN += [('{"autoRenew":true,"auto\\u0052enew":true}', '"autoRenew" stands twice.')]
BROKEN += [('{"agentId":1,"metadata":{"a":[{"b":1,"b":1}]}}', '"b" stands twice.')]
BROKEN += [('"\ud800"', "UTF-8.")]


@pytest.mark.parametrize(("body", "said"), BROKEN, ids=shown)
def test_a_body_that_cannot_be_read_is_refused(why: Why, body: str, said: str) -> None:
    assert why(change(body)).endswith(said)
    assert why(api_event("POST", body=body)).endswith(said)


@pytest.mark.parametrize("right", [create(), change('{"autoRenew":true}')], ids=["POST", "PATCH"])
def test_a_body_is_of_65536_bytes_at_most_and_json(why: Why, right: dict[str, Any]) -> None:
    too_large = right | {"body": right["body"].ljust(65_537)}
    assert why(too_large, 413) == "The body must be at most 65536 bytes."
    form = {"headers": {"content-type": "application/x-www-form-urlencoded"}}
    assert why(right | form, 415) == "Content-Type must be application/json."


NO_LIMITS = ["0", "1001", "-1", "1.5", "x", "", "٣", "01", "1\n", "1,2", "9" * 5000]
WRONG_QUERIES = [("limit", value, "a whole number from 1 to 1000") for value in NO_LIMITS]
WRONG_QUERIES += [("userId", value, "a UUID") for value in NO_UUIDS] + [("agentId", "", "a UUID")]


@pytest.mark.parametrize(("name", "value", "allowed"), WRONG_QUERIES, ids=shown)
def test_a_wrong_query_parameter_is_named(why: Why, name: str, value: str, allowed: str) -> None:
    assert why(page(**{name: value})) == f"{named(name)} must be {allowed}."


@pytest.mark.parametrize("name", ["_", "user_id", "Limit", "", "x" * 100, "\ud800"], ids=shown)
def test_an_unknown_query_parameter_is_ignored(table_on_moto: SessionsTable, name: str) -> None:
    """As browsers' libraries send one to get past caches: ``_=1699``."""
    assert send(table_on_moto, page(userId=str(uuid.uuid4()), **{name: "1"})).status == 200


LAST = Position("a-session", NOON_MS)
OWN = sign_cursor(SIGNING_KEY, Owner(USER_ID), LAST)
OTHER_LISTS = {
    "another user's": sign_cursor(SIGNING_KEY, Owner(str(uuid.UUID(int=1))), LAST),
    "the agent's too": sign_cursor(SIGNING_KEY, Owner(USER_ID, AGENT_ID), LAST),
    "an agent's": sign_cursor(SIGNING_KEY, Owner(None, USER_ID), LAST),
    "everyone's": sign_cursor(SIGNING_KEY, Owner(), LAST),
    "another deployment's": sign_cursor(f"{SIGNING_KEY}x", Owner(USER_ID), LAST),
    "empty": "",
    "not a cursor": "\ud800",
}
CURSOR_REFUSED = (
    "cursor must be the cursor of the previous page, sent with the same userId and agentId."
)


@pytest.mark.parametrize("cursor", OTHER_LISTS.values(), ids=OTHER_LISTS)
def test_a_cursor_of_another_list_is_refused(why: Why, cursor: str) -> None:
    assert why(page(userId=USER_ID, cursor=cursor)) == CURSOR_REFUSED


def test_a_cursor_with_any_character_changed_or_cut_is_refused(why: Why) -> None:
    changed = {f"{OWN[:at]}{new}{OWN[at + 1 :]}" for at in range(len(OWN)) for new in "AQ-"}
    changed |= {OWN[:-1] + last for last in f"{ascii_letters}{digits}-_"}
    changed |= {OWN[:at] for at in range(len(OWN))} | {f"{OWN}A"}
    for cursor in changed - {OWN}:
        assert why(page(userId=USER_ID, cursor=cursor)) == CURSOR_REFUSED


def test_a_key_reused_for_another_creation_is_refused(table: SessionsTable) -> None:
    first = create(userId=json.dumps(str(uuid.uuid4())))
    first["headers"]["idempotency-key"] = "key-1"
    created = send(table, first).body
    for member in ('"metadata":{"a":1}', '"timeoutConfig":{"timeoutMinutes":30}'):
        answer = send(table, first | {"body": f"{first['body'][:-1]},{member}}}"})
        assert (answer.status, answer.code) == (400, "VALIDATION_ERROR")
        assert answer.body["error"]["message"].startswith("Idempotency-Key must be a new one: ")
    assert send(table, page(userId=created["userId"])).body["total"] == 1


def test_an_id_in_upper_case_is_the_one_in_lower_case(table: SessionsTable) -> None:
    user, agent = str(uuid.uuid4()), str(uuid.uuid4())
    created = send(table, create(userId=f'"{user.upper()}"', agentId=f'"{agent.upper()}"')).body
    assert (created["userId"], created["agentId"]) == (user, agent)
    own = sign_cursor(SIGNING_KEY, Owner(user), Position("newer", NOON_MS + 1))
    by_user, by_agent = {"userId": user.upper()}, {"agentId": agent.upper(), "limit": "100"}
    for query in (by_user, by_agent, by_agent | by_user, by_user | {"limit": "1", "cursor": own}):
        (listed,) = send(table, page(**query)).body["sessions"]
        assert listed["sessionId"] == created["sessionId"]


any_text = st.text(st.characters(codec=None))
names = st.sampled_from(["agentId", "userId", "metadata", "timeoutConfig", "autoRenew", *RANGES])
scalars = st.none() | st.booleans() | st.integers(0, 3000) | st.floats() | any_text
values: st.SearchStrategy[Any] = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(names | any_text, inner), max_leaves=6
)
RIGHT = {"agentId": ID, "userId": ID, "metadata": {}, "timeoutConfig": {}, "autoRenew": True}
pairs = st.sampled_from([*RIGHT.items()]) | st.tuples(names | any_text, values)
members = st.lists(pairs).map(dict)
owned = members.map(lambda given: {"agentId": ID, "userId": ID} | given)
events = st.sampled_from([create(), change("{}")])
QUERY = {"userId": USER_ID, "agentId": AGENT_ID, "limit": "1", "cursor": OWN}
strange = st.tuples(st.sampled_from([*QUERY]) | any_text, any_text)
queries = st.lists(st.sampled_from([*QUERY.items()]) | strange, max_size=4).map(dict)


@given(event=events, body=any_text | (members | owned).map(json.dumps), key=any_text)
def test_no_body_is_answered_with_a_5xx(
    table_on_moto: SessionsTable, event: Any, body: str, key: str
) -> None:
    replaced = {"headers": {"idempotency-key": key}, "body": body}
    assert send(table_on_moto, event | replaced).status < 500


@given(query=queries)
def test_no_query_is_answered_with_a_5xx(empty_table: SessionsTable, query: Any) -> None:
    assert send(empty_table, page(**query)).status < 500
