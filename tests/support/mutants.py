"""Code that breaks one invariant each, so that a history must show it."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from domain.refusals import SessionNotFound
from domain.renewal import renew
from domain.session import Outcome, Session
from storage.attribute_values import Item
from storage.item import session_of
from storage.table import ConditionalUpdate, SessionsTable, UpdateResult
from tests.support.histories import Kind
from tests.support.planted_defects import Planting, altering_updates, replacing, without_clause
from tests.support.seeded_faults import LOSSY_SHARES, NO_FAULTS, Shares
from tests.support.tables import put
from tests.support.workloads import Workload

CACHE_SECONDS = 0.1


@dataclass(frozen=True)
class Mutant:
    """A defect, and the calls and the faults under which it shows."""

    planted: Planting
    workload: Workload = field(default_factory=Workload)
    faults: Shares = field(default_factory=lambda: NO_FAULTS)


def read_then_write(
    table: SessionsTable, session_id: str, now_ms: int, renewal_id: str, *_: Any
) -> Outcome:
    """A renewal that does not ask whether the session is still what it has read."""
    item = table.get(session_id)
    if item is None:
        raise SessionNotFound(session_id)
    outcome = renew(session_of(item), now_ms, renewal_id)
    if outcome.changed:
        put(table, outcome.session)
    return outcome


def unmarked_session_of(item: Item) -> Session:
    """The session as a release sees it that knows no announcements."""
    return replace(session_of(item), announced_at_ms=None)


_update = SessionsTable.update
_get = SessionsTable.get


def count_what_is_refused(
    table: SessionsTable, session_id: str, update: ConditionalUpdate, *rest: Any
) -> UpdateResult:
    """An update that counts one more where its condition fails."""
    result = _update(table, session_id, update, *rest)
    if not result.applied and result.image is not None:
        table.client.update_item(
            TableName=table.name,
            Key={"sessionId": {"S": session_id}},
            UpdateExpression="ADD renewalCount :one",
            ConditionExpression="attribute_exists(sessionId)",
            ExpressionAttributeValues={":one": {"N": "1"}},
        )
    return result


class Cache:
    """Reads that are answered from memory for a while."""

    def __init__(self) -> None:
        self._read: dict[str, tuple[float, Item | None]] = {}

    def get(self, table: SessionsTable, session_id: str, *rest: Any) -> Item | None:
        """The item as it was read at most so long ago."""
        read_at, item = self._read.get(session_id, (0.0, None))
        if time.monotonic() - read_at > CACHE_SECONDS:
            item = _get(table, session_id, *rest)
            self._read[session_id] = time.monotonic(), item
        return item


def _calls(*first_states: str, clients: int = 6, calls: int = 15, **shares: float) -> Workload:
    """Calls of these kinds, by their shares, on sessions that begin in these states."""
    return Workload(
        clients, calls, {Kind[name]: share for name, share in shares.items()}, first_states
    )


MUTANTS: Mapping[str, Mutant] = {
    "1: a refused renewal is counted": Mutant(
        replacing("storage.table.SessionsTable.update", count_what_is_refused),
        _calls("expired", "at-maximum", RENEWAL=0.7, READ=0.3),
    ),
    "1: a renewal is written over another": Mutant(
        replacing("api.renewal_routes.renew_session", read_then_write),
        _calls("fresh", RENEWAL=1),
    ),
    "1: renewals at once are all the last": Mutant(
        without_clause("expiresAt < maxExpiresAt"),
        _calls(*["near-maximum"] * 6, clients=8, RENEWAL=1),
    ),
    "2: the maximum is passed": Mutant(
        without_clause("fullRenewalUntil >= :now"), _calls("near-maximum", RENEWAL=0.7, READ=0.3)
    ),
    "2: an expired session is renewed": Mutant(
        without_clause("expiresAt > :now"), _calls("expired", RENEWAL=0.7, READ=0.3)
    ),
    "2: a timeout change is made of what was": Mutant(
        without_clause(":read"), _calls("fresh", "idle", RENEWAL=0.6, TIMEOUT_CHANGE=0.4)
    ),
    "3: the last activity moves back": Mutant(
        without_clause("lastActivity <= :now"), _calls("fresh", RENEWAL=0.5, HEARTBEAT=0.5)
    ),
    "4: a replay is counted": Mutant(
        # No more renewals than a session remembers: beyond them, the rule itself counts twice.
        without_clause("recentRenewals, :digest"),
        _calls("fresh", clients=4, calls=8, RENEWAL=0.5, HEARTBEAT=0.5),
        LOSSY_SHARES,
    ),
    "5: a heartbeat renews against the limits": Mutant(
        without_clause("autoRenew = :true"), _calls("manual", HEARTBEAT=0.7, READ=0.3)
    ),
    "an answer shows what was before": Mutant(
        altering_updates(lambda params: params.update(ReturnValues="ALL_OLD")),
        _calls("fresh", RENEWAL=0.7, READ=0.3),
    ),
    "a read is stale": Mutant(
        replacing("storage.table.SessionsTable.get", Cache().get),
        _calls("fresh", RENEWAL=0.7, READ=0.3),
    ),
    "6: an announced session is renewed": Mutant(
        without_clause("announcedAt", of="renewalCount ="),
        _calls(*["dying"] * 6, RENEWAL=0.5, ANNOUNCEMENT=0.5),
    ),
    "6: an announced session has heartbeats": Mutant(
        without_clause("announcedAt", of="autoRenew = :true"),
        _calls(*["dying-by-activity"] * 6, HEARTBEAT=0.5, ANNOUNCEMENT=0.5),
    ),
    "6: an announced session takes new limits": Mutant(
        without_clause("announcedAt", of=":readTimeoutConfig"),
        _calls(*["dying"] * 24, clients=12, TIMEOUT_CHANGE=0.5, ANNOUNCEMENT=0.5),
    ),
    "6: an announced session is shown": Mutant(
        replacing("storage.session_reading.session_of", unmarked_session_of),
        _calls(*["dying"] * 6, READ=0.5, ANNOUNCEMENT=0.5),
    ),
    "6: a session is announced twice": Mutant(
        without_clause("announcedAt", of="SET announcedAt"),
        _calls(*["dying"] * 6, ANNOUNCEMENT=1),
    ),
    "6: a live session is announced": Mutant(
        without_clause("expiresAt <= :now"),
        _calls("fresh", RENEWAL=0.5, ANNOUNCEMENT=0.5),
    ),
    "a deletion is not made": Mutant(
        replacing("api.session_routes.delete_session", lambda *_: None),
        _calls("fresh", RENEWAL=0.5, READ=0.4, DELETION=0.1),
    ),
}
"""The defects, each with the number of the invariant that it breaks. These are:

1. The count grows by one for every renewal that is answered 200, and by nothing else.
2. The expiry never passes the maximum, is never moved by an expired session's renewal, and follows
   from the last renewal and the limits.
3. The last activity never moves earlier.
4. A request is counted once, whatever comes between it and its retry.
5. What is refused changes nothing.
6. A session is announced once, when it has expired, and then it is over for every clock.
"""
