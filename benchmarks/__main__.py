"""Measure, and print docs/performance.md's tables: ``make bench``."""

import contextlib
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import boto3
from botocore.httpsession import URLLib3Session

from handlers.clock import epoch_ms
from handlers.http import Handler
from handlers.observability import logger
from local.demo import DEMOS, session_of_demo
from local.dynamodb_local import dynamodb_local
from local.gateway import LambdaContext
from local.template import Template
from storage.item import item_of
from storage.renewal import write_by_timeout
from storage.table import SessionsTable

ROUNDS = 30
CALLS_PER_ROUND = 100
IMPORTS = 25
TABLE = "sessions"
RETENTION_HOURS = 24

EVENT = json.loads((Path(__file__).parent.parent / "events" / "renew.json").read_text())
"""A renewal of the first demo session."""

BARE_IMPORT = 'import boto3; boto3.client("dynamodb")'
IMPORTS_OF = {
    "this function": "import handlers.renew",
    "the usual way": "import benchmarks.usual_way",
}
OUTCOMES = {
    "renewed": "demo-live",
    "renewed to the maximum": "demo-near-maximum",
    "not found": "demo-unknown",
    "expired": "demo-expired",
    "at the maximum": "demo-at-maximum",
}

Call = Callable[[int], object]


def main() -> None:
    """Run every measurement in one process, against one DynamoDB Local."""
    with dynamodb_local() as endpoint:
        os.environ.update(
            AWS_ACCESS_KEY_ID="benchmark",
            AWS_SECRET_ACCESS_KEY="benchmark",  # noqa: S106 - no secret
            AWS_DEFAULT_REGION="eu-west-1",
            AWS_ENDPOINT_URL_DYNAMODB=endpoint,
            SESSIONS_TABLE=TABLE,
            RETENTION_HOURS=str(RETENTION_HOURS),
            PYTHONPATH=os.pathsep.join(("src", ".")),
        )
        client = boto3.client("dynamodb")
        Template().create_table(client, TABLE)
        table = SessionsTable(client, TABLE, RETENTION_HOURS * 3600)
        # Both read their environment when they are imported.
        from benchmarks import usual_way  # noqa: PLC0415 - as above
        from handlers.renew import handler  # noqa: PLC0415 - as above

        ways: dict[str, Handler] = {"this function": handler, "the usual way": usual_way.handler}
        print(f"Python {platform.python_version()}, {os.cpu_count()} cores, {time.strftime('%F')}")
        print_requests(table, ways)
        print_cpu_per_renewal(table, ways)
        print_cold_imports()


def print_requests(table: SessionsTable, ways: Mapping[str, Handler]) -> None:
    """The requests that reach the database, by outcome."""
    print(f"\n| requests to the database | {' | '.join(ways)} |\n|---|{'--:|' * len(ways)}")
    for outcome, session_id in OUTCOMES.items():
        counts = []
        for handler in ways.values():
            put_demo_sessions(table)
            with quietly(), requests() as sent:
                handler(event(session_id, 0), LambdaContext("benchmark"))
            counts.append(str(len(sent)))
        print(f"| {outcome} | {' | '.join(counts)} |")


def print_cpu_per_renewal(table: SessionsTable, ways: Mapping[str, Handler]) -> None:
    """CPU time of a renewal, as a ratio to a bare ``update_item`` of the same expression."""

    def bare(number: int) -> object:
        now_ms = epoch_ms()
        form, values = write_by_timeout(table, now_ms, f"bare-{number}")
        return table.client.update_item(
            TableName=TABLE,
            Key={"sessionId": {"S": "demo-live"}},
            ExpressionAttributeValues=values,
            ReturnValues="ALL_NEW",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
            **form,
        )

    def renew(handler: Handler) -> Call:
        return lambda number: handler(event("demo-live", number), LambdaContext("benchmark"))

    calls = {"bare": bare} | {way: renew(handler) for way, handler in ways.items()}
    put_demo_sessions(table)
    with quietly():
        in_turns(calls, CALLS_PER_ROUND)  # warm up
        rounds = [in_turns(calls, CALLS_PER_ROUND) for _ in range(ROUNDS)]
    print_ratios("CPU per renewal, to a bare `update_item`", rounds)


def print_cold_imports() -> None:
    """CPU time of a cold import, as a ratio to boto3's with its DynamoDB client."""
    codes = {"bare": BARE_IMPORT, **IMPORTS_OF}
    rounds = [
        {name: cpu_of_import(code) for name, code in codes.items()} for _ in range(IMPORTS + 1)
    ]
    print_ratios("CPU of a cold import, to boto3 and its client", rounds[1:])


def in_turns(calls: Mapping[str, Call], count: int) -> dict[str, float]:
    """The median CPU seconds of so many calls of each, one of each at a time."""
    taken: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(count):
        for name, call in calls.items():
            number = time.time_ns()  # no renewal of any run is a replay
            before = time.process_time()
            call(number)
            taken[name].append(time.process_time() - before)
    return {name: statistics.median(seconds) for name, seconds in taken.items()}


def print_ratios(title: str, rounds: Sequence[Mapping[str, float]]) -> None:
    """The ratios to the bare measure of the same round: their median, least and most."""
    print(f"\n| {title} | median | least | most |\n|---|--:|--:|--:|")
    for name in [way for way in rounds[0] if way != "bare"]:
        ratios = [each[name] / each["bare"] for each in rounds]
        print(
            f"| {name} | {statistics.median(ratios):.2f} | {min(ratios):.2f} | {max(ratios):.2f} |"
        )


def cpu_of_import(code: str) -> float:
    """The CPU seconds that the code takes in an interpreter of its own."""
    timed = (
        f"import time; before = time.process_time(); {code}; print(time.process_time() - before)"
    )
    run = subprocess.run([sys.executable, "-c", timed], capture_output=True, text=True, check=True)
    return float(run.stdout)


def event(session_id: str, number: int) -> dict[str, Any]:
    """The event of a renewal, with a request ID of its own."""
    path = f"/api/messaging/sessions/{session_id}/renew"
    renewal: dict[str, Any] = EVENT | {
        "rawPath": path,
        "pathParameters": {"sessionId": session_id},
        "requestContext": EVENT["requestContext"]
        | {
            "requestId": f"request-{number}",
            "http": EVENT["requestContext"]["http"] | {"path": path},
        },
    }
    return renewal


def put_demo_sessions(table: SessionsTable) -> None:
    """The demo sessions, all as new; the live one far from its maximum."""
    now_ms = epoch_ms()
    for demo in DEMOS:
        item = item_of(session_of_demo(demo, now_ms), table.retention_seconds)
        table.client.put_item(TableName=TABLE, Item=item)


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Have the functions log, but to nowhere."""
    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):
        logger.registered_handler.stream = nowhere  # type: ignore[attr-defined]  # it has one
        yield


@contextlib.contextmanager
def requests() -> Iterator[list[str]]:
    """The HTTP requests that botocore sends while the context lasts, whichever its client."""
    sent: list[str] = []
    send = URLLib3Session.send

    def note(session: URLLib3Session, request: Any) -> Any:
        sent.append(request.headers["X-Amz-Target"])
        return send(session, request)

    with mock.patch.object(URLLib3Session, "send", note):
        yield sent


if __name__ == "__main__":
    main()
