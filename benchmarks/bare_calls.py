"""The bare call behind a call of the API: the same request, made by a plain boto3 client."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn, cast

from benchmarks.sessions import AGENT_ID, LISTED_USER_ID, METADATA_JSON, PAGE_SIZE, TIMEOUT, USER_ID
from domain.creation import Creation, create
from domain.session import Session
from domain.timeout import TimeoutChange
from handlers.clock import epoch_ms
from storage.creation import create_session, create_session_once, memory_id_of
from storage.deletion import delete_session
from storage.heartbeat import beat
from storage.listing import Owner, read_page
from storage.reading import approximate_count, read_session
from storage.renewal import renew
from storage.table import SessionsTable
from storage.timeout import change_timeout

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

Storage = Callable[[SessionsTable, int], object]
"""A call of the storage's. The number makes its IDs: no call is the retry of another."""


@dataclass(eq=False)
class Request(Exception):
    """What a client was asked for."""

    operation: str
    arguments: dict[str, Any]


@dataclass(frozen=True)
class ClientThatSendsNothing:
    """It tells what it was asked for, by raising it."""

    exceptions: Any

    def __getattr__(self, operation: str) -> Callable[..., NoReturn]:
        """The operation of this name."""

        def tell(**arguments: Any) -> NoReturn:
            raise Request(operation, arguments)

        return tell


def first_request(storage: Storage, table: SessionsTable, number: int) -> Request:
    """What the storage's call would send first."""
    client = cast("DynamoDBClient", ClientThatSendsNothing(table.client.exceptions))
    try:
        storage(replace(table, client=client), number)
    except Request as request:
        return request
    raise AssertionError("a call that sends nothing")


def bare_call(
    storage: Storage, table: SessionsTable, number: int, **more: Any
) -> Callable[[], object]:
    """The storage's first request, ready to be sent by the table's own client."""
    request = first_request(storage, table, number)
    return partial(getattr(table.client, request.operation), **request.arguments, **more)


def bare_page(table: SessionsTable, number: int) -> Callable[[], object]:
    """The two requests of a page: the index's entries, and the sessions that they name."""
    query = bare_call(page, table, number)

    def read() -> object:
        reply = cast("dict[str, Any]", query())
        keys = [{"sessionId": entry["sessionId"]} for entry in reply["Items"]]
        return table.client.batch_get_item(
            RequestItems={table.name: {"Keys": keys, "ConsistentRead": True}}
        )

    return read


def creation(table: SessionsTable, _: int, metadata_json: str = METADATA_JSON) -> None:
    """A creation without a key."""
    create_session(table, _new_session(_asked(metadata_json)))


def creation_with_key(table: SessionsTable, number: int) -> None:
    """A creation with a key."""
    asked = _asked(METADATA_JSON)
    create_session_once(
        table, _new_session(asked), asked, memory_id_of(asked, f"bare-{number}", "a key")
    )


def reading(table: SessionsTable, _: int) -> None:
    """A read of the live session."""
    read_session(table, "live", epoch_ms())


def renewal(table: SessionsTable, number: int) -> None:
    """A renewal of the live session."""
    renew(table, "live", epoch_ms(), f"bare-{number}")


def heartbeat(table: SessionsTable, number: int) -> None:
    """A heartbeat of the live session, which renews it."""
    beat(table, "live", epoch_ms(), f"bare-{number}")


def timeout_change(table: SessionsTable, _: int) -> None:
    """A change of the live session's timeout to 31 minutes."""
    change_timeout(table, "live", epoch_ms(), TimeoutChange(timeout_minutes=31))


def deletion(table: SessionsTable, _: int) -> None:
    """A deletion of the session that is there for it."""
    delete_session(table, "to-delete")


def page(table: SessionsTable, _: int) -> None:
    """The first page of a user's sessions."""
    read_page(table, Owner(user_id=LISTED_USER_ID), PAGE_SIZE, None, epoch_ms())


def health(table: SessionsTable, _: int) -> None:
    """A health check."""
    approximate_count(table)


def _asked(metadata_json: str) -> Creation:
    return Creation(AGENT_ID, USER_ID, metadata_json, TimeoutChange())


def _new_session(asked: Creation) -> Session:
    return create(asked, TIMEOUT, session_id=str(uuid.uuid4()), now_ms=epoch_ms())
