"""The deletion of a session as one conditional request."""

from domain.refusals import SessionNotFound
from storage.conditional_update import IS_A_SESSION, TYPES_AND_BOUNDS
from storage.faults import ConditionFailed, InvalidItem
from storage.keys import session_key
from storage.table import SessionsTable

DELETABLE = (
    *IS_A_SESSION,
    "attribute_type(lastActivity, :N)",
    "attribute_type(expiresAt, :N)",
    "attribute_type(maxExpiresAt, :N)",
    "attribute_type(fullRenewalUntil, :N)",
)
"""A session, expired or not. Nobody has asked to delete an item that is not one."""


def delete_session(table: SessionsTable, session_id: str) -> None:
    """Delete the session with this ID, expired or not: one request.

    Raises:
        SessionNotFound: there is none.
        StorageUnavailable: DynamoDB failed; the session may be deleted all the same.
        InvalidItem: what is stored is not a session; it stays as it is.
    """
    try:
        table.call(
            table.client.delete_item,
            TableName=table.name,
            Key=session_key(session_id),
            ConditionExpression=" AND ".join(DELETABLE),
            ExpressionAttributeValues=TYPES_AND_BOUNDS,
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
    except ConditionFailed as refused:
        if refused.item is not None:
            raise InvalidItem(session_id, "an attribute is missing or has another type") from None
        raise SessionNotFound(session_id) from None
