"""Gives a restored table what a restore leaves out: stream, backups, protection, tags, TTL."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from local.template import Template
from recovery.output import say

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient


class NotThisTable(Exception):
    """The table cannot be made into the stack's; the text says why."""


def prepare_table(
    client: "DynamoDBClient", name: str, *, tags_of: str | None, with_ttl: bool, apply: bool
) -> str | None:
    """Set what differs from the template's table. Returns the stream's ARN; ``None`` without one.

    ``tags_of`` is a table whose tags are copied. The TTL is only turned on if asked for: until the
    merge, sessions look expired that were renewed since. A second run changes nothing.

    Raises:
        NotThisTable: its key or its indexes are others, which cannot be set.
    """
    wanted = Template().properties("SessionsTable")
    table: Any = client.describe_table(TableName=name)["Table"]
    _require_same_keys(table, wanted)

    def step(what: str, call: Callable[[], object]) -> None:
        say(f"{'set' if apply else 'to be set'}: {what}")
        if apply:
            call()
            client.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 2})

    stream: Any = {"StreamEnabled": True, **wanted["StreamSpecification"]}
    has_stream = table.get("StreamSpecification", {}).get("StreamEnabled", False)
    if not has_stream:
        step("stream", lambda: client.update_table(TableName=name, StreamSpecification=stream))
    elif table["StreamSpecification"] != stream:
        raise NotThisTable(f"its stream has other images than {stream['StreamViewType']}")
    if not table.get("DeletionProtectionEnabled", False):
        step(
            "deletion protection",
            lambda: client.update_table(TableName=name, DeletionProtectionEnabled=True),
        )
    backups: Any = client.describe_continuous_backups(TableName=name)
    recovery = backups["ContinuousBackupsDescription"].get("PointInTimeRecoveryDescription", {})
    if recovery.get("PointInTimeRecoveryStatus") != "ENABLED":
        step(
            "point-in-time recovery",
            lambda: client.update_continuous_backups(
                TableName=name,
                PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True},
            ),
        )
    tags = _missing_tags(client, table["TableArn"], tags_of)
    if tags:
        step(
            f"tags {', '.join(each['Key'] for each in tags)}",
            lambda: client.tag_resource(ResourceArn=table["TableArn"], Tags=tags),
        )
    ttl = client.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    if with_ttl and ttl["TimeToLiveStatus"] not in ("ENABLED", "ENABLING"):
        step(
            "time to live",
            lambda: client.update_time_to_live(
                TableName=name, TimeToLiveSpecification=wanted["TimeToLiveSpecification"]
            ),
        )
    prepared: Any = client.describe_table(TableName=name)["Table"]
    if not prepared.get("StreamSpecification", {}).get("StreamEnabled", False):
        return None  # there may still be the ARN of a former stream
    return str(prepared["LatestStreamArn"])


def _require_same_keys(table: Any, wanted: Any) -> None:
    if table["KeySchema"] != wanted["KeySchema"]:
        raise NotThisTable("its key is not sessionId")
    present = {each["IndexName"] for each in table.get("GlobalSecondaryIndexes", [])}
    missing = {each["IndexName"] for each in wanted["GlobalSecondaryIndexes"]} - present
    if missing:
        raise NotThisTable(
            f"it lacks the indexes {', '.join(sorted(missing))}: restore it again with all indexes"
        )


def _missing_tags(client: "DynamoDBClient", arn: str, tags_of: str | None) -> list[Any]:
    """The other table's tags that this one lacks, but for those of AWS itself."""
    if tags_of is None:
        return []
    other = client.describe_table(TableName=tags_of)["Table"]["TableArn"]
    wanted, present = (_tags(client, each) for each in (other, arn))
    return [
        {"Key": key, "Value": value}
        for key, value in wanted.items()
        if not key.startswith("aws:") and present.get(key) != value
    ]


def _tags(client: "DynamoDBClient", arn: str) -> dict[str, str]:
    pages = client.get_paginator("list_tags_of_resource").paginate(ResourceArn=arn)
    return {tag["Key"]: tag["Value"] for page in pages for tag in page["Tags"]}
