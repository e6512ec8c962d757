"""The plots of docs/measurements.md, drawn by matplotlib."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullLocator

from benchmarks.contention_plots import contention, contention_time
from benchmarks.implementations import CONVENTIONAL
from benchmarks.measurements import Figures, Part
from benchmarks.plot_style import BLUE, GREY, SETTINGS, STYLES, legend, plain_ticks, svg
from benchmarks.spread import quartiles, ratios


def cpu(figures: Figures) -> Figure:
    """The ratio of each call to its bare call, with the middle half of the rounds."""
    named = {
        f"{name} (a renewal, to `update_item`)" if name in STYLES else name: timings
        for name, timings in figures.items()
    }
    figure = Figure(figsize=(8.4, 0.34 * len(named) + 0.8), layout="constrained")
    axes = figure.subplots()
    for place, (name, timings) in enumerate(reversed(named.items())):
        spread = quartiles(ratios(timings["callMs"], to=timings["bareMs"]))
        colour = STYLES[CONVENTIONAL]["color"] if name.startswith(CONVENTIONAL) else BLUE
        axes.plot([spread.low, spread.high], [place, place], color=colour, linewidth=3, alpha=0.5)
        axes.plot(spread.median, place, color=colour, marker="o")
    axes.axvline(1, color=GREY, linewidth=1)
    axes.set_yticks(range(len(named)), [name.replace("`", "") for name in reversed(named)])
    figure.supxlabel("CPU, as a multiple of the bare call's: median and middle half", fontsize=10)
    axes.grid(visible=False, axis="y")
    return figure


def growth(figures: Sequence[Figures]) -> Figure:
    """The CPU of a renewal and of its bare call, with the write units, as each thing grows."""
    axis_names = [*dict.fromkeys(point["axis"] for point in figures)]
    figure = Figure(figsize=(8.4, 3.2), layout="constrained")
    panels = figure.subplots(1, len(axis_names), sharey=True)
    highest_ms = max(median(point["callMs"]) for point in figures)
    for axes, name in zip(panels, axis_names, strict=True):
        points = [point for point in figures if point["axis"] == name]
        sizes = [point["size"] for point in points]
        own = [median(point["callMs"]) for point in points]
        bare = [median(point["bareMs"]) for point in points]
        axes.plot(sizes, own, label="this project", color=BLUE, marker="o", linewidth=2.2)
        axes.plot(sizes, bare, label="bare update_item", color=GREY, marker=".")
        _annotate_changes(axes, sizes, own, [point["writeUnits"] for point in points])
        axes.set(xlabel=name, ylim=(0, 1.2 * highest_ms))
    panels[0].set(xscale="log", ylabel="CPU, ms (above: write units)")
    panels[0].xaxis.set_minor_locator(NullLocator())
    plain_ticks(panels[0], "x", (1, 1_000, 100_000))
    panels[1].xaxis.set_major_formatter(FuncFormatter(lambda size, _: f"{size:,.0f}"))
    panels[2].set_xticks([point["size"] for point in figures if point["axis"] == axis_names[2]])
    legend(figure, panels[0])
    return figure


def _annotate_changes(
    axes: Axes, xs: Sequence[float], ys: Sequence[float], values: Sequence[float]
) -> None:
    """Each value above its point, unless it is that of the point before."""
    for number, (x, y, value) in enumerate(zip(xs, ys, values, strict=True)):
        if number == 0 or value != values[number - 1]:
            axes.annotate(f"{value:g}", (x, y), (0, 7), textcoords="offset points", ha="center")


PLOTS: Mapping[str, tuple[str, Callable[[Any], Figure]]] = {
    "cpu.svg": ("cpu", cpu),
    "contention.svg": ("contention", contention),
    "contention-time.svg": ("contention", contention_time),
    "growth.svg": ("growth", growth),
}
"""The files, the part that each is about, and what draws it."""


def draw(measured: Mapping[str, Part], folder: Path) -> list[str]:
    """Draw the plots of the parts that were measured. Returns the names of the files."""
    drawn = {file: plot for file, plot in PLOTS.items() if plot[0] in measured}
    with mpl.rc_context({**SETTINGS}):
        for file, (part, plot) in drawn.items():
            (folder / file).write_text(svg(plot(measured[part]["figures"])))
    return [*drawn]
