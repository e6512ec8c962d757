"""The plots of contention: what workers on one session and on many come to."""

from collections.abc import Callable, Mapping

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.contention_runs import WORKERS
from benchmarks.contention_tables import WHERE, failed_percent, lost_percent, runs_of
from benchmarks.measurements import Figures
from benchmarks.plot_style import STYLES, legend, plain_ticks
from benchmarks.spread import extremes

Value = Callable[[Figures], float]


def contention(figures: Figures) -> Figure:
    """What contention on one session costs: requests, lost renewals, failed renewals."""
    figure = Figure(figsize=(8.4, 3.1), layout="constrained")
    requests, lost, failed = figure.subplots(1, 3)
    _by_workers(requests, figures, lambda run: run["requestsPerSuccess"], one_session=True)
    requests.set(title="Requests per renewal", yscale="log", ylabel="requests to DynamoDB")
    plain_ticks(requests, "y", (1, 2, 5, 10, 20, 50))
    _by_workers(lost, figures, lost_percent, one_session=True)
    lost.set(title="Lost renewals", ylabel="% of those answered 200")
    _by_workers(failed, figures, failed_percent, one_session=True)
    failed.set(title="Failed renewals", ylabel="% not answered 200")
    for percent in (lost, failed):
        percent.set_ylim(-4, 104)
    lost.set_xlabel("workers that renew one session at once")
    legend(figure, requests)
    return figure


def contention_time(figures: Figures) -> Figure:
    """Renewals a second, and how long they take, on one session and on many."""
    figure = Figure(figsize=(8.4, 7.6), layout="constrained")
    rows = figure.subplots(3, 2, sharey="row", sharex=True)
    shown: Mapping[str, Value] = {
        "answers 200 a second": lambda run: run["perSecond"],
        "median time of a renewal, ms": lambda run: run["p50Ms"],
        "99th percentile, ms": lambda run: run["p99Ms"],
    }
    for row, (label, value) in zip(rows, shown.items(), strict=True):
        for axes, one_session in zip(row, WHERE, strict=True):
            _by_workers(axes, figures, value, one_session=one_session)
        row[0].set_ylabel(label)
    rows[0][0].set_ylim(bottom=0)
    for times in (rows[1][0], rows[2][0]):
        times.set_yscale("log")
        plain_ticks(times, "y", (5, 10, 50, 100, 500, 1_000))
    for column, where in enumerate(WHERE.values()):
        rows[0][column].set_title(f"Workers on {where}")
        rows[2][column].set_xlabel("workers")
    legend(figure, rows[0][0])
    return figure


def _by_workers(axes: Axes, figures: Figures, value: Value, *, one_session: bool) -> None:
    """A line for each implementation: the medians, in a band from the least to the greatest."""
    for name, style in STYLES.items():
        spreads = [
            extremes([*map(value, runs_of(figures["runs"], name, each, one_session=one_session))])
            for each in WORKERS
        ]
        medians = [each.median for each in spreads]
        axes.plot(WORKERS, medians, label=name, **style)
        axes.fill_between(
            WORKERS,
            [each.low for each in spreads],
            [each.high for each in spreads],
            color=style["color"],
            alpha=0.15,
            linewidth=0,
        )
    axes.set_xscale("log")
    plain_ticks(axes, "x", WORKERS)
