"""Reads every item of a table, a page at a time and at a pace."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from recovery.pace import Pace
from storage.attribute_values import Item

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient


@dataclass(frozen=True, slots=True)
class ScanPage:
    """The next items, in no order. ``last_id`` is where a later scan can go on."""

    items: list[Item]
    last_id: str | None


@dataclass(frozen=True, slots=True)
class TableScan:
    """A scan of a table, from after the item with this ID on; ``None`` for all of it."""

    client: "DynamoDBClient"
    table: str
    pace: Pace
    start_after: str | None = None
    items_per_page: int = 1000
    is_consistent: bool = False

    def pages(self) -> Iterator[ScanPage]:
        """The pages. Before each but the first, it waits for what the one before has consumed."""
        more: dict[str, Any] = {}
        last_id = self.start_after
        while True:
            if last_id is not None:
                more["ExclusiveStartKey"] = {"sessionId": {"S": last_id}}
            reply = self.client.scan(
                TableName=self.table,
                Limit=self.items_per_page,
                ConsistentRead=self.is_consistent,
                ReturnConsumedCapacity="TOTAL",
                **more,
            )
            last: Any = reply.get("LastEvaluatedKey")
            last_id = last["sessionId"]["S"] if last else None
            items: Any = reply["Items"]
            yield ScanPage(items, last_id)
            if last_id is None:
                return
            self.pace.spend(reply.get("ConsumedCapacity", {}).get("CapacityUnits", 0))
