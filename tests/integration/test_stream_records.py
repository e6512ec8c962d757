"""A stream record: the expiry that it tells of, or why it tells of none."""

import json
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.creation import CreationRequest
from domain.session import MS_PER_SECOND
from domain.session_json import session_expired_json
from domain.timeout import TimeoutChange
from publishing.failures import InvalidRecord
from publishing.stream_records import (
    Removal,
    is_of_new_item,
    removal_of,
    sequence_number_of,
    started_session,
)
from storage.attribute_values import number
from storage.faults import InvalidItem
from storage.idempotency import idempotency_record, idempotency_record_id
from storage.item import item_of
from storage.start_marker import start_marker
from storage.timer_update import PUBLISHED
from tests.support.contract import EVENT_SCHEMAS, OPENAPI, assert_detail_schema
from tests.support.sessions import NOON_MS, SIGNING_KEY, remembering, session
from tests.support.stream_records import DELAY_SECONDS, ttl_deletion
from tests.support.tables import RETENTION_SECONDS

NOON_SECONDS = NOON_MS // MS_PER_SECOND
EXPIRED = session(expires=0, **remembering("r3", "r2", "r1"))
REMOVED_AT_MS = NOON_MS + (RETENTION_SECONDS + DELAY_SECONDS) * MS_PER_SECOND


def recorded_at(seconds: object) -> dict[str, Any]:
    """The deletion of the session, recorded at this time."""
    record = ttl_deletion(EXPIRED)
    record["dynamodb"]["ApproximateCreationDateTime"] = seconds
    return record


def detail_of(record: dict[str, Any]) -> Any:
    """The detail of the event that tells of the removal."""
    removal = removal_of(record)
    return json.loads(session_expired_json(removal.session, removal.removed_at_ms))


def with_ttl(stored: dict[str, Any], ttl_seconds: int) -> dict[str, Any]:
    return {**stored, "ttl": number(ttl_seconds)}


def test_a_deletion_by_ttl_tells_of_the_session_as_it_stood() -> None:
    expected = Removal(EXPIRED, REMOVED_AT_MS, is_published=False)
    assert removal_of(ttl_deletion(EXPIRED)) == expected


def test_a_session_is_not_removed_before_its_ttl() -> None:
    """The stream rounds its times down. DynamoDB Local's rounds to the minute."""
    removal = removal_of(recorded_at(NOON_SECONDS))

    assert removal.removed_at_ms == NOON_MS + RETENTION_SECONDS * MS_PER_SECOND


def test_the_detail_has_every_field_of_its_schema() -> None:
    detail = detail_of(ttl_deletion(EXPIRED))

    assert_detail_schema(detail)
    schema = EVENT_SCHEMAS["SessionExpired"]["properties"]["detail"]
    assert detail.keys() == schema["properties"].keys()


def test_the_detail_tells_when_the_session_expired_and_was_removed() -> None:
    detail = detail_of(ttl_deletion(EXPIRED))

    assert detail["expiredAt"] == "2100-01-01T12:00:00.000Z"
    assert detail["removedAt"] == "2100-01-02T12:10:00.000Z"


def test_the_detail_has_the_session_as_it_was_when_it_expired() -> None:
    detail = detail_of(ttl_deletion(EXPIRED))

    assert detail["session"]["expiresAt"] == "2100-01-01T12:00:00.000Z"
    assert detail["session"]["timeRemaining"] == 0
    assert detail["session"]["isNearExpiration"] is False
    assert detail["session"]["renewalCount"] == 3


@pytest.mark.parametrize("detail_type", EVENT_SCHEMAS)
def test_events_and_api_answers_share_their_definitions(detail_type: str) -> None:
    """They stand in three files, so that each file can be read by itself."""
    schemas = json.dumps(OPENAPI["components"]["schemas"])
    definitions = json.loads(schemas.replace("#/components/schemas/", "#/$defs/"))

    for name, definition in EVENT_SCHEMAS[detail_type]["$defs"].items():
        assert definition == definitions[name]


@pytest.mark.parametrize(
    "fields",
    [
        {"userIdentity": None},
        {"userIdentity": {"type": "Service", "principalId": "another.amazonaws.com"}},
        {"userIdentity": {"type": "User", "principalId": "dynamodb.amazonaws.com"}},
        {"eventName": "MODIFY"},
    ],
    ids=["deleted by a call", "another service", "a user", "an update"],
)
def test_only_a_deletion_by_ttl_is_an_expiry(fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidRecord, match="not a deletion by TTL"):
        removal_of(ttl_deletion(EXPIRED, **fields))


def test_a_live_session_with_a_wrong_ttl_has_not_expired() -> None:
    live = with_ttl({**item_of(session(expires=20), 0)}, NOON_SECONDS - 3600)

    with pytest.raises(InvalidRecord, match="its ttl is wrong"):
        removal_of(ttl_deletion(live))


def test_an_expired_session_with_a_wrong_ttl_has_expired() -> None:
    record = ttl_deletion(with_ttl({**item_of(EXPIRED, 0)}, NOON_SECONDS - 3600))
    record["dynamodb"]["ApproximateCreationDateTime"] = NOON_SECONDS

    assert removal_of(record).removed_at_ms == NOON_MS


def test_an_idempotency_record_is_not_a_session() -> None:
    request = CreationRequest("agent", "user", "{}", TimeoutChange())
    record_id = idempotency_record_id(request, "key", SIGNING_KEY)

    with pytest.raises(InvalidItem, match="agentId"):
        removal_of(ttl_deletion(idempotency_record(record_id, EXPIRED, request)))


def test_a_session_id_that_is_not_a_string_is_invalid() -> None:
    record = ttl_deletion(EXPIRED)
    record["dynamodb"]["OldImage"]["sessionId"]["S"] = 5

    with pytest.raises(InvalidRecord, match="sessionId is not a string"):
        removal_of(record)


def test_a_record_without_an_image_is_invalid() -> None:
    record = ttl_deletion(EXPIRED)
    del record["dynamodb"]["OldImage"]

    with pytest.raises(InvalidRecord) as invalid:
        removal_of(record)
    assert invalid.value.defect == "it has no 'OldImage'"


def test_an_item_without_a_ttl_is_invalid() -> None:
    record = ttl_deletion(EXPIRED)
    del record["dynamodb"]["OldImage"]["ttl"]

    with pytest.raises(InvalidItem, match="ttl is missing"):
        removal_of(record)


@pytest.mark.parametrize("seconds", [10**12, float("inf"), "soon", None])
def test_a_record_without_a_usable_time_is_invalid(seconds: object) -> None:
    with pytest.raises(InvalidRecord):
        removal_of(recorded_at(seconds))


@pytest.mark.parametrize("sequence_number", [None, "1\n2", "1" * 41])
def test_a_sequence_number_is_up_to_40_digits_or_unknown(sequence_number: object) -> None:
    record = ttl_deletion(EXPIRED)
    record["dynamodb"]["SequenceNumber"] = sequence_number

    assert sequence_number_of(record) == "unknown"


def insertion(key: str) -> dict[str, Any]:
    """The record of a new item, as the view ``OLD_IMAGE`` has it."""
    return {"eventName": "INSERT", "dynamodb": {"Keys": {"sessionId": {"S": key}}}}


@pytest.mark.parametrize("session_id", ["a-session", "idempotency", "with a space", "é😀"])
def test_a_new_session_and_its_start_marker_start_its_timer(session_id: str) -> None:
    marker = start_marker(session_id, NOON_MS)["sessionId"]["S"]

    for key in (session_id, marker):
        assert is_of_new_item(insertion(key))
        assert started_session(insertion(key)) == session_id


@pytest.mark.parametrize(
    "record",
    [
        {},
        insertion(""),
        insertion("idempotency-key 0123"),
        insertion("idempotency-key starts-timer "),
        insertion(start_marker("idempotency-key 0123", NOON_MS)["sessionId"]["S"]),
        {"dynamodb": {"Keys": {"sessionId": {"N": "1"}}}},
        {"dynamodb": {"Keys": {"sessionId": {"S": 5}}}},
        {"dynamodb": None},
    ],
)
def test_a_record_of_no_session_starts_no_timer(record: dict[str, Any]) -> None:
    with pytest.raises(InvalidRecord, match="names no session"):
        started_session(record)


@pytest.mark.parametrize("record", [None, [], {}, ttl_deletion(EXPIRED), {"eventName": "MODIFY"}])
def test_only_an_insertion_is_of_a_new_item(record: object) -> None:
    assert not is_of_new_item(record)


@pytest.mark.parametrize(
    ("timer", "announced", "is_published"),
    [
        (PUBLISHED, 0, True),
        (PUBLISHED, 1, True),
        (PUBLISHED, -1, False),  # renewed since, by the release before
        (PUBLISHED, None, False),
        ("a token", 0, False),
        (None, 0, False),
    ],
)
def test_a_removal_says_whether_its_expiry_was_published(
    timer: str | None, announced: int | None, is_published: bool
) -> None:
    at_ms = None if announced is None else EXPIRED.expires_at_ms + announced
    item = {**item_of(replace(EXPIRED, announced_at_ms=at_ms), RETENTION_SECONDS)}
    if timer is not None:
        item["timer"] = {"S": timer}

    assert removal_of(ttl_deletion(item)).is_published is is_published


def test_the_removal_of_a_start_marker_is_not_that_of_a_session() -> None:
    with pytest.raises(InvalidItem):
        removal_of(ttl_deletion(start_marker("a-session", NOON_MS)))


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


def paths(record: object, start: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """The path of every value in the record."""
    if not isinstance(record, dict):
        return [start]
    return [start, *(path for name in record for path in paths(record[name], (*start, name)))]


PATHS = paths(ttl_deletion(EXPIRED))


@given(st.sampled_from(PATHS), anything)
def test_a_record_with_any_value_is_an_expiry_or_states_its_defect(
    path: tuple[str, ...], value: object
) -> None:
    root: dict[str, Any] = {"record": ttl_deletion(EXPIRED)}
    parent, name = parent_of(root, ("record", *path))
    parent[name] = value

    with suppress(InvalidItem, InvalidRecord):
        removal = removal_of(root["record"])
        assert_detail_schema(detail_of(root["record"]))
        assert removal.removed_at_ms >= removal.session.expires_at_ms


@given(st.sampled_from(PATHS[1:]))
def test_a_record_without_any_one_value_is_an_expiry_or_states_its_defect(
    path: tuple[str, ...],
) -> None:
    record = ttl_deletion(EXPIRED)
    parent, name = parent_of(record, path)
    del parent[name]

    with suppress(InvalidItem, InvalidRecord):
        assert removal_of(record).session.session_id == EXPIRED.session_id


def parent_of(record: dict[str, Any], path: tuple[str, ...]) -> tuple[dict[str, Any], str]:
    """The object that holds the value at this path, and the value's name in it."""
    *names, last = path
    parent = record
    for name in names:
        parent = parent[name]
    return parent, last
