"""The sessions that the calls are measured with. Times are in minutes from now."""

from dataclasses import replace

from domain.session import MS_PER_MINUTE, Session, TimeoutConfig
from runtime.clock import epoch_ms
from storage.attribute_values import Item
from storage.item import item_of
from storage.recent_renewals import renewal_attributes
from storage.table import SessionsTable

AGENT_ID = "3c90c3cc-0d44-4b50-8888-8dd25736052a"
USER_ID = "9b2f3f0e-6a53-4b0c-9d5b-0b7f5a0f2d11"
LISTED_USER_ID = "5f0c1f0b-3a55-4f0e-8f0a-1d2b7c9e6a10"

TIMEOUT = TimeoutConfig(
    timeout_minutes=30, auto_renew=True, max_duration_minutes=720, warning_threshold_minutes=5
)
METADATA_JSON = '{"channel":"web"}'
PAGE_SIZE = 50
CONVENTIONAL_ID = "live-conventional"


def session(session_id: str, *, created: int = -10, expires: int = 20) -> Session:
    """A session with little metadata, created and expiring this many minutes from now."""
    renewed_at_ms = epoch_ms() + (expires - TIMEOUT.timeout_minutes) * MS_PER_MINUTE
    return Session(
        session_id=session_id,
        agent_id=AGENT_ID,
        user_id=USER_ID,
        metadata_json=METADATA_JSON,
        created_at_ms=epoch_ms() + created * MS_PER_MINUTE,
        last_activity_ms=renewed_at_ms,
        renewed_at_ms=renewed_at_ms,
        timeout_config=TIMEOUT,
        renewal_count=0,
        recent_renewals=(),
    )


def conventional_item(stored: Session, retention_seconds: int) -> Item:
    """The session without what this project alone remembers.

    The implementations that it is compared with would only carry that to and fro.
    """
    item = item_of(stored, retention_seconds)
    return {name: item[name] for name in item.keys() - renewal_attributes(stored).keys()}


def in_one_member(total_bytes: int) -> str:
    """Metadata of this size, in one member."""
    start, end = '{"text":"', '"}'
    return start + "x" * (total_bytes - len(start + end)) + end


def put(table: SessionsTable, *sessions: Session) -> None:
    """Store the sessions, replacing what is there."""
    for each in sessions:
        item = item_of(each, table.retention_seconds)
        table.client.put_item(TableName=table.name, Item=item)


def put_one_for_each_outcome(table: SessionsTable) -> None:
    """Store anew the sessions that lead to each outcome."""
    passive = replace(TIMEOUT, auto_renew=False)
    put(
        table,
        session("live"),
        replace(session("without-auto-renew"), timeout_config=passive),
        session("near-maximum", created=-710, expires=5),
        session("at-maximum", created=-710, expires=10),
        session("expired", created=-60, expires=-30),
    )
    conventional = conventional_item(session(CONVENTIONAL_ID), table.retention_seconds)
    table.client.put_item(TableName=table.name, Item=conventional)


def put_a_page_and_more(table: SessionsTable) -> None:
    """Store a page of one user's sessions and one more, so that the page has a cursor."""
    listed = (session(f"listed-{number}") for number in range(PAGE_SIZE + 1))
    put(table, *(replace(each, user_id=LISTED_USER_ID) for each in listed))
