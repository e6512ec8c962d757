"""Discards what the functions log while they are measured."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from runtime.observability import logger


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Send the log and the metrics of the functions to the null device."""
    with Path(os.devnull).open("w") as null, contextlib.redirect_stdout(null):
        logger.registered_handler.stream = null  # type: ignore[attr-defined]  # a StreamHandler
        yield
