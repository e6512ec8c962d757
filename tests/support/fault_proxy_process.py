"""DynamoDB behind seeded faults, in a process of its own.

A soak's clients keep one interpreter busy: a proxy in the same one would slow them, and they it.
"""

import multiprocessing
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection

from tests.support.faulty_dynamodb import faulty_dynamodb
from tests.support.seeded_faults import SeededFaults


@dataclass(frozen=True)
class FaultProxy:
    """The proxy in the other process: where clients reach it, and what it has done."""

    endpoint: str
    connection: "Connection[bool, Counter[str]]"

    def chosen(self) -> Counter[str]:
        """The faults so far, and the requests passed on, by name."""
        self.connection.send(True)
        return self.connection.recv()


@contextmanager
def fault_proxy_process(upstream: str, seed: int) -> Iterator[FaultProxy]:
    """The proxy, serving from another process for as long as the context lasts."""
    processes = multiprocessing.get_context("spawn")  # a fork would copy the clients' threads
    ours, theirs = processes.Pipe()
    process = processes.Process(target=_serve, args=(upstream, seed, theirs), daemon=True)
    process.start()
    try:
        yield FaultProxy(ours.recv(), ours)
    finally:
        ours.send(False)
        process.join()


def _serve(upstream: str, seed: int, connection: "Connection[object, bool]") -> None:
    faults = SeededFaults(seed)
    with faulty_dynamodb(upstream, faults) as proxy:
        connection.send(proxy.endpoint)
        while connection.recv():
            connection.send(faults.chosen)
