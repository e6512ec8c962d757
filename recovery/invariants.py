"""What must be true of every item of the table, and what is worth a note.

That an item is a session, ``storage.item`` says. Here is what no call asks for, since no call
would make it otherwise.
"""

from dataclasses import dataclass, field

from domain.creation import MAX_METADATA_BYTES
from domain.refusals import SessionNotFound
from domain.renewal import MAX_REMEMBERED
from domain.session import Session
from domain.timeout import impossible_limits
from runtime.settings import MAX_RETENTION_HOURS, SECONDS_PER_HOUR
from storage.attribute_values import Item, attribute, int_attribute
from storage.faults import InvalidItem
from storage.idempotency import record_ttl_seconds
from storage.item import TIMER, item_of, session_of, timeout_config_of, ttl_seconds
from storage.keys import IDEMPOTENCY_PREFIX, START_MARKER_PREFIX, session_key
from storage.recent_renewals import is_behind

FOR_THE_RELEASE_BEFORE = "lastRenewalId"
ANNOUNCED_TOO_EARLY = "announced before expiresAt: another release or table has renewed it since"
SESSION_NOT_UP_TO_DATE = "the release before wrote it last: its next renewal brings it up to date"


@dataclass(slots=True)
class Findings:
    """What was found of an item, without any of its values but names of attributes."""

    defects: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def is_start_marker(item: Item) -> bool:
    """Whether the item only starts a timer."""
    return str(item["sessionId"]["S"]).startswith(START_MARKER_PREFIX)


def is_idempotency_record(item: Item) -> bool:
    """Whether the item is, or should be, an idempotency record."""
    return str(item["sessionId"]["S"]).startswith(IDEMPOTENCY_PREFIX) and not is_start_marker(item)


def retention_seconds(item: Item) -> int:
    """How long after its expiry the session's item is kept.

    Raises:
        ValueError: an attribute is missing or has another type; the text names it.
    """
    return int_attribute(item, "ttl") - ttl_seconds(int_attribute(item, "expiresAt"), 0)


def findings_of(item: Item, retention_hours: int | None = None) -> Findings:
    """What is wrong with the item. ``retention_hours`` is the stack's, to note any other."""
    if is_start_marker(item):
        return _of_start_marker(item)
    if is_idempotency_record(item):
        return _of_record(item)
    try:
        session = session_of(item)
    except InvalidItem as invalid:
        return Findings([invalid.defect])
    found = Findings()
    if session.renewed_at_ms < session.created_at_ms:
        found.defects.append("expiresAt is earlier than createdAt and timeoutConfig allow")
    _look_at_limits(session, found)
    _look_at_renewals(item, session, found)
    _look_at_ttl(item, retention_hours, found)
    if session.announced_at_ms is not None and session.announced_at_ms < session.expires_at_ms:
        found.notes.append(ANNOUNCED_TOO_EARLY)
    unknown = item.keys() - item_of(session, 0).keys() - {FOR_THE_RELEASE_BEFORE, TIMER}
    found.notes += [f"attribute {name} is not of this release" for name in sorted(unknown)]
    return found


def _look_at_limits(session: Session, found: Findings) -> None:
    found.defects += impossible_limits(session.timeout_config)
    try:
        session_key(session.session_id)
    except SessionNotFound:
        found.defects.append("sessionId is none that a session can have")
    if len(session.metadata_json.encode()) > MAX_METADATA_BYTES:
        found.notes.append(f"metadata has more than {MAX_METADATA_BYTES} bytes")


def _look_at_renewals(item: Item, session: Session, found: Findings) -> None:
    digests = session.recent_renewals
    stored = [each.get("N") for each in item.get("recentRenewals", {}).get("L", [])]
    used = [each for each in stored if each != "0"]
    if len(digests) > session.renewal_count:
        found.defects.append("recentRenewals has more renewals than renewalCount counts")
    if len(set(digests)) < len(digests) or any(digest < 0 for digest in digests):
        found.defects.append("recentRenewals has a number twice, or a negative one")
    if stored and (len(stored) != MAX_REMEMBERED or stored[: len(used)] != used):
        found.defects.append(f"recentRenewals is not {MAX_REMEMBERED} numbers, unused ones last")
    elif is_behind(item, session):
        found.notes.append(SESSION_NOT_UP_TO_DATE)


def _look_at_ttl(item: Item, retention_hours: int | None, found: Findings) -> None:
    try:
        kept_seconds = retention_seconds(item)
    except ValueError as error:
        found.defects.append(str(error))
        return
    kept_hours, rest = divmod(kept_seconds, SECONDS_PER_HOUR)
    if rest or not 0 <= kept_hours <= MAX_RETENTION_HOURS:
        found.defects.append("ttl is not expiresAt and a retention of whole hours")
    elif retention_hours not in (None, kept_hours):
        found.notes.append(f"ttl has a retention of {kept_hours} h")


def _of_start_marker(item: Item) -> Findings:
    """A start marker's: what keeps it from being announced, and has it deleted."""
    try:
        attribute(item, "createdSessionId", "S")
        int_attribute(item, "ttl")
    except ValueError as error:
        return Findings([f"start marker: {error}"])
    return Findings()


def _of_record(item: Item) -> Findings:
    """An idempotency record's: each attribute, and the ``ttl`` that follows from its creation."""
    try:
        timeout_config_of(item)
        for name in ("createdSessionId", "requestDigest"):
            attribute(item, name, "S")
        created_at_ms = int_attribute(item, "createdAt")
        ttl = int_attribute(item, "ttl")
    except ValueError as error:
        return Findings([f"idempotency record: {error}"])
    if ttl != record_ttl_seconds(created_at_ms):
        return Findings(["idempotency record: ttl does not follow from createdAt"])
    return Findings()
