"""The deletion of a session as one conditional write."""

from domain.errors import SessionNotFound
from storage.change import IS_A_SESSION, TYPES_AND_BOUNDS
from storage.errors import InvalidItem
from storage.table import SessionsTable, ask

DELETABLE = (
    *IS_A_SESSION,
    "attribute_type(lastActivity, :N)",
    "attribute_type(expiresAt, :N)",
    "attribute_type(maxExpiresAt, :N)",
    "attribute_type(fullRenewalUntil, :N)",
    "attribute_type(activityTtl, :N)",
)
"""Expired or not, but a session: of an item that is none, nobody asked for the deletion."""


def delete_session(table: SessionsTable, session_id: str) -> None:
    """Delete the session with this ID, expired or not: one write.

    Raises:
        SessionNotFound: there is none.
        StorageUnavailable: DynamoDB failed; the session may be deleted all the same.
        InvalidItem: what is stored is not a session; it is left as it was.
    """
    try:
        ask(
            table.client.delete_item,
            TableName=table.name,
            Key={"sessionId": {"S": session_id}},
            ConditionExpression=" AND ".join(DELETABLE),
            ExpressionAttributeValues=TYPES_AND_BOUNDS,
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
    except table.client.exceptions.ConditionalCheckFailedException as refused:
        if "Item" in refused.response:
            raise InvalidItem(session_id, "an attribute is missing or of another type") from None
        raise SessionNotFound(session_id) from None
