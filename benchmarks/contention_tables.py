"""The section on contention of docs/measurements.md: what the runs of each setting came to."""

from collections.abc import Callable, Sequence

from benchmarks.contention_runs import WORKERS
from benchmarks.implementations import CONVENTIONAL, MODULES, THIS_PROJECT, VERSION_GUARDED
from benchmarks.markdown import table
from benchmarks.measurements import Figures
from benchmarks.spread import extremes, ratios

COLUMNS = ["renewals/s", "requests each", "p50, ms", "p99, ms", "lost, %", "failed, %"]

OTHERS = (CONVENTIONAL, VERSION_GUARDED)
WHERE = {True: "one session", False: "a session each"}


def contention(figures: Figures) -> str:
    """A table of the ratios, and one of the figures for one session and one for many."""
    runs = figures["runs"]
    repeats = len(runs_of(runs, THIS_PROJECT, WORKERS[0], one_session=True))
    return "\n".join(
        [
            "## Contention\n",
            "![Requests per renewal, lost and failed renewals, by workers on one session]"
            "(contention.svg)\n",
            f"Seed {figures['seed']}, {repeats} runs of {figures['secondsPerRun']:g} s each: the "
            "median, and in brackets the least and the greatest.\n",
            "![Renewals a second and their latency, on one session and on many]"
            "(contention-time.svg)\n",
            _ratios(runs),
            *(_figures(runs, one_session) for one_session in WHERE),
        ]
    )


def runs_of(
    runs: Sequence[Figures], implementation: str, workers: int, *, one_session: bool
) -> list[Figures]:
    """The runs of a setting, in the order of the repeats."""
    setting = (implementation, workers, one_session)
    return [
        each
        for each in runs
        if (each["implementation"], each["workers"], each["oneSession"]) == setting
    ]


def lost_percent(run: Figures) -> float:
    """Of the renewals answered 200, how many no count shows."""
    lost: float = 100 * run["lost"] / run["renewed"]
    return lost


def failed_percent(run: Figures) -> float:
    """Of all renewals, how many were not answered 200."""
    failed = sum(run["failures"].values())
    share: float = 100 * failed / (failed + run["renewed"])
    return share


def _ratios(runs: Sequence[Figures]) -> str:
    """How many renewals a second this project makes, to the others in the same repeat."""

    def compared(name: str, workers: int, *, one_session: bool) -> str:
        own, others = (
            [run["perSecond"] for run in runs_of(runs, each, workers, one_session=one_session)]
            for each in (THIS_PROJECT, name)
        )
        return _cell(ratios(own, to=others), _tenths)

    rows = [
        [f"{workers} on {where}", *(compared(name, workers, one_session=one) for name in OTHERS)]
        for one, where in WHERE.items()
        for workers in WORKERS
    ]
    header = ["renewals a second by this project: workers", *(f"to {name}" for name in OTHERS)]
    return table(header, rows)


def _figures(runs: Sequence[Figures], one_session: bool) -> str:
    columns: list[tuple[Callable[[Figures], float], Callable[[float], str]]] = [
        (lambda run: run["perSecond"], _rounded),
        (lambda run: run["requestsPerSuccess"], _rounded),
        (lambda run: run["p50Ms"], _rounded),
        (lambda run: run["p99Ms"], _rounded),
        (lost_percent, _whole),
        (failed_percent, _whole),
    ]
    rows = []
    for workers in WORKERS:
        for name in MODULES:
            setting = runs_of(runs, name, workers, one_session=one_session)
            cells = [_cell([*map(value, setting)], shown) for value, shown in columns]
            rows.append([f"{workers}, {name}", *cells])
    return table([f"workers on {WHERE[one_session]}", *COLUMNS], rows)


def _cell(values: Sequence[float], shown: Callable[[float], str]) -> str:
    """The median, with the extremes where they differ."""
    spread = extremes(values)
    low, middle, high = map(shown, (spread.low, spread.median, spread.high))
    return middle if low == high else f"{middle} ({low} to {high})"


def _whole(value: float) -> str:
    return f"{value:.0f}"


def _tenths(value: float) -> str:
    return f"{value:.1f}"


def _rounded(value: float) -> str:
    """Two digits, or all that are before the point."""
    return _tenths(value) if value < 10 else _whole(value)
