"""New items and deletions by TTL, as the stream records that Lambda delivers to a function."""

import uuid
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any, Protocol

from domain.session import MS_PER_SECOND
from local.embedded_table import ids_past_ttl, item_ids
from publishing.stream_records import TTL_IDENTITY
from runtime.clock import epoch_ms

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_dynamodbstreams import DynamoDBStreamsClient
    from types_boto3_dynamodbstreams.literals import ShardIteratorTypeType
    from types_boto3_dynamodbstreams.type_defs import GetRecordsOutputTypeDef, RecordTypeDef

Record = dict[str, Any]

IDENTITY = dict(zip(("type", "principalId"), TTL_IDENTITY, strict=True))
DELETED_BY_TTL_IN_DYNAMODB_LOCAL = "UNKNOWN_TO_SDK_VERSION"
"""The event name of such a record, which has no identity there. DynamoDB's is REMOVE, with one."""

MAX_DELETIONS = 5
"""How many items one sweep deletes. Requests wait meanwhile, and moto takes some 5 ms for each."""


class RecordSource(Protocol):
    """Where the records of the table's stream come from."""

    def restart(self) -> None:
        """Forget what was read, and continue from now."""

    def new_records(self) -> list[Record]:
        """Those since the last call."""


@dataclass
class Sweeper:
    """DynamoDB's TTL and stream for the embedded table, which has neither.

    Of an item that is stored and deleted between two looks, there is no record.
    """

    client: "DynamoDBClient"
    table: str
    lock: AbstractContextManager[object]
    _known: set[str] = field(default_factory=set)
    _records: int = 0

    def restart(self) -> None:
        """Nothing to do: the table itself shows what is due."""

    def new_records(self) -> list[Record]:
        """Of each new item; of each deleted now, past its ``ttl``: at most ``MAX_DELETIONS``."""
        with self.lock:
            known, self._known = self._known, item_ids(self.table)
            inserted = [self._record("INSERT", {"S": new}) for new in self._known - known]
            now_seconds = epoch_ms() // MS_PER_SECOND
            due = list(islice(ids_past_ttl(self.table, now_seconds), MAX_DELETIONS))
            return inserted + [self._removal(session_id) for session_id in due]

    def _removal(self, session_id: str) -> Record:
        image = self.client.delete_item(
            TableName=self.table, Key={"sessionId": {"S": session_id}}, ReturnValues="ALL_OLD"
        )["Attributes"]
        removal = self._record("REMOVE", image["sessionId"])
        removal["userIdentity"] = IDENTITY
        removal["dynamodb"]["OldImage"] = image
        return removal

    def _record(self, event_name: str, key: Any) -> Record:
        self._records += 1
        return {
            "eventID": uuid.uuid4().hex,
            "eventName": event_name,
            "eventSource": "aws:dynamodb",
            "dynamodb": {
                "ApproximateCreationDateTime": epoch_ms() // MS_PER_SECOND,
                "Keys": {"sessionId": key},
                "SequenceNumber": str(self._records),
                "StreamViewType": "OLD_IMAGE",
            },
        }


@dataclass
class Stream:
    """The stream of a table in another DynamoDB, from now on."""

    client: "DynamoDBStreamsClient"
    arn: str
    _iterators: dict[str, str | None] = field(init=False)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Forget what was read, and continue from now."""
        self._iterators = {shard: self._iterator(shard, "LATEST") for shard in self._shard_ids()}

    def new_records(self) -> list[Record]:
        """The records since the last call."""
        records = []
        for shard_id in self._shard_ids():
            if shard_id not in self._iterators:
                self._iterators[shard_id] = self._iterator(shard_id, "TRIM_HORIZON")
            iterator = self._iterators[shard_id]
            if iterator is not None:  # else the shard has been read to its end
                reply = self._read(shard_id, iterator)
                self._iterators[shard_id] = reply.get("NextShardIterator")
                records += [lambda_record(record) for record in reply["Records"]]
        return records

    def _read(self, shard_id: str, iterator: str) -> "GetRecordsOutputTypeDef":
        try:
            return self.client.get_records(ShardIterator=iterator)
        except self.client.exceptions.TrimmedDataAccessException:
            # The iterator is older than all that the shard holds. So it is in DynamoDB Local's
            # empty ones.
            first = self._iterator(shard_id, "TRIM_HORIZON")
            return self.client.get_records(ShardIterator=first)

    def _iterator(self, shard_id: str, position: "ShardIteratorTypeType") -> str:
        return self.client.get_shard_iterator(
            StreamArn=self.arn, ShardId=shard_id, ShardIteratorType=position
        )["ShardIterator"]

    def _shard_ids(self) -> list[str]:
        shards = self.client.describe_stream(StreamArn=self.arn)["StreamDescription"]["Shards"]
        return [shard["ShardId"] for shard in shards]


def lambda_record(record: "RecordTypeDef") -> Record:
    """A record of ``GetRecords``, as Lambda delivers it."""
    change: Mapping[str, Any] = record["dynamodb"]
    seconds = int(change["ApproximateCreationDateTime"].timestamp())
    delivered: Record = {
        **record,
        "dynamodb": {**change, "ApproximateCreationDateTime": seconds},
    }
    identity = record.get("userIdentity")
    if identity:
        delivered["userIdentity"] = {
            "type": identity["Type"],
            "principalId": identity["PrincipalId"],
        }
    if record["eventName"] == DELETED_BY_TTL_IN_DYNAMODB_LOCAL:
        delivered |= {"eventName": "REMOVE", "userIdentity": IDENTITY}
    return delivered
