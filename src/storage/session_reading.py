"""Reads a session as it stands, and how many items the table holds."""

from botocore.exceptions import ClientError

from domain.refusals import SessionNotFound
from domain.session import Snapshot, snapshot
from storage.faults import StorageUnavailable
from storage.item import session_of
from storage.table import SessionsTable

SERVING_STATUSES = ("ACTIVE", "UPDATING")


def read_session(table: SessionsTable, session_id: str, now_ms: int) -> Snapshot:
    """The session with this ID, if it is alive: one request.

    Raises:
        SessionNotFound, SessionExpired: there is none, or it is no longer alive.
        StorageUnavailable: DynamoDB failed.
        InvalidItem: what is stored is not a session.
    """
    item = table.get(session_id)
    if item is None:
        raise SessionNotFound(session_id)
    return snapshot(session_of(item), now_ms)


def approximate_count(table: SessionsTable) -> int:
    """DynamoDB's own count of the table's items, up to about six hours old.

    Raises:
        StorageUnavailable: DynamoDB failed, or the table is not serving, whatever the reason.
    """
    try:
        described = table.call(table.client.describe_table, TableName=table.name)["Table"]
    except ClientError as error:
        raise StorageUnavailable(str(error)) from error
    if described["TableStatus"] not in SERVING_STATUSES:
        raise StorageUnavailable(f"the table is {described['TableStatus']}")
    return described["ItemCount"]
