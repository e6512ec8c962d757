"""The implementations of the renewal that are compared, each as a Lambda handler."""

import asyncio
import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from api.responses import Handler

THIS_PROJECT = "this project"
CONVENTIONAL = "read, then write"
VERSION_GUARDED = "version-guarded"

MODULES = {
    THIS_PROJECT: "handlers.renew",
    CONVENTIONAL: "benchmarks.conventional",
    VERSION_GUARDED: "benchmarks.version_guarded",
}


@cache
def handler_of(implementation: str) -> "Handler":
    """The handler. Its module reads the environment when it is first asked for."""
    handler: Handler = importlib.import_module(MODULES[implementation]).handler
    return handler


@contextmanager
def own_event_loop() -> Iterator[None]:
    """Give this thread the event loop that Mangum expects, and that only the main one has."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        yield
    finally:
        asyncio.set_event_loop(None)
        loop.close()
