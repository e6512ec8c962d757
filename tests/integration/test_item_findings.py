"""What the verifier finds of one item: of each defect, and of what is only worth a note."""

from collections.abc import Mapping
from typing import Any

import pytest

from domain.creation import CreationRequest
from domain.timeout import TimeoutChange
from recovery.invariants import ANNOUNCED_TOO_EARLY, SESSION_NOT_UP_TO_DATE, findings_of
from storage.attribute_values import Item, number
from storage.idempotency import idempotency_record
from storage.item import item_of
from storage.keys import IDEMPOTENCY_PREFIX
from storage.start_marker import start_marker
from storage.timer_update import PUBLISHED
from tests.support.earlier_releases import VERSIONS, release
from tests.support.items import ITEM, NOT_SESSIONS, configured, having, without
from tests.support.sessions import NOON_MS, remembering, session

RENEWED = item_of(session(**remembering("r2", "r1")), 3600)
REQUEST = CreationRequest("an-agent", "a-user", "{}", TimeoutChange())
RECORD = idempotency_record(f"{IDEMPOTENCY_PREFIX}1a", session(), REQUEST)
NUMBERS = RENEWED["recentRenewals"]["L"]
TYPED_BY_HAND = "what a client has sent"


def renewals(*numbers: Mapping[str, Any]) -> Item:
    """The renewed session's item, with these numbers in its list."""
    return {**RENEWED, "recentRenewals": {"L": list(numbers)}}


def limits(**values: Any) -> Item:
    """A session whose limits are these, with all that follows from them."""
    return item_of(session(**values), 0)


def record(**attributes: Any) -> Item:
    """The idempotency record, with other values of these attributes."""
    return {**RECORD, **attributes}


DEFECTS: Mapping[str, tuple[Item, str]] = {
    "no ttl": (without("ttl"), "ttl is missing"),
    "a ttl of text": (having("ttl", {"S": "1"}), "ttl is missing or not of type N"),
    "a ttl before the expiry": (
        having("ttl", number(int(ITEM["ttl"]["N"]) - 3600)),
        "ttl is not expiresAt",
    ),
    "a retention of half an hour": (
        having("ttl", number(int(ITEM["ttl"]["N"]) + 1800)),
        "ttl is not expiresAt",
    ),
    "an early expiry": (having("expiresAt", number(1)), "expiresAt is earlier"),
    "a late expiry": (having("expiresAt", ITEM["maxExpiresAt"]), "expiresAt is later"),
    "a derived attribute at odds": (having("maxExpiresAt", number(1)), ""),
    "activity before the creation": (having("lastActivity", number(0)), "out of order"),
    "a timeout of 31 days": (
        limits(timeout=44_640, maximum=44_640, expires=44_640 - 10),
        "timeoutMinutes is not from 1 to 43200",
    ),
    "no warning threshold": (configured("warningThresholdMinutes", number(0)), "warningThreshold"),
    "a maximum below the timeout": (
        limits(timeout=30, maximum=20, expires=10),
        "maxDurationMinutes is less than timeoutMinutes",
    ),
    "an impossible ID": (having("sessionId", {"S": "x" * 2049}), "none that a session can have"),
    "a short list": (renewals(*NUMBERS[:3]), "recentRenewals is not 32 numbers"),
    "an unused number first": (renewals(number(0), *NUMBERS[:31]), "unused ones last"),
    "a number twice": (renewals(NUMBERS[0], NUMBERS[0], *NUMBERS[2:]), "twice"),
    "a negative number": (renewals(number(-7), *NUMBERS[1:]), "a negative one"),
    "more renewals than were counted": (
        {**RENEWED, "renewalCount": number(1), "rememberedCount": number(1)},
        "more renewals than renewalCount",
    ),
    "a record without a session": (
        {name: value for name, value in RECORD.items() if name != "createdSessionId"},
        "idempotency record: createdSessionId",
    ),
    "a record that lasts": (record(ttl=number(1)), "idempotency record: ttl"),
    "a record that is a session": (
        having("sessionId", RECORD["sessionId"]),
        "idempotency record: createdSessionId",
    ),
}


@pytest.mark.parametrize("name", DEFECTS)
def test_a_defect_is_named(name: str) -> None:
    item, expected = DEFECTS[name]
    defects = findings_of(item).defects
    assert any(expected in defect for defect in defects), defects


@pytest.mark.parametrize("item", NOT_SESSIONS.values(), ids=NOT_SESSIONS)
def test_what_is_not_a_session_is_a_defect(item: Item) -> None:
    assert findings_of(item).defects


ANNOUNCED = item_of(session(announced_at_ms=session().expires_at_ms), 3600)
SOUND: Mapping[str, Item] = {
    "new": ITEM,
    "renewed": RENEWED,
    "with a timer": {**RENEWED, "timer": {"S": "a token"}},
    "announced": ANNOUNCED,
    "published": {**ANNOUNCED, "timer": {"S": PUBLISHED}},
    "record": RECORD,
    "start marker": start_marker("a-session", NOON_MS),
}


@pytest.mark.parametrize("item", SOUND.values(), ids=SOUND)
def test_of_what_the_functions_store_nothing_is_found(item: Item) -> None:
    found = findings_of(item)
    assert (found.defects, found.notes) == ([], [])


@pytest.mark.parametrize("version", VERSIONS)
def test_what_earlier_releases_stored_has_no_defect(version: str) -> None:
    for name, item in release(version).items.items():
        assert not findings_of(item).defects, name


def test_a_session_of_the_release_before_is_noted() -> None:
    assert findings_of(without("recentRenewals")).notes == [SESSION_NOT_UP_TO_DATE]


def test_an_announcement_before_the_expiry_is_noted() -> None:
    """Only the release before, which knows no mark, renews a session after its announcement."""
    renewed_since = item_of(session(announced_at_ms=session().expires_at_ms - 1), 0)
    found = findings_of(renewed_since)
    assert (found.defects, found.notes) == ([], [ANNOUNCED_TOO_EARLY])


@pytest.mark.parametrize("name", ["ttl", "createdSessionId"])
def test_a_start_marker_that_would_stay_or_be_announced_is_defective(name: str) -> None:
    marker = {**start_marker("a-session", NOON_MS)}
    del marker[name]
    assert findings_of(marker).defects == [
        f"start marker: {name} is missing or not of type {'N' if name == 'ttl' else 'S'}"
    ]


def test_another_retention_is_noted_if_one_is_given() -> None:
    assert findings_of(RENEWED, 1).notes == []
    assert findings_of(RENEWED, 24).notes == ["ttl has a retention of 1 h"]


def test_an_attribute_of_another_release_is_noted() -> None:
    assert findings_of(having("colour", {"S": TYPED_BY_HAND})).notes == [
        "attribute colour is not of this release"
    ]


def test_too_much_metadata_is_noted() -> None:
    large = session(metadata_json='{"note": "' + 11_000 * "x" + '"}')
    assert findings_of(item_of(large, 0)).notes == ["metadata has more than 10240 bytes"]


@pytest.mark.parametrize("name", [name for name in ITEM if name != "sessionId"])
def test_no_value_is_in_what_is_found(name: str) -> None:
    found = findings_of(having(name, {"S": TYPED_BY_HAND}))
    assert TYPED_BY_HAND not in " ".join([*found.defects, *found.notes])
