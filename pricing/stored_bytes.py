"""What a session takes in the table and its indexes, which DynamoDB's storage is billed by."""

import json
from collections.abc import Mapping
from typing import Any

from benchmarks import api_events
from local.template import Template
from pricing.item_size import OVERHEAD_BYTES, index_bytes, item_bytes
from pricing.metering import captured_output
from storage.table import SessionsTable
from storage.timer_update import claim


def stored_bytes_of_a_session(table: SessionsTable) -> Mapping[str, int]:
    """What a creation with a key stores: the session and its idempotency record, and the entries.

    The session has its timer, whose token the first message writes.

    DynamoDB's overhead is included. DynamoDB Local knows the size of the table, but takes an index
    to be as large.
    """
    from handlers import sessions  # noqa: PLC0415 - it reads the environment

    with captured_output():
        created = api_events.invoke(sessions.handler, api_events.creation(0, key="stored"))
    claim(table, json.loads(created["body"])["sessionId"], None, delivered_before=False)
    items = table.client.scan(TableName=table.name)["Items"]
    projections = list(map(index_attributes, index_definitions()))
    entries = [
        index_bytes(item, projected) + OVERHEAD_BYTES
        for item in items
        for projected, keys in projections
        if keys <= item.keys()
    ]
    delete_everything(table)
    return {
        "table": sum(item_bytes(item) + OVERHEAD_BYTES for item in items),
        "indexes": sum(entries),
    }


def index_definitions() -> list[dict[str, Any]]:
    """The indexes of the template's table."""
    definitions: list[dict[str, Any]] = Template().properties("SessionsTable")[
        "GlobalSecondaryIndexes"
    ]
    return definitions


def index_attributes(definition: Mapping[str, Any]) -> tuple[frozenset[str], frozenset[str]]:
    """The attributes that an entry of the index has, and those without which there is none."""
    keys = frozenset(each["AttributeName"] for each in definition["KeySchema"])
    more = definition["Projection"].get("NonKeyAttributes", [])
    return keys | {"sessionId", *more}, keys


def delete_everything(table: SessionsTable) -> None:
    """Empty the table."""
    for page in table.client.get_paginator("scan").paginate(TableName=table.name):
        for item in page["Items"]:
            key = {"sessionId": item["sessionId"]}
            table.client.delete_item(TableName=table.name, Key=key)
