"""Draws docs/reliability.svg from the figures of the soaks: ``make soak-plot``."""

import json
import sys
from collections.abc import Iterable, Mapping
from html import escape
from pathlib import Path
from typing import Any

ROW_HEIGHT, BAR_HEIGHT = 46, 14
LABEL_WIDTH, BARS_WIDTH, VALUES_WIDTH = 275, 300, 185
WIDTH = LABEL_WIDTH + BARS_WIDTH + VALUES_WIDTH
TOP = 58

STYLE = """
text { font: 13px system-ui, sans-serif; fill: #24292f; }
.title { font-weight: 600; }
.small { font-size: 12px; fill: #57606a; }
.lost { fill: #bc4c00; }
.twice { fill: #0969da; }
.axis { stroke: #8c959f; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3; }
  .small { fill: #9198a1; }
  .lost { fill: #f0883e; }
  .twice { fill: #58a6ff; }
  .axis { stroke: #6e7681; }
}"""

Figures = Mapping[str, Any]


def svg(runs: Iterable[Figures]) -> str:
    """A bar chart: for each run, the shares of its renewals that were lost or counted twice."""
    runs = [*runs]
    largest = max(max(run["lost"], run["twice"]) / run["counted"] for run in runs)
    bottom = TOP + ROW_HEIGHT * len(runs)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {bottom + 8}" role="img">',
        "<title>Renewals that were counted wrongly, by implementation</title>",
        f"<style>{STYLE}</style>",
        '<text class="title" x="8" y="20">Renewals counted wrongly under faults</text>',
        *_legend(),
        *(line for number, run in enumerate(runs) for line in _row(number, run, largest)),
        f'<path class="axis" d="M{LABEL_WIDTH} {TOP - 6}V{bottom}"/>',
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _legend() -> list[str]:
    x = LABEL_WIDTH
    return [
        f'<rect class="lost" x="{x}" y="30" width="10" height="10"/>',
        f'<text class="small" x="{x + 16}" y="40">lost</text>',
        f'<rect class="twice" x="{x + 60}" y="30" width="10" height="10"/>',
        f'<text class="small" x="{x + 76}" y="40">counted twice</text>',
    ]


def _row(number: int, run: Figures, largest: float) -> list[str]:
    y = TOP + number * ROW_HEIGHT
    rate = run["renewalsPerSecondOfASession"]
    parts = [
        f'<text x="8" y="{y + 13}">{escape(run["name"])}</text>',
        f'<text class="small" x="8" y="{y + 29}">{rate:g}/s of a session</text>',
    ]
    for place, kind in enumerate(("lost", "twice")):
        share = run[kind] / run["counted"]
        width = BARS_WIDTH * share / largest if largest else 0
        top = y + place * (BAR_HEIGHT + 2)
        parts += [
            f'<rect class="{kind}" x="{LABEL_WIDTH}" y="{top}" width="{width:.1f}" '
            f'height="{BAR_HEIGHT}"/>',
            f'<text class="small" x="{LABEL_WIDTH + width + 6:.1f}" y="{top + 11}">'
            f"{run[kind]:,} of {run['counted']:,}</text>",
        ]
    return parts


def main() -> None:
    """Read the figures from the first file, and write the second."""
    figures, drawn = map(Path, sys.argv[1:])
    drawn.write_text(svg(json.loads(figures.read_text())))


if __name__ == "__main__":
    main()
