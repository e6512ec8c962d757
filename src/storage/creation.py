"""The creation of a session, once for each idempotency key.

With a key, the session and the memory of the key are stored in one transaction: both, or neither.
The memory is an item beside the sessions. Its ID is made of the key, but the session's ID is
random, and so whoever knows the key cannot tell it. Nor can a key be guessed from the memory's ID:
the digest is keyed.
"""

import hashlib
import hmac
import json
import random
import time
from typing import TYPE_CHECKING, cast

from domain.creation import KEY_LIFETIME_MS, Creation, create
from domain.errors import KeyUsedForAnother
from domain.session import MS_PER_SECOND, RESERVED_ID_PREFIX, Outcome, Session
from storage.errors import InvalidItem, StorageUnavailable
from storage.item import Item, config_item, config_of, item_of, number, ttl_seconds, whole
from storage.table import SessionsTable, ask

if TYPE_CHECKING:
    from types_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

MAX_TRANSACTIONS = 3
MAX_PAUSE_SECONDS = 0.05
NEW = "attribute_not_exists(sessionId)"

# Why a transaction is cancelled though nothing forbids it.
TEMPORARY_REASONS = {"ProvisionedThroughputExceeded", "ThrottlingError", "TransactionConflict"}


def create_session(table: SessionsTable, session: Session) -> None:
    """Store a new session, whose ID is random: one write.

    Raises:
        StorageUnavailable: DynamoDB failed; the session may be stored all the same.
    """
    try:
        ask(
            table.client.put_item,
            TableName=table.name,
            Item=item_of(session, table.retention_seconds),
            ConditionExpression=NEW,
        )
    except table.client.exceptions.ConditionalCheckFailedException:
        return  # the reply to a first attempt was lost: nobody else makes this ID


def create_session_once(
    table: SessionsTable, session: Session, creation: Creation, memory_id: str
) -> Outcome:
    """Store a new session, unless this creation has stored one: then that, as it began.

    ``memory_id`` is what ``memory_id_of`` makes of the creation's key. One transaction, up to three
    where another with the same key is under way.

    Raises:
        KeyUsedForAnother: the key named a creation with other metadata or time limits.
        StorageUnavailable: DynamoDB failed, or other transactions were in the way.
    """
    now_ms = session.created_at_ms
    for _ in range(MAX_TRANSACTIONS):
        try:
            ask(
                table.client.transact_write_items,
                TransactItems=_both(table, session, creation, memory_id),
            )
        except table.client.exceptions.TransactionCanceledException as cancelled:
            reasons = cancelled.response["CancellationReasons"]
            if reasons[0]["Code"] == "ConditionalCheckFailed":
                first = _remembered(memory_id, cast("Item", reasons[0]["Item"]), creation)
                return Outcome(first, now_ms, changed=False)
            if not any(reason["Code"] in TEMPORARY_REASONS for reason in reasons):
                raise
            # Others that met each other should not meet again.
            time.sleep(random.uniform(0, MAX_PAUSE_SECONDS))  # noqa: S311 - no secret
        else:
            return Outcome(session, now_ms, changed=True)
    raise StorageUnavailable(f"{MAX_TRANSACTIONS} transactions met others in their way")


def _both(
    table: SessionsTable, session: Session, creation: Creation, memory_id: str
) -> "list[TransactWriteItemTypeDef]":
    now_ms = session.created_at_ms
    memory: Item = {
        "sessionId": {"S": memory_id},
        "createdSessionId": {"S": session.session_id},
        "createdAt": number(now_ms),
        "timeoutConfig": config_item(session.timeout_config),
        "asked": {"S": _asked(creation)},
        "ttl": number(ttl_seconds(now_ms + KEY_LIFETIME_MS, 0)),
    }
    return [
        {
            "Put": {
                "TableName": table.name,
                "Item": memory,
                # DynamoDB deletes late: a key is forgotten at its time, not at its deletion.
                "ConditionExpression": f"{NEW} OR #ttl <= :now",
                "ExpressionAttributeNames": {"#ttl": "ttl"},
                "ExpressionAttributeValues": {":now": number(now_ms // MS_PER_SECOND)},
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            }
        },
        {
            "Put": {
                "TableName": table.name,
                "Item": item_of(session, table.retention_seconds),
                "ConditionExpression": NEW,
            }
        },
    ]


def _remembered(memory_id: str, memory: Item, creation: Creation) -> Session:
    """The session that the first of these creations made, as it began."""
    try:
        if memory["asked"]["S"] != _asked(creation):
            raise KeyUsedForAnother
        return create(
            creation,
            config_of(memory),
            session_id=memory["createdSessionId"]["S"],
            now_ms=whole(memory, "createdAt"),
        )
    except (KeyError, ValueError) as error:
        raise InvalidItem(memory_id, f"the memory of a key: {error}") from None


def memory_id_of(creation: Creation, key: str, signing_key: str) -> str:
    """The ID of the key's memory: two clients may choose one key for two agents or two users."""
    named = json.dumps([creation.agent_id, creation.user_id, key]).encode()
    return RESERVED_ID_PREFIX + hmac.digest(signing_key.encode(), named, "sha256").hex()


def _asked(creation: Creation) -> str:
    asked = json.dumps([creation.metadata_json, creation.timeout.given])
    return hashlib.sha256(asked.encode()).hexdigest()
