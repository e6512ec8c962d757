"""Writes docs/measurements.md and its plots from docs/measurements.json: ``make bench-report``."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from benchmarks import contention_tables, figure_tables
from benchmarks.markdown import table
from benchmarks.measurements import DOCS, Part, read_measurements

FILE = DOCS / "measurements.md"

HEAD = """\
# Measurements

`make bench` has written this page and its plots from [measurements.json](measurements.json).
[performance.md](performance.md) tells how the figures are taken, and what is behind them.

"""

SECTIONS: Mapping[str, Callable[[Any], str]] = {
    "requests": figure_tables.requests,
    "write-units": figure_tables.write_units,
    "cpu": figure_tables.cpu,
    "expiry-batches": figure_tables.expiry_batches,
    "poison": figure_tables.poison,
    "timer-batches": figure_tables.timer_batches,
    "cold-starts": figure_tables.cold_starts,
    "contention": contention_tables.contention,
    "growth": figure_tables.growth,
}
"""What writes the section of each part, in the order of the page."""


def render(measured: Mapping[str, Part]) -> str:
    """The page in Markdown. A part that was not measured has no section."""
    sections = [
        write(measured[name]["figures"]) for name, write in SECTIONS.items() if name in measured
    ]
    return HEAD + "\n".join([_provenance(measured), *sections])


def _provenance(measured: Mapping[str, Part]) -> str:
    """What the parts were taken with: a table for those that were taken with the same."""
    parts_by_facts: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for name in SECTIONS:
        if name in measured:
            facts = tuple(measured[name]["taken"].items())
            parts_by_facts.setdefault(facts, []).append(name)
    return "\n".join(
        table([", ".join(names), ""], facts) for facts, names in parts_by_facts.items()
    )


def write(measured: Mapping[str, Part], page_file: Path = FILE) -> list[str]:
    """Write the page and the plots. Returns the names of the files."""
    from benchmarks import plots  # noqa: PLC0415 - the page alone needs no matplotlib

    page_file.write_text(render(measured))
    return [page_file.name, *plots.draw(measured, page_file.parent)]


if __name__ == "__main__":
    print(*write(read_measurements()), sep="\n")
