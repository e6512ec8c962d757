"""A session as it stands, and how many there are."""

from botocore.exceptions import ClientError

from domain.errors import SessionNotFound
from domain.session import Outcome
from storage.errors import StorageUnavailable
from storage.item import session_of
from storage.table import SessionsTable, ask

SERVING = ("ACTIVE", "UPDATING")


def read_session(table: SessionsTable, session_id: str, now_ms: int) -> Outcome:
    """The session with this ID, if it is alive: one read. It changes nothing.

    Raises:
        SessionNotFound, SessionExpired: there is none, or none alive.
        StorageUnavailable: DynamoDB failed.
        InvalidItem: what is stored is not a session.
    """
    reply = ask(
        table.client.get_item,
        TableName=table.name,
        Key={"sessionId": {"S": session_id}},
        ConsistentRead=True,
    )
    if "Item" not in reply:
        raise SessionNotFound(session_id)
    session = session_of(reply["Item"])
    return Outcome(session, session.judged_at_ms(now_ms), changed=False)


def approximate_count(table: SessionsTable) -> int:
    """DynamoDB's own count of the table's items, up to about six hours old.

    Raises:
        StorageUnavailable: DynamoDB failed, or the table does not serve: whatever the reason.
    """
    try:
        described = ask(table.client.describe_table, TableName=table.name)["Table"]
    except ClientError as error:
        raise StorageUnavailable(str(error)) from error
    if described["TableStatus"] not in SERVING:
        raise StorageUnavailable(f"the table is {described['TableStatus']}")
    return described["ItemCount"]
