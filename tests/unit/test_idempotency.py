"""The idempotency record of a creation: what it is found by, and what it reveals."""

import hmac
import json
from dataclasses import fields, replace

import pytest

from domain.creation import CreationRequest, create
from domain.refusals import IdempotencyKeyReused
from domain.timeout import TimeoutChange
from storage.faults import InvalidItem
from storage.idempotency import (
    first_session_of,
    idempotency_record,
    idempotency_record_id,
    request_digest,
)
from tests.support.sessions import AGENT_ID, NOON_MS, POLICY, SIGNING_KEY, USER_ID

LIMITS = TimeoutChange(31, auto_renew=False, max_duration_minutes=721, warning_threshold_minutes=6)
REQUEST = CreationRequest(AGENT_ID, USER_ID, '{"card":"4111"}', LIMITS)
SESSION = create(REQUEST, POLICY.default, session_id="made", now_ms=NOON_MS)

OTHERS = {
    "agent_id": replace(REQUEST, agent_id=USER_ID),
    "user_id": replace(REQUEST, user_id=AGENT_ID),
    "metadata_json": replace(REQUEST, metadata_json="{}"),
    **{
        field.name: replace(REQUEST, timeout=replace(LIMITS, **{field.name: None}))
        for field in fields(TimeoutChange)
    },
}


def test_the_record_id_is_a_digest_keyed_with_the_secret() -> None:
    named = json.dumps([AGENT_ID, USER_ID, "key-1"]).encode()
    digest = hmac.new(SIGNING_KEY.encode(), named, "sha256").hexdigest()
    record_id = idempotency_record_id(REQUEST, "key-1", SIGNING_KEY)
    assert record_id == f"idempotency-key {digest}"


@pytest.mark.parametrize(
    "other",
    [
        idempotency_record_id(REQUEST, "key-2", SIGNING_KEY),
        idempotency_record_id(REQUEST, "key-1", SIGNING_KEY[::-1]),
        idempotency_record_id(OTHERS["agent_id"], "key-1", SIGNING_KEY),
        idempotency_record_id(OTHERS["user_id"], "key-1", SIGNING_KEY),
    ],
    ids=["key", "secret", "agent", "user"],
)
def test_another_key_secret_agent_or_user_has_another_record(other: str) -> None:
    assert idempotency_record_id(REQUEST, "key-1", SIGNING_KEY) != other


@pytest.mark.parametrize("field", OTHERS)
def test_the_digest_depends_on_every_field(field: str) -> None:
    assert request_digest(OTHERS[field]) != request_digest(REQUEST)


def test_every_field_has_its_case() -> None:
    every = {field.name for each in (CreationRequest, TimeoutChange) for field in fields(each)}
    assert OTHERS.keys() == every - {"timeout"}


def test_the_record_reveals_nothing_that_was_requested() -> None:
    record_id = idempotency_record_id(REQUEST, "key-1", SIGNING_KEY)
    record = json.dumps(idempotency_record(record_id, SESSION, REQUEST))
    for secret in ("4111", "card", "key-1", SIGNING_KEY, USER_ID, AGENT_ID):
        assert secret not in record


def test_the_record_yields_the_session_as_it_was_first() -> None:
    record = idempotency_record("idempotency-key x", SESSION, REQUEST)
    assert first_session_of(record, REQUEST) == SESSION


@pytest.mark.parametrize("field", OTHERS)
def test_a_key_reused_for_anything_else_is_refused(field: str) -> None:
    record = idempotency_record("idempotency-key x", SESSION, REQUEST)
    with pytest.raises(IdempotencyKeyReused):
        first_session_of(record, OTHERS[field])


@pytest.mark.parametrize("attribute", ["requestDigest", "createdSessionId", "timeoutConfig"])
def test_a_damaged_record_is_no_answer(attribute: str) -> None:
    record = dict(idempotency_record("idempotency-key x", SESSION, REQUEST))
    del record[attribute]
    with pytest.raises(InvalidItem, match=attribute):
        first_session_of(record, REQUEST)
