"""What the local server needs of moto beyond DynamoDB's API. moto does not promise these names.

Tests fail if they change: ``tests/integration/test_embedded_table.py``, and those of the sweeper.
"""

import threading
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import cast

from moto.backends import get_backend
from moto.core.model_instances import reset_model_data
from moto.dynamodb.models.dynamo_type import Item


class EmbeddedTableLock:
    """To be held around each use of moto, which is not atomic between threads.

    moto lists every object that it ever made, each copy of an item among them. With the release of
    the lock these lists are emptied; the table has its items elsewhere.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        reset_model_data()
        self._lock.release()


def ids_past_ttl(table: str, now_seconds: int) -> Iterator[str]:
    """The keys of the items whose ``ttl`` is over.

    A scan would sort all items and copy them: at 10,000 sessions, every page of one takes longer
    than a request should wait.
    """
    for item in _items_of(table):
        ttl = item.attrs.get("ttl")
        if ttl is not None and int(ttl.value) <= now_seconds:
            yield item.hash_key.value


def _items_of(table: str) -> Iterable[Item]:
    """The items themselves, as moto keeps those of a table without a sort key."""
    for backends in get_backend("dynamodb").values():
        for backend in backends.values():
            if table in backend.tables:
                return cast("Iterable[Item]", backend.tables[table].items.values())
    raise KeyError(table)
