"""The tables of docs/performance.md, and silence for what the functions log."""

import contextlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median

from handlers.observability import logger


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
    """The ratios of every round under each name: their median, least and most."""
    print_table(
        [title, "median", "least", "most"],
        (
            [name, *(f"{figure(each):.2f}" for figure in (median, min, max))]
            for name, each in ratios.items()
        ),
    )


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Have the functions log, but to nowhere."""
    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):
        logger.registered_handler.stream = nowhere  # type: ignore[attr-defined]  # it has one
        yield
