"""The table itself: the client's limits, one conditional update, and what faults mean."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NotConnected

from storage.errors import StorageUnavailable
from storage.item import Item

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

# DynamoDB answers in milliseconds. What takes longer than this is better tried again.
CONNECT_TIMEOUT_SECONDS = 0.3
READ_TIMEOUT_SECONDS = 0.7
ATTEMPTS = 3

# Beside every 5xx: the 4xx that are about load, not about the request.
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


WriteForm = Mapping[str, Any]
"""A conditional update in DynamoDB's words: the arguments that are the same each time."""


def write_form(update: str, *clauses: str, **names: str) -> WriteForm:
    """A form that makes the update where every clause holds; ``names`` are its ``#aliases``."""
    form: dict[str, Any] = {
        "UpdateExpression": update,
        "ConditionExpression": " AND ".join(clauses),
    }
    if names:
        form["ExpressionAttributeNames"] = {f"#{alias}": name for alias, name in names.items()}
    return form


@dataclass(frozen=True)
class Written:
    """The answer to a conditional update.

    ``image`` is the item after the write, or as it stands where ``applied`` is false: none
    when there is no such item.
    """

    image: Item | None
    applied: bool


@dataclass(frozen=True)
class SessionsTable:
    """The table of the sessions, and how long it keeps them after their expiry."""

    client: "DynamoDBClient"
    name: str
    retention_seconds: int

    def update(self, session_id: str, form: WriteForm, values: Mapping[str, Any]) -> Written:
        """Write to one session if the form's condition holds: one request, no read before it.

        Raises:
            StorageUnavailable: throttled, timed out or failed, after the SDK's retries.
            ClientError: any other refusal: the deployment or the code is wrong.
        """
        try:
            reply = ask(
                self.client.update_item,
                TableName=self.name,
                Key={"sessionId": {"S": session_id}},
                ExpressionAttributeValues=values,
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
                **form,
            )
        except self.client.exceptions.ConditionalCheckFailedException as refused:
            return Written(cast("Item | None", refused.response.get("Item")), applied=False)
        return Written(reply["Attributes"], applied=True)


P = ParamSpec("P")
Reply = TypeVar("Reply", bound=Mapping[str, Any])


def ask(call: Callable[P, Reply], *args: P.args, **kwargs: P.kwargs) -> Reply:
    """Make one request, a call of the client's, and tell its faults apart.

    Raises:
        StorageUnavailable: throttled, timed out or failed, after the SDK's retries.
        ClientError: any other refusal: a condition's, or the deployment or the code is wrong.
    """
    try:
        reply = call(*args, **kwargs)
    except ClientError as error:
        if _is_temporary(error):
            raise StorageUnavailable(str(error)) from error
        raise
    except (NotConnected, HTTPClientError) as error:
        raise StorageUnavailable(f"{type(error).__name__}: {error}") from error
    # botocore takes a body that it cannot read for an empty one.
    if "RequestId" not in reply["ResponseMetadata"]:
        raise StorageUnavailable("an answer that is not DynamoDB's")
    return reply


def dynamodb_client() -> "DynamoDBClient":
    """A client that gives up soon enough for the caller to be told.

    Region, credentials and endpoint are the environment's. botocore's own validation of
    parameters is left out: the engine validates them again, and it costs each call dearly.
    """
    return boto3.client(
        "dynamodb",
        config=Config(
            connect_timeout=CONNECT_TIMEOUT_SECONDS,
            read_timeout=READ_TIMEOUT_SECONDS,
            retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
            parameter_validation=False,
            tcp_keepalive=True,
        ),
    )


def _is_temporary(error: ClientError) -> bool:
    status = error.response["ResponseMetadata"]["HTTPStatusCode"]
    return status >= 500 or error.response["Error"]["Code"] in TEMPORARY_CODES
