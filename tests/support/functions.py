"""The Lambda functions over a table, or a bus and a queue, by a clock that tests set."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from api.access import OPEN, Access
from api.collection_routes import collection_routes
from api.renewal_routes import RENEWAL_ROUTES
from api.responses import Handler, http_handler
from api.session_routes import session_routes
from publishing.dead_letters import DeadLetterQueue
from publishing.event_bus import EventBus
from publishing.expiry_publisher import expiry_handler
from publishing.message_queue import MessageQueue
from storage.table import SessionsTable
from tests.support.queues import BUS, Queue
from tests.support.sessions import POLICY, SIGNING_KEY

if TYPE_CHECKING:
    from types_boto3_events import EventBridgeClient


def renew_function(
    table: SessionsTable, clock_ms: Callable[[], int], access: Access = OPEN
) -> Handler:
    """RenewFunction."""
    return http_handler(table, RENEWAL_ROUTES, clock_ms, access)


def sessions_function(
    table: SessionsTable, clock_ms: Callable[[], int], access: Access = OPEN
) -> Handler:
    """SessionsFunction, with the template's default limits."""
    routes = {**collection_routes(POLICY, SIGNING_KEY), **session_routes(POLICY)}
    return http_handler(table, routes, clock_ms, access)


def expiry_function(
    events: "EventBridgeClient", dead_letters: Queue, now_ms: int = 0
) -> Callable[[Any, Any], Mapping[str, Any]]:
    """ExpiryFunction. At the default instant, no record has waited long."""
    queue = DeadLetterQueue(MessageQueue(dead_letters.client, dead_letters.url))
    return expiry_handler(EventBus(events, BUS), queue, lambda: now_ms)
