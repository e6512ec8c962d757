"""What the local server needs of moto beyond DynamoDB's API. moto does not promise these names.

Tests fail if they change: ``tests/integration/test_embedded_table.py``, and those of the sweeper.
"""

import threading
from collections.abc import Iterable, Iterator
from copy import copy
from types import TracebackType
from typing import Self, cast

from moto.backends import get_backend
from moto.core.model_instances import reset_model_data
from moto.dynamodb.models.dynamo_type import Item
from moto.dynamodb.models.table import Table


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
        try:
            reset_model_data()
        finally:
            self._lock.release()


class EmbeddedTable(Table):
    """A table of moto that is quick to copy.

    moto copies the whole table before each transaction, and puts the copy in its place if the
    transaction fails: at 10,000 sessions, that takes seconds and as much memory again. Here the
    copy has the same items. That is enough because an item that is put is another one, and because
    the only transaction with an update, which changes an item in place, cannot fail after it.
    """

    def __deepcopy__(self, memo: dict[int, object]) -> Self:
        copied = copy(self)
        copied.items = self.items.copy()
        return copied


def make_embedded(name: str) -> None:
    """Turn moto's table of this name into an ``EmbeddedTable``."""
    _table(name).__class__ = EmbeddedTable  # type: ignore[type-abstract]  # for CloudFormation alone


def ids_past_ttl(table: str, now_seconds: int) -> Iterator[str]:
    """The keys of the items whose ``ttl`` is over.

    A scan would sort all items and copy them: at 10,000 sessions, every page of one takes longer
    than a request should wait.
    """
    for item in _items(table):
        ttl = item.attrs.get("ttl")
        if ttl is not None and int(ttl.value) <= now_seconds:
            yield item.hash_key.value


def item_ids(table: str) -> set[str]:
    """The keys of all items."""
    return {item.hash_key.value for item in _items(table)}


def _items(table: str) -> Iterable[Item]:
    return cast("Iterable[Item]", _table(table).items.values())  # of a table without a sort key


def _table(name: str) -> Table:
    for backends in get_backend("dynamodb").values():
        for backend in backends.values():
            if name in backend.tables:
                return backend.tables[name]
    raise KeyError(name)
