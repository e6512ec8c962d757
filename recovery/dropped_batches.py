"""The records of a batch that Lambda dropped, from the stream, where they stay for 24 hours."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError, ParamValidationError

from local.stream import Record, lambda_record
from local.template import Template
from recovery.dead_letters import BatchPosition

if TYPE_CHECKING:
    from types_boto3_dynamodbstreams import DynamoDBStreamsClient

MAX_EMPTY_REPLIES = 50
PAUSE_SECONDS = 0.2


GONE_CODES = frozenset(
    {"ResourceNotFoundException", "TrimmedDataAccessException", "ValidationException"}
)
"""What the API answers where the stream, the shard, or the position in it is no longer there."""

GONE = "its records are not in the stream any more: that keeps them for 24 hours"


class RecordsGone(Exception):
    """The stream no longer has all records of the batch; the text says so."""


def dropped_records(
    client: "DynamoDBStreamsClient",
    position: BatchPosition,
    is_delivered: Callable[[Record], bool] | None = None,
) -> list[Record]:
    """The records of the batch, as the function takes them.

    Between them in the stream are those that the filter of the event source mapping leaves out:
    ``is_delivered``, by default as the template states it.

    Raises:
        RecordsGone: the first or the last one is not there any more.
    """
    matches = is_delivered or Template().matches_stream_filter
    return [
        record for record in map(lambda_record, _read_range(client, position)) if matches(record)
    ]


def _read_range(client: "DynamoDBStreamsClient", position: BatchPosition) -> list[Any]:
    records: list[Any] = []
    try:
        iterator: str | None = client.get_shard_iterator(
            StreamArn=position.stream_arn,
            ShardId=position.shard_id,
            ShardIteratorType="AT_SEQUENCE_NUMBER",
            SequenceNumber=position.first,
        )["ShardIterator"]
        empty_replies = 0
        while iterator is not None and empty_replies < MAX_EMPTY_REPLIES:
            reply = client.get_records(ShardIterator=iterator)
            iterator = reply.get("NextShardIterator")
            for record in reply["Records"]:
                number = int(record["dynamodb"]["SequenceNumber"])
                if number > int(position.last):
                    return _complete(records, position)
                records.append(record)
                if number == int(position.last):
                    return _complete(records, position)
            if not reply["Records"]:
                empty_replies += 1
                time.sleep(PAUSE_SECONDS)
    except ClientError as error:
        if error.response["Error"]["Code"] not in GONE_CODES:
            raise
        raise RecordsGone(GONE) from error
    except ParamValidationError as error:
        raise RecordsGone("its position is none that a stream can have") from error
    return _complete(records, position)


def _complete(records: list[Any], position: BatchPosition) -> list[Any]:
    numbers = [record["dynamodb"]["SequenceNumber"] for record in records]
    if not numbers or (numbers[0], numbers[-1]) != (position.first, position.last):
        raise RecordsGone(GONE)
    return records
