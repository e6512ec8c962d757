"""Recover a deployment's data: replay dead letters, verify a table, adopt a restored one.

Credentials and region are found as by the AWS CLI. What a command would change it only shows, until
you add --apply. docs/recovery.md has the steps of a recovery.

Exit code: 0 if all is done, 1 if something was found or is left, 2 if the command cannot run,
130 if it was interrupted.
"""

import argparse
import sys
from collections.abc import Sequence
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from recovery.arguments import parser_for
from recovery.expiry_replay import ExpiryReplay, lambda_invoke
from recovery.merge_table import Merge, Merged, merge_client, say_merged
from recovery.merging import Terms
from recovery.output import resume_option, say, say_aside
from recovery.pace import Pace
from recovery.prepare_table import NotThisTable, prepare_table
from recovery.replay import DeadLetterReplay, Handler, Replayed, say_replayed
from recovery.start_timers import Started, StartTimers, say_started
from recovery.table_scan import TableScan
from recovery.timer_replay import TimerReplay
from recovery.verify_table import Verified, say_verified, verify_table
from runtime.clock import epoch_ms
from storage.faults import StorageUnavailable

ALIAS = "live"
INVOCATION_SECONDS = 660
"""Longer than ExpiryFunction may take."""

DONE, LEFT, CANNOT_RUN, INTERRUPTED = 0, 1, 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that the arguments name. Returns the exit code."""
    parser = parser_for(
        __doc__,
        {
            "replay-dead-letters": replay_dead_letters,
            "replay-timers": replay_timers,
            "verify-table": verify,
            "merge-table": merge,
            "prepare-table": prepare,
            "start-timers": start_timers,
        },
    )
    options = parser.parse_args(arguments)
    try:
        exit_code: int = options.command(options)
    except KeyboardInterrupt:
        say_aside("Interrupted")
        return INTERRUPTED
    except (BotoCoreError, ClientError, NotThisTable, StorageUnavailable) as error:
        say_aside(f"{type(error).__name__}: {error}")
        return CANNOT_RUN
    return exit_code


def replay_dead_letters(options: argparse.Namespace) -> int:
    """Give dead letters to ExpiryFunction again."""
    no_retries = Config(
        read_timeout=INVOCATION_SECONDS, retries={"mode": "standard", "total_max_attempts": 1}
    )
    invoke = lambda_invoke(_client(options, "lambda", no_retries), options.function, ALIAS)
    streams = _client(options, "dynamodbstreams")
    return _replay(options, ExpiryReplay(streams, invoke, Pace(options.per_second)))


def replay_timers(options: argparse.Namespace) -> int:
    """Give the timers' dead letters to TimerFunction again, by its queue."""
    pace = Pace(options.per_second)
    return _replay(options, TimerReplay(_client(options, "sqs"), options.timer_queue_url, pace))


def _replay(options: argparse.Namespace, handler: Handler) -> int:
    queue = _client(options, "sqs")
    replayed = Replayed()
    try:
        DeadLetterReplay(
            queue, options.queue_url, handler, options.reason, options.max, options.apply
        ).run(replayed)
    finally:
        say_replayed(replayed, apply=options.apply)
    return DONE if replayed.all_done else LEFT


def verify(options: argparse.Namespace) -> int:
    """Read every item of a table, and report what is wrong."""
    scan = TableScan(
        _client(options, "dynamodb"),
        options.table,
        Pace(options.read_units_per_second),
        options.start_after,
    )
    verified = Verified()
    try:
        verify_table(scan, options.retention_hours, verified)
    finally:
        say_verified(verified)
        _say_where_to_go_on(verified.last_id)
    return LEFT if verified.defective else DONE


def merge(options: argparse.Namespace) -> int:
    """Bring what happened in the old table into the restored one."""
    if options.old == options.restored:
        raise NotThisTable("the old table and the restored one are the same")
    say_aside(f"Reading {options.old}; what is newer there goes into {options.restored}")
    client = _client(options, "dynamodb")
    scan = _scan_to_write_from(client, options.old, options)
    terms = Terms(epoch_ms() // 1000, options.since, options.switched, options.new_only)
    merged = Merged()
    is_complete = False
    try:
        is_complete = Merge(
            scan,
            merge_client(client, options.restored),
            terms,
            Pace(options.read_units_per_second),
            Pace(options.writes_per_second),
            options.max,
            options.apply,
        ).run(merged)
    finally:
        say_merged(merged, apply=options.apply)
        _say_where_to_go_on(merged.last_id)
    return LEFT if merged.for_a_person or not is_complete else DONE


def prepare(options: argparse.Namespace) -> int:
    """Give a restored table what a restore leaves out."""
    stream_arn = prepare_table(
        _client(options, "dynamodb"),
        options.table,
        tags_of=options.tags_of,
        with_ttl=options.with_ttl,
        apply=options.apply,
    )
    say(f"AdoptedTableStreamArn={stream_arn}" if stream_arn else "No stream yet")
    return DONE


def start_timers(options: argparse.Namespace) -> int:
    """Start the timer of each session whose expiry is not published yet."""
    client = _client(options, "dynamodb")
    scan = _scan_to_write_from(client, options.table, options)
    table = merge_client(client, options.table)
    started = Started()
    try:
        writes = Pace(options.writes_per_second)
        StartTimers(scan, table, writes, epoch_ms(), options.apply).run(started)
    finally:
        say_started(started, apply=options.apply)
        _say_where_to_go_on(started.last_id)
    return DONE if started.is_complete else LEFT


def _scan_to_write_from(client: Any, table: str, options: argparse.Namespace) -> TableScan:
    """A scan of the table whose pages are written from: small, and as the last writes left them."""
    pace = Pace(options.read_units_per_second)
    return TableScan(
        client, table, pace, options.start_after, items_per_page=100, is_consistent=True
    )


def _say_where_to_go_on(last_id: str | None) -> None:
    if last_id is not None:
        say_aside(f"Not all was read. To go on: {resume_option(last_id)}")


def _client(options: argparse.Namespace, service: str, config: Config | None = None) -> Any:
    settings = config or Config(retries={"mode": "standard", "total_max_attempts": 8})
    client: Any = boto3.client  # whose overloads ask for a literal service
    return client(service, endpoint_url=options.endpoint_url, config=settings)


if __name__ == "__main__":
    sys.exit(main())
