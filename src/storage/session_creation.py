"""Stores new sessions; with an idempotency key, in one transaction with its record."""

from typing import TYPE_CHECKING

from domain.creation import CreationRequest
from domain.session import MS_PER_SECOND, Outcome, Session
from storage.attribute_values import number
from storage.faults import ConditionFailed, TransactionCancelled
from storage.idempotency import first_session_of, idempotency_record
from storage.item import item_of
from storage.table import SessionsTable

if TYPE_CHECKING:
    from types_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

IS_NEW = "attribute_not_exists(sessionId)"
# DynamoDB deletes late: a record has expired when its ttl is over, not when it is deleted.
IS_NEW_OR_EXPIRED = f"{IS_NEW} OR #ttl <= :now"


def create_session(table: SessionsTable, session: Session) -> None:
    """Store a new session, whose ID is random: one request.

    Raises:
        StorageUnavailable: DynamoDB failed; the session may be stored all the same.
    """
    try:
        table.call(
            table.client.put_item,
            TableName=table.name,
            Item=item_of(session, table.retention_seconds),
            ConditionExpression=IS_NEW,
        )
    except ConditionFailed:
        return  # the reply to an earlier attempt was lost: nobody else uses this ID


def create_session_once(
    table: SessionsTable, session: Session, request: CreationRequest, record_id: str
) -> Outcome:
    """Store a new session, unless this request has stored one: then that one, as it was first.

    ``record_id`` is the ``idempotency_record_id`` of the request's key. One request to DynamoDB;
    more, until the table's deadline, while another transaction with the same key is under way.

    Raises:
        IdempotencyKeyReused: the key was used to create a different session.
        StorageUnavailable: DynamoDB failed, or other transactions were in the way.
        InvalidItem: what is stored under the record's ID is not an idempotency record.
    """
    now_ms = session.created_at_ms
    attempt = 0
    while True:
        try:
            table.call(
                table.client.transact_write_items,
                TransactItems=_puts(table, session, request, record_id),
            )
        except TransactionCancelled as cancelled:
            reasons = cancelled.reasons
            if reasons[0]["Code"] == "ConditionalCheckFailed":
                first = first_session_of(reasons[0]["Item"], request)
                return Outcome(first, now_ms, changed=False)
            if not cancelled.may_pass:
                raise
            table.pause(attempt)
            attempt += 1
        else:
            return Outcome(session, now_ms, changed=True)


def _puts(
    table: SessionsTable, session: Session, request: CreationRequest, record_id: str
) -> "list[TransactWriteItemTypeDef]":
    return [
        {
            "Put": {
                "TableName": table.name,
                "Item": idempotency_record(record_id, session, request),
                "ConditionExpression": IS_NEW_OR_EXPIRED,
                "ExpressionAttributeNames": {"#ttl": "ttl"},
                "ExpressionAttributeValues": {
                    ":now": number(session.created_at_ms // MS_PER_SECOND)
                },
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            }
        },
        {
            "Put": {
                "TableName": table.name,
                "Item": item_of(session, table.retention_seconds),
                "ConditionExpression": IS_NEW,
            }
        },
    ]
