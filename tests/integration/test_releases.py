"""Two releases share a table: sessions of the one, in the hands of the other."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.creation import CreationRequest
from domain.heartbeat import record_heartbeat as heartbeat_rule
from domain.refusals import SessionExpired
from domain.renewal import renew, renewal_digest
from domain.session import Owner, Session
from domain.timeout import TimeoutChange
from publishing.stream_records import removal_of
from storage.heartbeat_update import record_heartbeat
from storage.idempotency import idempotency_record_id
from storage.item import item_of, session_of
from storage.renewal_update import renew_session
from storage.session_creation import create_session_once
from storage.session_deletion import delete_session
from storage.session_listing import Position, list_sessions
from storage.session_reading import read_session
from storage.table import SessionsTable
from storage.timeout_update import change_timeout
from storage.timer_update import PUBLISHED, claim, mark_announced, mark_published
from tests.support.earlier_releases import VERSIONS, Release, release
from tests.support.sessions import AGENT_ID, NOON_MS, SIGNING_KEY, USER_ID, minutes, session
from tests.support.stream_records import ttl_deletion
from tests.support.tables import item_with, put, requests_to

STORED = [
    (version, name)
    for version in VERSIONS
    for name, item in release(version).items.items()
    if "agentId" in item
]
LIVE = [(version, name) for version, name in STORED if name != "expired"]
RENEWABLE = [(version, name) for version, name in LIVE if name != "renewed to its maximum"]
each_version = pytest.mark.parametrize("version", VERSIONS)


def stored(table: SessionsTable, version: str, name: str) -> Session:
    """A session as the release stored it."""
    item = release(version).items[name]
    put(table, item)
    return session_of(item)


def listed_ids(table: SessionsTable) -> Iterator[str]:
    """The user's sessions, on all pages: other tests store theirs in the same table."""
    after: Position | None = None
    while True:
        page = list_sessions(table, Owner(USER_ID), 100, after, NOON_MS)
        yield from (each.session.session_id for each in page.sessions)
        after = page.next_position
        if after is None:
            return


@pytest.mark.parametrize(("version", "name"), RENEWABLE)
def test_an_earlier_releases_session_is_renewed_by_the_rule(
    table: SessionsTable, version: str, name: str
) -> None:
    before = stored(table, version, name)
    outcome = renew_session(table, name, NOON_MS, "new")
    assert outcome.session == renew(before, NOON_MS, "new").session
    assert session_of(item_with(table, name)) == outcome.session


@pytest.mark.parametrize(("version", "name"), LIVE)
def test_an_earlier_releases_session_has_heartbeats_by_the_rule(
    table: SessionsTable, version: str, name: str
) -> None:
    before = stored(table, version, name)
    outcome = record_heartbeat(table, name, NOON_MS, "new")
    assert outcome.session == heartbeat_rule(before, NOON_MS, "new").session
    assert session_of(item_with(table, name)) == outcome.session


@pytest.mark.parametrize(("version", "name"), LIVE)
def test_an_earlier_releases_session_takes_new_limits(
    table: SessionsTable, version: str, name: str
) -> None:
    before = stored(table, version, name)
    change = TimeoutChange(timeout_minutes=25, max_duration_minutes=60)
    changed = change_timeout(table, name, NOON_MS, change).session
    assert changed.expires_at_ms == min(
        before.renewed_at_ms + minutes(25), before.created_at_ms + minutes(60)
    )
    assert session_of(item_with(table, name)) == changed


@pytest.mark.parametrize(("version", "name"), LIVE)
def test_an_earlier_releases_session_is_read_listed_and_deleted(
    table: SessionsTable, version: str, name: str
) -> None:
    before = stored(table, version, name)
    assert read_session(table, name, NOON_MS).session == before
    assert name in listed_ids(table)
    delete_session(table, name)
    assert item_with(table, name) == {}


@each_version
def test_an_earlier_releases_session_expires(table: SessionsTable, version: str) -> None:
    expired = stored(table, version, "expired")
    with pytest.raises(SessionExpired):
        renew_session(table, "expired", NOON_MS, "new")
    record = ttl_deletion(expired, 1)
    record["dynamodb"]["OldImage"] = release(version).items["expired"]
    assert removal_of(record).session == expired


@each_version
def test_an_earlier_releases_session_is_announced(table: SessionsTable, version: str) -> None:
    """It has no timer until its limits change, or somebody starts one."""
    expired = stored(table, version, "expired")
    assert claim(table, "expired", None, delivered_before=False) is not None
    announced = mark_announced(table, "expired", NOON_MS)
    assert announced == replace(expired, announced_at_ms=NOON_MS)
    mark_published(table, "expired")
    item = item_with(table, "expired")
    assert removal_of(ttl_deletion(item)).is_published


@each_version
@pytest.mark.parametrize("call", ["renewal", "heartbeat"])
def test_an_earlier_release_that_revives_a_session_has_it_told_of_again(
    table: SessionsTable, version: str, call: str
) -> None:
    """It knows no mark, and its clock is two seconds behind: it goes on with the session.

    To this release the session is over. What that release made of it expires once more, and the
    deletion by TTL announces that, although a timer has announced the first one.
    """
    ending = session(expires=1 / 60, announced_at_ms=NOON_MS + 2000)
    item = item_of(ending, table.retention_seconds)
    put(table, {**item, "timer": {"S": PUBLISHED}})
    assert release(version).call(call, table, "a-session", now_ms=NOON_MS, renewal_id="old")
    with pytest.raises(SessionExpired):
        renew_session(table, "a-session", NOON_MS, "new")
    left = item_with(table, "a-session")
    assert left["announcedAt"] == item["announcedAt"]
    removal = removal_of(ttl_deletion(left))
    assert removal.session.expires_at_ms == NOON_MS + minutes(30)
    assert not removal.is_published


@each_version
def test_an_earlier_releases_call_leaves_the_timer(table: SessionsTable, version: str) -> None:
    put(table, {**item_of(session(), table.retention_seconds), "timer": {"S": "a token"}})
    release(version).call("renewal", table, "a-session", now_ms=NOON_MS, renewal_id="old")
    assert item_with(table, "a-session")["timer"] == {"S": "a token"}
    assert claim(table, "a-session", "a token", delivered_before=False) is not None


@each_version
def test_a_creation_by_an_earlier_release_is_recognised(table: SessionsTable, version: str) -> None:
    recorded = release(version)
    put(table, recorded.items["created once"])
    put(table, recorded.items["idempotency record"])
    request = CreationRequest(AGENT_ID, USER_ID, '{"channel":"web"}', TimeoutChange())
    record_id = idempotency_record_id(request, "key", SIGNING_KEY)
    again = create_session_once(table, session("another"), request, record_id)
    assert (again.changed, again.session.session_id) == (False, "created once")


@each_version
@pytest.mark.parametrize(
    ("call", "met"),
    [
        ("renewal", session()),
        ("renewal to the maximum", session(created=-710, active=-20, expires=5)),
        ("renewal overtaken by a later clock", session(active=1, expires=31)),
        ("heartbeat", session()),
        ("heartbeat without a renewal", session(auto_renew=False)),
        ("timeout change", session()),
    ],
)
def test_an_earlier_releases_write_leaves_a_valid_session(
    table: SessionsTable, version: str, call: str, met: Session
) -> None:
    put(table, met)
    assert release(version).call(call, table, "a-session", now_ms=NOON_MS, renewal_id="old")
    left = session_of(item_with(table, "a-session"))
    counted = int(call.startswith("renewal") or call == "heartbeat")
    assert left.renewal_count == counted
    assert left.recent_renewals == (renewal_digest("old"),) * counted
    renewed = record_heartbeat(table, "a-session", NOON_MS + 1000, "new").session
    assert session_of(item_with(table, "a-session")) == renewed


@each_version
def test_an_earlier_release_deletes_what_this_one_stored(
    table: SessionsTable, version: str
) -> None:
    put(table, session())
    assert release(version).call("deletion", table, "a-session", now_ms=NOON_MS, renewal_id="")
    assert item_with(table, "a-session") == {}


@each_version
@pytest.mark.parametrize("name", ["created", "renewed"])
def test_an_earlier_releases_session_takes_two_more_requests_once(
    table: SessionsTable, version: str, name: str
) -> None:
    """One brings it up to this release, and the renewal is tried again."""
    stored(table, version, name)
    with requests_to(table) as requests:
        renew_session(table, name, NOON_MS, "first")
        renew_session(table, name, NOON_MS, "second")
    assert requests == ["UpdateItem"] * (3 + 1)


@pytest.mark.parametrize(("count", "renewed"), [("0", -20), ("1", -5)])
def test_at_the_maximum_a_renewal_by_0_1_0_is_the_last_activity(count: str, renewed: int) -> None:
    """It counts, and leaves ``renewedAt`` and ``rememberedCount`` as they were."""
    item = item_of(session(created=-710, active=-5, expires=10), 0)
    read = session_of({**item, "renewalCount": {"N": count}})
    assert read.renewed_at_ms == NOON_MS + minutes(renewed)


@dataclass
class InTurns:
    """A session that two releases renew in turns, and the count that it must have.

    The earlier release remembers its own latest renewal only. It is not asked for what it forgets.
    """

    table: SessionsTable
    earlier: Release
    counted: list[str] = field(default_factory=list)
    forgotten: set[str] = field(default_factory=set)
    latest_by_earlier: str | None = None

    def renew(self, now_ms: int, renewal_id: str) -> None:
        """Renew the session by this release."""
        if renewal_id not in self.forgotten:
            outcome = renew_session(self.table, "a-session", now_ms, renewal_id)
            assert outcome.changed is (renewal_id not in self.counted)
            self._count(renewal_id, by_earlier=False)

    def renew_by_earlier(self, now_ms: int, renewal_id: str) -> None:
        """Renew the session by the earlier release."""
        if renewal_id not in self.counted[:-1]:
            self.earlier.call(
                "renewal", self.table, "a-session", now_ms=now_ms, renewal_id=renewal_id
            )
            self._count(renewal_id, by_earlier=True)

    def _count(self, renewal_id: str, *, by_earlier: bool) -> None:
        if renewal_id in self.counted:
            return
        if by_earlier and self.latest_by_earlier is not None:
            self.forgotten.add(self.latest_by_earlier)
        self.latest_by_earlier = renewal_id if by_earlier else None
        self.counted.append(renewal_id)


@each_version
@settings(max_examples=40)
@given(turns=st.lists(st.tuples(st.booleans(), st.integers(0, 5)), max_size=12))
def test_two_releases_in_turns_count_each_renewal_once(
    table_on_dynamodb_local: SessionsTable, version: str, turns: list[tuple[bool, int]]
) -> None:
    """A number is a renewal ID: when it comes again, it is a retry, to either release."""
    table = table_on_dynamodb_local
    put(table, session())
    in_turns = InTurns(table, release(version))
    for second, (by_earlier, number) in enumerate(turns):
        renew = in_turns.renew_by_earlier if by_earlier else in_turns.renew
        renew(NOON_MS + 1000 * second, f"r{number}")
    assert item_with(table, "a-session")["renewalCount"] == {"N": str(len(in_turns.counted))}
