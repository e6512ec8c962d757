"""Prints the tables of docs/performance.md, and discards what the functions log."""

import contextlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median

from runtime.observability import logger


def print_table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table in Markdown: names on the left, figures on the right."""
    print()
    print_row(header)
    print(f"|---|{'--:|' * (len(header) - 1)}")
    for row in rows:
        print_row(row)


def print_row(cells: Iterable[object]) -> None:
    """A row of the table."""
    print(f"| {' | '.join(map(str, cells))} |", flush=True)


def print_ratios(title: str, ratios: Mapping[str, Sequence[float]]) -> None:
    """The median, the least and the greatest of the ratios with each name."""
    print_table(
        [title, "median", "min", "max"],
        (
            [name, *(f"{figure(each):.2f}" for figure in (median, min, max))]
            for name, each in ratios.items()
        ),
    )


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Send the log and the metrics of the functions to the null device."""
    with Path(os.devnull).open("w") as null, contextlib.redirect_stdout(null):
        logger.registered_handler.stream = null  # type: ignore[attr-defined]  # a StreamHandler
        yield
