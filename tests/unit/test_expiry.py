"""A record of the stream: the expiry that it tells of, or why it tells of none."""

import copy
import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.creation import Creation
from domain.timeout import TimeoutChange
from handlers.session_info import session_expired_json
from storage.creation import memory_id_of
from storage.errors import InvalidItem, InvalidRecord
from storage.expiry import Expiry, expiry_of
from storage.item import item_of, number
from tests.contract import OPENAPI, SESSION_EXPIRED, hold_to_the_detail
from tests.removals import DELAY_SECONDS, RETENTION_SECONDS, removal, removal_of
from tests.sessions import NOON_MS, session

EXPIRED = session(expires=0, renewal_count=3, last_renewal_id="r3")
REMOVED_AT_MS = NOON_MS + (RETENTION_SECONDS + DELAY_SECONDS) * 1000


def test_a_removal_by_ttl_tells_of_the_session_as_it_stood() -> None:
    assert expiry_of(removal(EXPIRED, 7)) == Expiry(f"{7:032x}", EXPIRED, REMOVED_AT_MS)


def test_the_detail_has_the_session_and_both_instants() -> None:
    detail = json.loads(session_expired_json(expiry_of(removal(EXPIRED))))
    hold_to_the_detail(detail)
    assert detail.keys() == SESSION_EXPIRED["properties"]["detail"]["properties"].keys()
    assert detail["expiredAt"] == detail["session"]["expiresAt"] == "2100-01-01T12:00:00.000Z"
    assert detail["removedAt"] == "2100-01-02T12:10:00.000Z"
    assert detail["session"]["timeRemaining"] == 0
    assert detail["session"]["isNearExpiration"] is False
    assert detail["session"]["renewalCount"] == 3


def test_the_events_session_is_the_contracts() -> None:
    """One definition, in two files, so that each can be read by itself."""
    definitions = json.loads(
        json.dumps(OPENAPI["components"]["schemas"]).replace("#/components/schemas/", "#/$defs/")
    )
    for name, definition in SESSION_EXPIRED["$defs"].items():
        assert definition == definitions[name]


def test_the_removal_is_never_before_the_time_to_live() -> None:
    """The stream rounds its times down: DynamoDB Local's does, to the minute."""
    record = removal(EXPIRED)
    record["dynamodb"]["ApproximateCreationDateTime"] = NOON_MS // 1000
    assert expiry_of(record).removed_at_ms == NOON_MS + RETENTION_SECONDS * 1000


@pytest.mark.parametrize(
    "fields",
    [
        {"userIdentity": None},
        {"userIdentity": {"type": "Service", "principalId": "another.amazonaws.com"}},
        {"userIdentity": {"type": "User", "principalId": "dynamodb.amazonaws.com"}},
        {"userIdentity": {"type": "Service"}},
        {"eventName": "MODIFY"},
        {"eventName": "INSERT"},
        {"eventName": None},
    ],
)
def test_nothing_else_that_happens_to_an_item_is_an_expiry(fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidRecord, match="not a removal by TTL"):
        expiry_of(removal(EXPIRED, **fields))


def test_a_live_session_whose_ttl_a_hand_changed_has_not_expired() -> None:
    live = session(expires=20)
    item = {**item_of(live, RETENTION_SECONDS), "ttl": number(NOON_MS // 1000 - 3600)}
    with pytest.raises(InvalidRecord, match="removed alive"):
        expiry_of(removal_of(item))


def test_an_expired_session_is_announced_whatever_its_ttl_was() -> None:
    item = {**item_of(EXPIRED, RETENTION_SECONDS), "ttl": number(NOON_MS // 1000 - 3600)}
    record = removal_of(item)
    record["dynamodb"]["ApproximateCreationDateTime"] = NOON_MS // 1000
    assert expiry_of(record).removed_at_ms == NOON_MS


def test_the_memory_of_a_key_is_not_a_session() -> None:
    memory_id = memory_id_of(Creation("a", "u", "{}", TimeoutChange()), "key", "secret")
    memory = {
        "sessionId": {"S": memory_id},
        "createdSessionId": {"S": "x"},
        "ttl": number(NOON_MS // 1000),
    }
    with pytest.raises(InvalidItem, match="agentId"):
        expiry_of(removal_of(memory))


def test_what_is_missing_is_named() -> None:
    record = removal(EXPIRED)
    del record["dynamodb"]["OldImage"]
    with pytest.raises(InvalidRecord) as invalid:
        expiry_of(record)
    assert invalid.value.defect == "it has no 'OldImage'"
    no_ttl = removal(EXPIRED)
    del no_ttl["dynamodb"]["OldImage"]["ttl"]
    with pytest.raises(InvalidItem, match="ttl is missing"):
        expiry_of(no_ttl)


@pytest.mark.parametrize("record_id", ["", "x" * 129, 5, None])
def test_a_record_needs_an_id_that_a_duplicate_can_be_told_by(record_id: object) -> None:
    with pytest.raises(InvalidRecord, match="eventID"):
        expiry_of(removal(EXPIRED, eventID=record_id))


@pytest.mark.parametrize("when", [10**12, float("inf"), float("nan"), "soon", None, [], {}])
def test_a_time_that_is_none_is_a_defect_of_the_record(when: object) -> None:
    record = removal(EXPIRED)
    record["dynamodb"]["ApproximateCreationDateTime"] = when
    with pytest.raises(InvalidRecord):
        expiry_of(record)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


def paths(record: object, start: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """The place of every value in the record."""
    if not isinstance(record, dict):
        return [start]
    return [start, *(path for name in record for path in paths(record[name], (*start, name)))]


PATHS = paths(removal(EXPIRED))


@given(st.sampled_from(PATHS), anything)
def test_whatever_stands_in_a_record_it_is_an_expiry_or_a_stated_defect(
    path: tuple[str, ...], value: object
) -> None:
    record = copy.deepcopy(removal(EXPIRED))
    whole_record: Any = {"it": record}
    *parents, name = ("it", *path)
    place = whole_record
    for parent in parents:
        place = place[parent]
    place[name] = value
    with suppress(InvalidItem, InvalidRecord):
        expiry = expiry_of(whole_record["it"])
        hold_to_the_detail(json.loads(session_expired_json(expiry)))
        assert expiry.removed_at_ms >= expiry.session.expires_at_ms


@given(st.sampled_from(PATHS[1:]))
def test_whatever_is_missing_from_a_record_it_is_an_expiry_or_a_stated_defect(
    path: tuple[str, ...],
) -> None:
    record = copy.deepcopy(removal(EXPIRED))
    place = record
    for parent in path[:-1]:
        place = place[parent]
    del place[path[-1]]
    with suppress(InvalidItem, InvalidRecord):
        assert expiry_of(record).session.session_id == EXPIRED.session_id
