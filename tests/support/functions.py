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
from publishing.timer_handler import timer_handler
from storage.table import SessionsTable
from tests.support.queues import BUS, Queue
from tests.support.scripted_sqs import ScriptedSqs
from tests.support.sessions import POLICY, SIGNING_KEY

if TYPE_CHECKING:
    from types_boto3_events import EventBridgeClient
    from types_boto3_sqs import SQSClient


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
    events: "EventBridgeClient",
    dead_letters: Queue,
    now_ms: int = 0,
    timers: "SQSClient | None" = None,
) -> Callable[[Any, Any], Mapping[str, Any]]:
    """ExpiryFunction. At the default instant, no record has waited long.

    Where no timer queue is given, it takes every message.
    """
    timer_queue = MessageQueue(ScriptedSqs().client if timers is None else timers, "timers")
    letters = DeadLetterQueue(MessageQueue(dead_letters.client, dead_letters.url))
    return expiry_handler(EventBus(events, BUS), timer_queue, letters, lambda: now_ms)


def timer_function(
    table: SessionsTable,
    events: "EventBridgeClient",
    timers: "SQSClient",
    dead_letters: "SQSClient",
    clock_ms: Callable[[], int],
) -> Callable[[Any, Any], Mapping[str, Any]]:
    """TimerFunction."""
    queue, letters = MessageQueue(timers, "timers"), MessageQueue(dead_letters, "dead-letters")
    return timer_handler(table, EventBus(events, BUS), queue, DeadLetterQueue(letters), clock_ms)
