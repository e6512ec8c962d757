"""What earlier releases stored, and the requests by which they wrote it.

``tests/releases`` has two files for each release. One has the items of sessions whose times count
from ``NOON_MS``, and for each call the request that the release made on a session like
``session()``. The other is its template.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.template import Template
from runtime.clock import epoch_ms
from storage.attribute_values import Item, number
from storage.item import ttl_seconds
from storage.table import SessionsTable
from tests.support.sessions import NOON_MS

RECORDINGS = Path(__file__).parent.parent / "releases"
VERSIONS = sorted(path.stem for path in RECORDINGS.glob("*.json"))

_INSTANTS_MS = {"createdAt", "lastActivity", "expiresAt", "maxExpiresAt", "fullRenewalUntil"}


@dataclass(frozen=True)
class Release:
    """A release, by its version."""

    version: str
    items: Mapping[str, Item]
    requests: Mapping[str, Any]

    @property
    def template(self) -> Template:
        """Its template.yaml."""
        return Template(RECORDINGS / f"{self.version}-template.yaml")

    def item_as_of_now(self, name: str) -> Item:
        """The item with its times moved from noon to now."""
        shift_seconds = epoch_ms() // 1000 - NOON_MS // 1000
        item = dict(self.items[name])
        for instant in _INSTANTS_MS & item.keys():
            item[instant] = number(int(item[instant]["N"]) + 1000 * shift_seconds)
        item["ttl"] = number(int(item["ttl"]["N"]) + shift_seconds)
        return item

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
