"""What earlier releases stored, and the requests by which they wrote it.

``tests/releases`` has a file for each release: the items of sessions whose times count from
``NOON_MS``, and for each call the request that the release made on a session like ``session()``.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from storage.attribute_values import Item, number
from storage.item import ttl_seconds
from storage.table import SessionsTable

RECORDINGS = Path(__file__).parent.parent / "releases"
VERSIONS = sorted(path.stem for path in RECORDINGS.glob("*.json"))


@dataclass(frozen=True)
class Release:
    """A release, by its version."""

    version: str
    items: Mapping[str, Item]
    requests: Mapping[str, Any]

    def call(self, name: str, table: SessionsTable, session_id: str, **values: Any) -> bool:
        """Make the release's request of this call; false if its condition does not hold.

        ``values`` replace recorded ones: an instant as ``now``, an ID as ``renewalId``.
        """
        request = self.requests[name]
        parameters = dict(request["parameters"])
        parameters["Key"] = {"sessionId": {"S": session_id}}
        recorded = parameters["ExpressionAttributeValues"]
        own = self._values(table, **values)
        parameters["ExpressionAttributeValues"] = {
            name: own.get(name, value) for name, value in recorded.items()
        }
        operation = {"UpdateItem": "update_item", "DeleteItem": "delete_item"}[request["operation"]]
        try:
            getattr(table.client, operation)(TableName=table.name, **parameters)
        except table.client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    @staticmethod
    def _values(table: SessionsTable, now_ms: int, renewal_id: str) -> dict[str, Any]:
        return {
            ":now": number(now_ms),
            ":retainedUntil": number(ttl_seconds(now_ms, table.retention_seconds)),
            ":renewalId": {"S": renewal_id},
        }


def release(version: str) -> Release:
    """The recording of the release."""
    recorded = json.loads((RECORDINGS / f"{version}.json").read_text())
    return Release(version, recorded["items"], recorded["writes"])
