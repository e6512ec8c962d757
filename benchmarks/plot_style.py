"""How the plots look: colours, settings of matplotlib, and the SVG that it writes."""

import re
from collections.abc import Mapping, Sequence
from io import StringIO
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator
from matplotlib.typing import RcKeyType

from benchmarks.implementations import CONVENTIONAL, THIS_PROJECT, VERSION_GUARDED

# Each is legible on white and on GitHub's dark background: an image does not know the page's theme.
GREY = "#6e7781"
BLUE = "#2f81f7"
STYLES: Mapping[str, dict[str, Any]] = {
    THIS_PROJECT: {"color": BLUE, "marker": "o", "linewidth": 2.2, "zorder": 3},
    CONVENTIONAL: {"color": "#d4761c", "marker": "s", "linewidth": 1.6},
    VERSION_GUARDED: {"color": "#a371f7", "marker": "^", "linewidth": 1.6},
}

SETTINGS: Mapping[RcKeyType, Any] = {
    "svg.fonttype": "none",  # text as text: small, and found by a search
    "svg.hashsalt": "session-renewal",  # the same figures give the same file
    "font.family": ["DejaVu Sans", "sans-serif"],
    "font.size": 10,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "lines.markersize": 5,
    "text.color": GREY,
    "axes.edgecolor": GREY,
    "axes.labelcolor": GREY,
    "axes.titlecolor": GREY,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "axes.grid": True,
    "grid.color": GREY,
    "grid.alpha": 0.25,
    "legend.frameon": False,
}

SHORTER = {
    r" font-family: [^;]+;": "",  # said once, and with a font that most systems have
    r"(?<=butt})(?=</style>)": "text{font-family: 'DejaVu Sans', Verdana, sans-serif}",
    r' transform="rotate\(-0 [^)]+\)"': "",
    r"(\.\d\d)\d+": r"\1",  # finer than it can be seen
}
"""What matplotlib writes more than is needed, and what takes its place."""


def svg(figure: Figure) -> str:
    """The figure as SVG: on no background, without date, and no longer than it needs to be."""
    written = StringIO()
    metadata = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    figure.savefig(written, format="svg", transparent=True, metadata=metadata)
    text = "\n".join(map(str.strip, written.getvalue().splitlines())) + "\n"
    for pattern, replacement in SHORTER.items():
        text = re.sub(pattern, replacement, text)
    return text


def plain_ticks(axes: Axes, which: str, values: Sequence[int]) -> None:
    """These values, as numbers: a logarithmic axis would show powers of ten."""
    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_minor_locator(NullLocator())
    axis.set_ticks(values, [f"{value:,}" for value in values])


def legend(figure: Figure, axes: Axes) -> None:
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(labels))
