"""The bare call of a call of the API: the same requests, made by a plain boto3 client."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn, cast

from benchmarks.measured_sessions import (
    AGENT_ID,
    LISTED_USER_ID,
    METADATA_JSON,
    PAGE_SIZE,
    TIMEOUT,
    USER_ID,
)
from domain import timeout as rule
from domain.creation import CreationRequest, create
from domain.session import Owner, Session
from domain.timeout import TimeoutChange
from runtime.clock import epoch_ms
from storage import timeout_update
from storage.heartbeat_update import record_heartbeat
from storage.idempotency import idempotency_record_id
from storage.item import item_of
from storage.renewal_update import renew_session
from storage.session_creation import create_session, create_session_once
from storage.session_deletion import delete_session
from storage.session_listing import LISTED_ATTRIBUTES, list_sessions
from storage.session_reading import approximate_count, read_session
from storage.table import SessionsTable

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

NEW_TIMEOUT_MINUTES = 31

StorageCall = Callable[[SessionsTable, int], object]
"""A function of ``storage``. The number makes its IDs, so that no call is a retry of another."""


@dataclass(eq=False)
class CapturedRequest(Exception):
    """A request that was not sent."""

    operation: str
    arguments: dict[str, Any]


@dataclass(frozen=True)
class CapturingClient:
    """A client that raises the request instead of sending it."""

    exceptions: Any

    def __getattr__(self, operation: str) -> Callable[..., NoReturn]:
        """The operation with this name."""

        def capture(**arguments: Any) -> NoReturn:
            raise CapturedRequest(operation, arguments)

        return capture


def first_request(call: StorageCall, table: SessionsTable, number: int) -> CapturedRequest:
    """The first request that the call would send."""
    client = cast("DynamoDBClient", CapturingClient(table.client.exceptions))
    try:
        call(replace(table, client=client), number)
    except CapturedRequest as request:
        return request
    raise AssertionError("the call sends no request")


def bare_call(
    call: StorageCall, table: SessionsTable, number: int, **more: Any
) -> Callable[[], object]:
    """The first request of the call, ready to be sent by the table's own client."""
    request = first_request(call, table, number)
    return partial(getattr(table.client, request.operation), **request.arguments, **more)


def bare_page(table: SessionsTable, number: int) -> Callable[[], object]:
    """The two requests of a page: the entries of the index, and the sessions that they name."""
    query = bare_call(page, table, number)

    def read() -> object:
        reply = cast("dict[str, Any]", query())
        keys = [{"sessionId": entry["sessionId"]} for entry in reply["Items"]]
        request: Any = {
            "Keys": keys,
            "ConsistentRead": True,
            "ProjectionExpression": LISTED_ATTRIBUTES,
        }
        return table.client.batch_get_item(RequestItems={table.name: request})

    return read


def bare_timeout_change(stored: Session, table: SessionsTable, number: int) -> Callable[[], object]:
    """The two requests of a change of this session's timeout: the read, and the update."""
    read = bare_call(lambda table, _: table.get(stored.session_id), table, number)
    update = bare_call(partial(timeout_change, stored), table, number)
    return lambda: (read(), update())


def creation(table: SessionsTable, _: int, metadata_json: str = METADATA_JSON) -> None:
    """A creation without a key."""
    create_session(table, _new_session(_creation_request(metadata_json)))


def creation_with_key(table: SessionsTable, number: int) -> None:
    """A creation with a key."""
    request = _creation_request(METADATA_JSON)
    record_id = idempotency_record_id(request, f"bare-{number}", "a key")
    create_session_once(table, _new_session(request), request, record_id)


def reading(table: SessionsTable, _: int) -> None:
    """A read of the live session."""
    read_session(table, "live", epoch_ms())


def renewal(table: SessionsTable, number: int) -> None:
    """A renewal of the live session."""
    renew_session(table, "live", epoch_ms(), f"bare-{number}")


def heartbeat(table: SessionsTable, number: int) -> None:
    """A heartbeat of the live session, which renews it."""
    record_heartbeat(table, "live", epoch_ms(), f"bare-{number}")


def timeout_change(stored: Session, table: SessionsTable, _: int) -> None:
    """The update of a change of the timeout, without the read that finds this session."""
    change = TimeoutChange(timeout_minutes=NEW_TIMEOUT_MINUTES)
    outcome = rule.change_timeout(stored, change, epoch_ms())
    item = item_of(stored, table.retention_seconds)
    table.update(stored.session_id, timeout_update.update_for(table, item, outcome))


def deletion(table: SessionsTable, _: int) -> None:
    """A deletion of the session that is stored for it."""
    delete_session(table, "to-delete")


def page(table: SessionsTable, _: int) -> None:
    """The first page of a user's sessions."""
    list_sessions(table, Owner(user_id=LISTED_USER_ID), PAGE_SIZE, None, epoch_ms())


def health(table: SessionsTable, _: int) -> None:
    """A health check."""
    approximate_count(table)


def _creation_request(metadata_json: str) -> CreationRequest:
    return CreationRequest(AGENT_ID, USER_ID, metadata_json, TimeoutChange())


def _new_session(request: CreationRequest) -> Session:
    return create(request, TIMEOUT, session_id=str(uuid.uuid4()), now_ms=epoch_ms())
