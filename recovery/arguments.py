"""The commands' options."""

import argparse
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from recovery import dead_letters, timer_replay

Command = Callable[[argparse.Namespace], int]
"""What carries a command out. It returns the exit code, and its docstring is the command's help."""

Add = Callable[[str, str], argparse.ArgumentParser]


def parser_for(description: str | None, commands: Mapping[str, Command]) -> argparse.ArgumentParser:
    """The parser of these commands. The one that is named becomes the option ``command``."""
    parser = argparse.ArgumentParser(
        prog="python -m recovery",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    subparsers = parser.add_subparsers(required=True, metavar="command")

    def add(name: str, description: str) -> argparse.ArgumentParser:
        command = commands[name]
        added = subparsers.add_parser(
            name, help=command.__doc__, description=f"{command.__doc__} {description}"
        )
        added.set_defaults(command=command)
        added.add_argument(
            "--endpoint-url", help="another endpoint than AWS's, such as a local one"
        )
        return added

    _add_replay(add)
    _add_replay_timers(add)
    _add_verify(add)
    _add_merge(add)
    _add_prepare(add)
    _add_start(add)
    return parser


def _add_replay(add: Add) -> None:
    command = add(
        "replay-dead-letters",
        "By default, those that may succeed by themselves are replayed: BUS_UNAVAILABLE, "
        "EVENT_REFUSED for a passing cause, and batches that Lambda dropped. With --reason, only "
        "the reasons that you name. A message is deleted when the function has reported success.",
    )
    command.add_argument("--queue-url", required=True, help="the output ExpiryDeadLettersUrl")
    command.add_argument("--function", required=True, help="the output ExpiryFunctionName")
    _add_replay_options(command, dead_letters.REASONS)
    command.add_argument(
        "--per-second", type=_positive, default=10, help="invocations a second (default 10)"
    )


def _add_replay_timers(add: Add) -> None:
    command = add(
        "replay-timers",
        "By default, those that may succeed by themselves are replayed: what SQS has moved after "
        "it was received too often, and EVENT_REFUSED for a passing cause. With --reason, only "
        "the reasons that you name. A message is deleted when it is in the other queue.",
    )
    command.add_argument("--queue-url", required=True, help="the output TimerDeadLettersUrl")
    command.add_argument("--timer-queue-url", required=True, help="the output TimerQueueUrl")
    _add_replay_options(command, timer_replay.REASONS)
    command.add_argument(
        "--per-second", type=_positive, default=100, help="messages a second (default 100)"
    )


def _add_replay_options(command: argparse.ArgumentParser, reasons: Sequence[str]) -> None:
    command.add_argument(
        "--reason", action="append", default=[], choices=reasons, help="may be repeated"
    )
    command.add_argument("--max", type=_positive_int, default=1000, help="messages (default 1000)")
    command.add_argument("--apply", action="store_true", help="replay, and do not only count")


def _add_verify(add: Add) -> None:
    command = add(
        "verify-table",
        "Prints a line for each defect, with the item's ID and no value. It changes nothing.",
    )
    command.add_argument("--table", required=True)
    command.add_argument(
        "--retention-hours", type=int, help="note sessions with another retention than this"
    )
    _add_scan_options(command)


def _add_merge(add: Add) -> None:
    command = add(
        "merge-table",
        "Sessions that the restored table lacks are copied; those that both have get the later "
        "times and all renewals. No write overwrites one that came in between. Run it until it "
        "finds nothing new, switch the stack, and run it once more with --switched.",
    )
    command.add_argument("--old", required=True, help="the table that was live until the switch")
    command.add_argument("--restored", required=True, help="the table to write to")
    command.add_argument(
        "--since",
        type=_instant,
        required=True,
        help="the restore point (2026-01-31T12:00:00Z): of what the restored table lacks, only "
        "sessions that were created from then on are copied; with --switched, when the last run "
        "before the switch began",
    )
    command.add_argument(
        "--switched", action="store_true", help="the stack runs on the restored table"
    )
    command.add_argument(
        "--new-only", action="store_true", help="change no session that the restored table has"
    )
    command.add_argument(
        "--max", type=_positive_int, default=1_000_000, help="changes (default 1,000,000)"
    )
    command.add_argument(
        "--writes-per-second", type=_positive, default=200, help="items (default 200)"
    )
    command.add_argument("--apply", action="store_true", help="write, and do not only count")
    _add_scan_options(command)


def _add_prepare(add: Add) -> None:
    command = add(
        "prepare-table",
        "Sets its stream, deletion protection, point-in-time recovery and tags, and prints the "
        "value of the stack's parameter AdoptedTableStreamArn. Time to live only with --with-ttl: "
        "after the last merge.",
    )
    command.add_argument("--table", required=True)
    command.add_argument("--tags-of", metavar="TABLE", help="copy the tags of this table")
    command.add_argument("--with-ttl", action="store_true", help="turn time to live on, too")
    command.add_argument("--apply", action="store_true", help="set, and do not only show")


def _add_start(add: Add) -> None:
    command = add(
        "start-timers",
        "For a restored table, for sessions of a release without timers, and after a loss of the "
        "timer queue. A timer that is running ends, and the new one takes its place.",
    )
    command.add_argument("--table", required=True)
    command.add_argument(
        "--writes-per-second", type=_positive, default=100, help="sessions (default 100)"
    )
    command.add_argument("--apply", action="store_true", help="start, and do not only count")
    _add_scan_options(command)


def _add_scan_options(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--read-units-per-second", type=_positive, default=500, help="of a table (default 500)"
    )
    command.add_argument("--start-after", metavar="ID", help="go on after this item")


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError("it must be more than 0")
    return value


def _positive_int(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("it must be 1 or more")
    return value


def _instant(text: str) -> int:
    """An instant with its offset from UTC, in epoch milliseconds."""
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError("it must be as 2026-01-31T12:00:00Z") from None
    if instant.tzinfo is None:
        raise argparse.ArgumentTypeError("it needs Z or another offset from UTC at its end")
    return int(instant.timestamp() * 1000)
