"""The tables of docs/measurements.md from the figures of each part, except contention."""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from benchmarks.implementations import CONVENTIONAL, THIS_PROJECT
from benchmarks.markdown import table
from benchmarks.measurements import Figures
from benchmarks.spread import quartiles, ratios

RATIO_COLUMNS = ["ratio", "middle half", "CPU, ms", "bare, ms"]


def requests(figures: Figures) -> str:
    """The requests to DynamoDB of a renewal by outcome, and of the other calls."""
    names = [THIS_PROJECT, CONVENTIONAL]
    by_outcome = [
        [outcome, *(counts[name] for name in names)]
        for outcome, counts in figures["renewals"].items()
    ]
    return _section(
        "Requests",
        table(["requests to DynamoDB per renewal", *names], by_outcome),
        table(["requests to DynamoDB per call", ""], figures["calls"].items()),
    )


def write_units(figures: Figures) -> str:
    """The write units of the table and of each index."""
    places = [*next(iter(figures.values()))]
    rows = [[name, *(f"{units[each]:g}" for each in places)] for name, units in figures.items()]
    header = ["write units", "table", *(f"`{index}`" for index in places[1:])]
    return _section("Write units", table(header, rows))


def cpu(figures: Figures) -> str:
    """The CPU of each call, to its bare call."""
    renewals = (THIS_PROJECT, CONVENTIONAL)
    return _section(
        "CPU",
        "![CPU of each call, as a multiple of its bare call](cpu.svg)\n",
        table(
            ["CPU per renewal, to a bare `update_item`", *RATIO_COLUMNS],
            [_ratio_row(name, figures[name]) for name in renewals],
        ),
        table(
            ["CPU per call, to its bare call", *RATIO_COLUMNS],
            [_ratio_row(name, each) for name, each in figures.items() if name not in renewals],
        ),
    )


def expiry_batches(figures: Figures) -> str:
    """The CPU of a batch, to its bare call, and the memory of batches."""
    return _section(
        "Expiry batches",
        table(
            ["CPU of a batch of ten expiries, to a bare `put_events`", *RATIO_COLUMNS],
            [_ratio_row(name, each) for name, each in figures["cpu"].items()],
        ),
        table(
            ["memory, KiB: records in the batch", "peak", "retained"],
            [
                [f"{each['records']:,}", each["peakKib"], each["retainedKib"]]
                for each in figures["memory"]
            ],
        ),
    )


def poison(figures: Figures) -> str:
    """The speed of a batch with records that EventBridge refuses, to that of one without."""
    rates: Mapping[str, Sequence[float]] = figures["recordsASecond"]
    spread = quartiles(ratios(rates["poison"], to=rates["clean"]))
    row = [
        f"{median(rates['clean']):.0f}",
        f"{median(rates['poison']):.0f}",
        f"{spread.median:.2f}",
        f"{spread.low:.2f} to {spread.high:.2f}",
    ]
    columns = ["clean", f"1 in {figures['oneIn']} refused", "ratio", "middle half"]
    batch = f"batch of {figures['records']}, {figures['msARequest']:g} ms a request"
    return _section(
        "Records that EventBridge refuses",
        table([f"records a second: {batch}", *columns], [["`ExpiryFunction`", *row]]),
    )


def timer_batches(figures: Figures) -> str:
    """The CPU of ten messages, to that of the same requests."""
    return _section(
        "Timer batches",
        table(
            ["CPU of a batch of ten timer messages, to the same requests", *RATIO_COLUMNS],
            [_ratio_row(f"10 times: {name}", each) for name, each in figures["cpu"].items()],
        ),
    )


def cold_starts(figures: Figures) -> str:
    """The sizes of the packages, and the CPU of their cold starts, to that of boto3."""
    seconds: Mapping[str, Sequence[float]] = figures["cpuSeconds"]
    sizes = [
        [f"`{name}`", *(f"{each / 1e6:.1f}" for each in size.values())]
        for name, size in figures["packages"].items()
    ]
    rows = []
    for name, own in seconds.items():
        spread = quartiles(ratios(own, to=seconds["boto3"]))
        middle_half = f"{spread.low:.2f} to {spread.high:.2f}"
        rows.append([_started(name), f"{spread.median:.2f}", middle_half, f"{median(own):.2f}"])
    return _section(
        "Cold starts",
        table(["MB of a package", "unzipped", "zipped"], sizes),
        table(
            ["CPU of a cold start, to boto3 and a client", "ratio", "middle half", "CPU, s"], rows
        ),
    )


def growth(figures: Sequence[Figures]) -> str:
    """A table for each thing that grows."""
    columns = ["elapsed, ms", "request, B", "reply, B", "write units"]
    tables = []
    for axis in dict.fromkeys(point["axis"] for point in figures):
        rows = [
            [
                *_ratio_row(f"{point['size']:,}", point),
                f"{median(point['elapsedMs']):.2f}",
                f"{point['requestBytes']:,}",
                f"{point['replyBytes']:,}",
                f"{point['writeUnits']:g}",
            ]
            for point in figures
            if point["axis"] == axis
        ]
        tables.append(table([axis, *RATIO_COLUMNS, *columns], rows))
    return _section(
        "Growth",
        "![CPU of a renewal by stored sessions, metadata and remembered renewals](growth.svg)\n",
        *tables,
    )


def _section(title: str, *blocks: str) -> str:
    return "\n".join([f"## {title}\n", *blocks])


def _ratio_row(name: str, timings: Mapping[str, Any]) -> list[str]:
    """The ratio of a call to its bare call over all rounds, and the milliseconds of both."""
    spread = quartiles(ratios(timings["callMs"], to=timings["bareMs"]))
    return [
        name,
        f"{spread.median:.2f}",
        f"{spread.low:.2f} to {spread.high:.2f}",
        f"{median(timings['callMs']):.2f}",
        f"{median(timings['bareMs']):.2f}",
    ]


def _started(name: str) -> str:
    others = {
        "boto3": 'boto3 and `boto3.client("dynamodb")`',
        CONVENTIONAL: "the conventional implementation of the renewal",
    }
    return others.get(name, f"`{name}`")
