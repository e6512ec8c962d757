"""Discards what the functions log while they are measured."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Send the lines of requests to the null device. Those of failures are still shown."""
    with Path(os.devnull).open("w") as null, contextlib.redirect_stdout(null):
        yield
