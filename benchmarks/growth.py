"""What a renewal costs as the table, the metadata and the remembered renewals grow."""

from dataclasses import replace
from functools import partial

from api.renewal_routes import RENEWAL_ROUTES
from api.responses import Handler, http_handler
from benchmarks import api_events
from benchmarks.bare_calls import bare_call
from benchmarks.cpu import Measured, Pair, measure_rounds
from benchmarks.growth_points import Point, all_points
from benchmarks.measured_table import measured_table
from benchmarks.measurements import Figures
from benchmarks.output import quietly
from benchmarks.progress import Progress
from benchmarks.sent_requests import recorded_requests
from benchmarks.write_units import consumed_capacity
from runtime.clock import epoch_ms
from storage.renewal_update import renew_session
from storage.table import SessionsTable, dynamodb_client

ROUNDS = 10


def measure(progress: Progress) -> list[Figures]:
    """All points, a round of each in turn."""
    with measured_table() as table:
        points = all_points(table, progress)
        client = dynamodb_client()
        handlers = [
            http_handler(replace(each.table, client=client), RENEWAL_ROUTES, epoch_ms)
            for each in points
        ]
        pairs = {
            each.name: pair(each, handler) for each, handler in zip(points, handlers, strict=True)
        }
        cpu = measure_rounds(pairs, progress, ROUNDS)
        return [
            {
                "axis": each.axis,
                "size": each.size,
                **cpu[each.name],
                **of_one_renewal(each, handler),
            }
            for each, handler in zip(points, handlers, strict=True)
        ]


def pair(point: Point, handler: Handler) -> Pair:
    """A renewal at this point, and its bare call."""

    def call(number: int) -> Measured:
        event = api_events.renewal(number, point.session_id(number))
        return partial(api_events.succeed, handler, event)

    def bare(number: int) -> Measured:
        return bare_call(partial(renewal, point), point.table, number)

    return Pair(call, bare, point.before)


def renewal(point: Point, table: SessionsTable, number: int) -> None:
    """A renewal of one of the point's sessions."""
    renew_session(table, point.session_id(number), epoch_ms(), f"bare-{number}")


def of_one_renewal(point: Point, handler: Handler) -> Figures:
    """The bytes and the write units of one renewal."""
    point.before()
    event = api_events.renewal(1, point.session_id(1))
    with quietly(), recorded_requests() as sent:
        api_events.succeed(handler, event)
    (request,) = sent
    point.before()
    consumed = consumed_capacity(partial(renewal, point), point.table, 1)
    return {
        "requestBytes": request.request_bytes,
        "replyBytes": request.reply_bytes,
        "writeUnits": consumed["CapacityUnits"],
    }
