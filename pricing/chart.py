"""Draws docs/cost.svg: what a million calls cost, a stacked bar for each call."""

from collections.abc import Mapping
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from benchmarks.plot_style import SETTINGS, svg
from pricing.call_price import PARTS, Parts

COLOURS: Mapping[str, str] = {
    "gateway": "#7b6fd0",
    "Lambda requests": "#d9822b",
    "Lambda duration": "#f0b35f",
    "DynamoDB writes": "#2f7ed8",
    "DynamoDB reads": "#7fb8f0",
    "EventBridge": "#d0568f",
    "SQS": "#8c5a2b",
    "function log": "#2e9e6b",
    "Lambda log": "#7cc7a2",
    "access log": "#b8dfca",
    "transfer out": "#9aa4ae",
}


def draw(bars: Mapping[str, Parts], file: Path) -> None:
    """One bar for each call, the first at the top. Parts that cost nothing are left out."""
    names = list(bars)
    with mpl.rc_context({**SETTINGS, "axes.grid": False, "axes.spines.left": False}):
        figure = Figure(figsize=(8.4, 0.42 * len(names) + 1.9), layout="constrained")
        axes = figure.add_subplot()
        ends = dict.fromkeys(names, 0.0)
        for part in PARTS:
            costs = {name: bars[name][part] for name in names if bars[name][part]}
            if costs:
                starts = [ends[name] for name in costs]
                positions = [names.index(name) for name in costs]
                axes.barh(
                    positions,
                    [*costs.values()],
                    left=starts,
                    color=COLOURS[part],
                    height=0.62,
                    label=part,
                )
                ends |= {name: ends[name] + cost for name, cost in costs.items()}
        axes.set_yticks(range(len(names)), names)
        left = list(ends.values())
        for position, end in enumerate(left):
            axes.annotate(
                f"${end:.2f}", (end, position), (4, 0), textcoords="offset points", va="center"
            )
        axes.invert_yaxis()
        axes.set_xlim(0, 1.1 * max(left))
        axes.set_xlabel("US dollars per million, transfer out included")
        axes.tick_params(left=False)
        figure.legend(loc="outside lower center", ncols=4)
        file.write_text(svg(figure))
