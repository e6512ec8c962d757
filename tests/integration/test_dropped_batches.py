"""The records of a dropped batch, read from a stream of DynamoDB Local."""

import json
from dataclasses import dataclass
from typing import Any

import boto3
import pytest

from local.stream import Record
from recovery.dead_letters import BatchPosition, dead_letter_of
from recovery.dropped_batches import RecordsGone, dropped_records
from storage.session_deletion import delete_session
from storage.table import SessionsTable
from tests.support.sessions import session
from tests.support.tables import create_table, put

LATER = "1"
"""Put before a sequence number, it makes a later one."""


@dataclass(frozen=True)
class StreamedTable:
    """A table, and the sequence numbers that its stream has."""

    table: SessionsTable
    client: Any
    stream_arn: str
    shard_id: str
    numbers: list[str]

    def position(self, first: str, last: str) -> BatchPosition:
        """The position of a batch from one of the numbers to another."""
        return BatchPosition(self.stream_arn, self.shard_id, first, last)


@pytest.fixture(scope="module")
def streamed(dynamodb_local_endpoint: str) -> StreamedTable:
    """A table in which six sessions were created, and then deleted by calls."""
    table = create_table(boto3.client("dynamodb", endpoint_url=dynamodb_local_endpoint))
    for n in range(6):
        put(table, session(f"session-{n}"))
    for n in range(6):
        delete_session(table, f"session-{n}")
    client = boto3.client("dynamodbstreams", endpoint_url=dynamodb_local_endpoint)
    arn = table.client.describe_table(TableName=table.name)["Table"]["LatestStreamArn"]
    shards = client.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
    for shard in shards:
        iterator = client.get_shard_iterator(
            StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        records = client.get_records(ShardIterator=iterator)["Records"]
        if records:
            numbers = [record["dynamodb"]["SequenceNumber"] for record in records]
            return StreamedTable(table, client, arn, shard["ShardId"], numbers)
    raise AssertionError("no shard has records")


def everything(_: Record) -> bool:
    """A filter that leaves nothing out."""
    return True


def test_exactly_the_records_of_the_batch_are_read(streamed: StreamedTable) -> None:
    first, *_, last = numbers = streamed.numbers[2:9]
    records = dropped_records(streamed.client, streamed.position(first, last), everything)
    assert [record["dynamodb"]["SequenceNumber"] for record in records] == numbers


def test_they_have_the_form_that_the_function_takes(streamed: StreamedTable) -> None:
    last = streamed.numbers[-1]
    (record,) = dropped_records(streamed.client, streamed.position(last, last), everything)
    assert json.loads(json.dumps(record)) == record
    assert record["eventName"] == "REMOVE"
    assert record["dynamodb"]["OldImage"]["sessionId"] == {"S": "session-5"}
    assert isinstance(record["dynamodb"]["ApproximateCreationDateTime"], int)


def test_what_the_filter_leaves_out_is_left_out(streamed: StreamedTable) -> None:
    """The deletions here are not by TTL. New sessions are not left out."""
    position = streamed.position(streamed.numbers[0], streamed.numbers[-1])
    left = dropped_records(streamed.client, position)
    assert {record["eventName"] for record in left} == {"INSERT"}


@pytest.mark.parametrize("missing", ["first", "last"])
def test_a_batch_of_which_the_stream_lacks_an_end_is_not_replayed(
    streamed: StreamedTable, missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    first, last = streamed.numbers[0], streamed.numbers[-1]
    position = (
        streamed.position(str(int(first) - 1).zfill(len(first)), last)
        if missing == "first"
        else streamed.position(first, LATER + last)
    )
    with pytest.raises(RecordsGone):
        dropped_records(streamed.client, position, everything)


def test_a_stream_that_is_gone_says_so(streamed: StreamedTable) -> None:
    arn = f"{streamed.stream_arn.rpartition('/')[0]}/2020-01-01T00:00:00.000"
    position = BatchPosition(arn, streamed.shard_id, streamed.numbers[0], streamed.numbers[1])
    with pytest.raises(RecordsGone, match="24 hours"):
        dropped_records(streamed.client, position, everything)


def test_a_malformed_position_says_so(streamed: StreamedTable) -> None:
    with pytest.raises(RecordsGone, match="its position"):
        dropped_records(streamed.client, streamed.position("1", "2"), everything)


def test_lambdas_own_message_names_the_position(streamed: StreamedTable) -> None:
    """As the developer guide of Lambda shows one, under "Retaining discarded records"."""
    info = {
        "shardId": streamed.shard_id,
        "startSequenceNumber": "1",
        "endSequenceNumber": "2",
        "approximateArrivalOfFirstRecord": "2026-01-31T12:00:00Z",
        "approximateArrivalOfLastRecord": "2026-01-31T12:00:00Z",
        "batchSize": 1,
        "streamArn": streamed.stream_arn,
    }
    letter = dead_letter_of({"Body": json.dumps({"version": "1.0", "DDBStreamBatchInfo": info})})
    assert letter.position == streamed.position("1", "2")
