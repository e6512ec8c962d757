"""The table: a client with short timeouts, calls within a deadline, and kinds of faults."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NotConnected
from botocore.session import get_session

from runtime.client_config import client_config
from runtime.deadline import NO_DEADLINE, Deadline, call_within
from runtime.retries import jittered_pause_seconds, retry, retry_after_seconds
from storage.attribute_values import Item
from storage.faults import ConditionFailed, StorageUnavailable, TransactionCancelled
from storage.keys import session_key

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

# DynamoDB answers in milliseconds. A request that takes longer is better tried again.
CONNECT_TIMEOUT_SECONDS = 0.3
READ_TIMEOUT_SECONDS = 0.7
ATTEMPT_SECONDS = 2.0
"""The most that a request takes as a whole, with the name's lookup and a reply in many packets."""

MAX_BUSY_PAUSE_SECONDS = 0.2
"""The longest pause where others were in the way: among steady renewals, none gains by more."""

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


@dataclass(slots=True)
class RequestCount:
    """How many requests to DynamoDB were sent, retries included."""

    sent: int = 0


P = ParamSpec("P")
Reply = TypeVar("Reply", bound=Mapping[str, Any])


@dataclass(frozen=True)
class SessionsTable:
    """The table of the sessions. It keeps them for ``retention_seconds`` after their expiry.

    No request begins that would not end by the deadline. See ``until``.
    """

    client: "DynamoDBClient"
    name: str
    retention_seconds: int
    deadline: Deadline = NO_DEADLINE
    requests: RequestCount = field(default_factory=RequestCount, compare=False)

    def until(self, deadline: Deadline) -> "SessionsTable":
        """The same table, for a call of the API that must have ended by then; its count is 0."""
        return replace(self, deadline=deadline, requests=RequestCount())

    def update(self, session_id: str, update: ConditionalUpdate) -> UpdateResult:
        """Update one session if the condition holds: one request, without a read.

        Raises:
            SessionNotFound: no session can have this ID.
            StorageUnavailable, ClientError: as for ``call``.
        """
        try:
            reply = self.call(
                self.client.update_item,
                TableName=self.name,
                Key=session_key(session_id),
                ExpressionAttributeValues=update.values,
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
                **update.expression,
            )
        except ConditionFailed as refused:
            return UpdateResult(refused.item, applied=False)
        return UpdateResult(reply["Attributes"], applied=True)

    def get(self, session_id: str) -> Item | None:
        """The item as the last write left it; ``None`` if there is none.

        Raises:
            SessionNotFound: no session can have this ID.
            StorageUnavailable, ClientError: as for ``call``.
        """
        reply = self.call(
            self.client.get_item,
            TableName=self.name,
            Key=session_key(session_id),
            ConsistentRead=True,
        )
        return reply.get("Item")

    def call(self, operation: Callable[P, Reply], *args: P.args, **kwargs: P.kwargs) -> Reply:
        """Call an operation of the client; up to six times in an outage.

        Raises:
            StorageUnavailable: throttled, timed out or failed, even after the retries that there
                was time for.
            ConditionFailed, TransactionCancelled: nothing was written.
            ClientError: any other error: the deployment or the code is at fault.
        """

        def attempt(seconds: float) -> Reply:
            self.requests.sent += 1
            return _call_dynamodb(seconds, operation, *args, **kwargs)

        return retry(attempt, self.deadline, ATTEMPT_SECONDS)

    def pause(self, attempt: int) -> None:
        """Wait a little before the next attempt (this one counted from 0), lest the same meet.

        Raises:
            StorageUnavailable: there is no time for another.
        """
        pause_seconds = jittered_pause_seconds(attempt, MAX_BUSY_PAUSE_SECONDS)
        if not self.deadline.pause(pause_seconds, ATTEMPT_SECONDS):
            raise StorageUnavailable(f"others were in the way of {attempt + 1} attempts")


def dynamodb_client() -> "DynamoDBClient":
    """A client of DynamoDB. It is botocore's own: boto3 would import its layer for S3, too."""
    config = client_config(CONNECT_TIMEOUT_SECONDS, READ_TIMEOUT_SECONDS)
    client = get_session().create_client("dynamodb", config=config)
    return cast("DynamoDBClient", client)


def _is_temporary(error: ClientError) -> bool:
    status = error.response["ResponseMetadata"]["HTTPStatusCode"]
    return status >= 500 or error.response["Error"]["Code"] in TEMPORARY_CODES


def _call_dynamodb(
    seconds: float, operation: Callable[P, Reply], *args: P.args, **kwargs: P.kwargs
) -> Reply:
    """Call an operation of the client once, and tell temporary faults from all others."""
    try:
        reply = call_within(seconds, operation, *args, **kwargs)
    except ClientError as error:
        response = cast("Any", error.response)
        if _is_temporary(error):
            raise StorageUnavailable(
                str(error), retry_after_seconds=retry_after_seconds(error.response)
            ) from error
        # Not by the client's classes: two threads that first ask for them each get their own.
        match response["Error"]["Code"]:
            case "ConditionalCheckFailedException":
                raise ConditionFailed(response.get("Item")) from None
            case "TransactionCanceledException":
                raise TransactionCancelled(response["CancellationReasons"]) from None
        raise
    # botocore lets the last one through where a reply ends within a character.
    except (NotConnected, HTTPClientError, TimeoutError, UnicodeDecodeError) as error:
        raise StorageUnavailable(f"{type(error).__name__}: {error}") from error
    # botocore treats a body that it cannot parse as an empty one.
    if "RequestId" not in reply["ResponseMetadata"]:
        raise StorageUnavailable("the response is not DynamoDB's")
    return reply
