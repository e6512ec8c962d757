"""The table: a client with short timeouts, reads, conditional updates, and kinds of faults."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NotConnected

from storage.faults import StorageUnavailable
from storage.item import Item
from storage.keys import session_key

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

# DynamoDB answers in milliseconds. A request that takes longer is better tried again.
CONNECT_TIMEOUT_SECONDS = 0.3
READ_TIMEOUT_SECONDS = 0.7
MAX_ATTEMPTS = 3

# Besides every 5xx: the 4xx that are about load, not about the request.
TEMPORARY_CODES = frozenset(
    {
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "ReplicatedWriteConflictException",
        "RequestLimitExceeded",
        "ThrottlingException",
        "TransactionConflictException",
        "TransactionInProgressException",
    }
)

UpdateExpression = Mapping[str, Any]
"""The constant arguments of an ``UpdateItem``: its expressions, and the names in them."""


def update_expression(update: str, *clauses: str, **names: str) -> UpdateExpression:
    """An expression that makes the update if every clause holds; ``names`` are its ``#aliases``."""
    expression: dict[str, Any] = {
        "UpdateExpression": update,
        "ConditionExpression": " AND ".join(clauses),
    }
    if names:
        expression["ExpressionAttributeNames"] = {
            f"#{alias}": name for alias, name in names.items()
        }
    return expression


@dataclass(frozen=True, slots=True)
class ConditionalUpdate:
    """An update expression with its values. DynamoDB applies it as a whole or not at all."""

    expression: UpdateExpression
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class UpdateResult:
    """What came of a conditional update.

    ``image`` is the item after the update or, if ``applied`` is false, as it is stored. It is
    ``None`` if there is no such item.
    """

    image: Item | None
    applied: bool


@dataclass(frozen=True)
class SessionsTable:
    """The table of the sessions. It keeps them for ``retention_seconds`` after their expiry."""

    client: "DynamoDBClient"
    name: str
    retention_seconds: int

    def update(self, session_id: str, update: ConditionalUpdate) -> UpdateResult:
        """Update one session if the condition holds: one request, without a read.

        Raises:
            SessionNotFound: no session can have this ID.
            StorageUnavailable: throttled, timed out or failed, even after the SDK's retries.
            ClientError: any other error: the deployment or the code is at fault.
        """
        try:
            reply = call_dynamodb(
                self.client.update_item,
                TableName=self.name,
                Key=session_key(session_id),
                ExpressionAttributeValues=update.values,
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
                **update.expression,
            )
        except self.client.exceptions.ConditionalCheckFailedException as refused:
            return UpdateResult(cast("Item | None", refused.response.get("Item")), applied=False)
        return UpdateResult(reply["Attributes"], applied=True)

    def get(self, session_id: str) -> Item | None:
        """The item as the last write left it; ``None`` if there is none.

        Raises:
            SessionNotFound: no session can have this ID.
            StorageUnavailable, ClientError: as for an update.
        """
        reply = call_dynamodb(
            self.client.get_item,
            TableName=self.name,
            Key=session_key(session_id),
            ConsistentRead=True,
        )
        return reply.get("Item")


P = ParamSpec("P")
Reply = TypeVar("Reply", bound=Mapping[str, Any])


def call_dynamodb(operation: Callable[P, Reply], *args: P.args, **kwargs: P.kwargs) -> Reply:
    """Call an operation of the client, and tell temporary faults from all others.

    Raises:
        StorageUnavailable: throttled, timed out or failed, even after the SDK's retries.
        ClientError: any other error: a failed condition, or the deployment or the code is at fault.
    """
    try:
        reply = operation(*args, **kwargs)
    except ClientError as error:
        if _is_temporary(error):
            raise StorageUnavailable(str(error)) from error
        raise
    # botocore lets the last one through where a reply ends within a character.
    except (NotConnected, HTTPClientError, UnicodeDecodeError) as error:
        raise StorageUnavailable(f"{type(error).__name__}: {error}") from error
    # botocore treats a body that it cannot parse as an empty one.
    if "RequestId" not in reply["ResponseMetadata"]:
        raise StorageUnavailable("the response is not DynamoDB's")
    return reply


def dynamodb_client() -> "DynamoDBClient":
    """A client that fails soon enough for the caller to be told.

    Region, credentials and endpoint come from the environment, as boto3 reads it. botocore's own
    validation of parameters is off: DynamoDB validates them again, and it costs every call dearly.
    """
    return boto3.client(
        "dynamodb",
        config=Config(
            connect_timeout=CONNECT_TIMEOUT_SECONDS,
            read_timeout=READ_TIMEOUT_SECONDS,
            retries={"mode": "standard", "total_max_attempts": MAX_ATTEMPTS},
            parameter_validation=False,
            tcp_keepalive=True,
        ),
    )


def _is_temporary(error: ClientError) -> bool:
    status = error.response["ResponseMetadata"]["HTTPStatusCode"]
    return status >= 500 or error.response["Error"]["Code"] in TEMPORARY_CODES
