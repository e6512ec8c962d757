"""How far records that EventBridge refuses slow the rest of their batch: records a second."""

import json
import time
from typing import Any

from benchmarks.api_events import Event
from benchmarks.expiry_batches import deletion_by_ttl, publish
from benchmarks.measured_sessions import METADATA_JSON
from benchmarks.measured_table import set_environment
from benchmarks.measurements import Figures
from benchmarks.output import quietly
from benchmarks.progress import Progress
from benchmarks.refusing_services import POISON, SECONDS_A_REQUEST, refusing_services
from runtime.observability import logger

BATCH_SIZE = 100
"""As many records as the event source mapping delivers at most."""

ONE_IN = 10
ROUNDS = 30
POISON_JSON = json.dumps({POISON: True}, separators=(",", ":"))


def measure(progress: Progress) -> Figures:
    """The rates of a batch with and without poison, taken in turn so that both see one machine."""
    with refusing_services() as endpoint:
        set_environment(
            AWS_ENDPOINT_URL_EVENTBRIDGE=endpoint,
            AWS_ENDPOINT_URL_SQS=endpoint,
        )
        from handlers import expiry  # noqa: PLC0415 - it reads the environment

        logger.setLevel("CRITICAL")  # each refused record is an error, and is shown
        batches = {"clean": batch_with(poison=False), "poison": batch_with(poison=True)}
        rates: dict[str, list[float]] = {name: [] for name in batches}
        progress.begin(1 + ROUNDS)
        for number in range(-1, ROUNDS):
            progress.step("batches with and without poison")
            for name in sorted(batches, reverse=number % 2 == 1):
                rate = records_a_second(expiry.handler, batches[name])
                if number >= 0:  # the first round opens the connections
                    rates[name].append(round(rate, 1))
    return {
        "records": BATCH_SIZE,
        "oneIn": ONE_IN,
        "msARequest": SECONDS_A_REQUEST * 1000,
        "recordsASecond": rates,
    }


def batch_with(*, poison: bool) -> Event:
    """A batch, every tenth record of which is poison or is not."""
    return {
        "Records": [
            deletion_by_ttl(
                number, POISON_JSON if poison and number % ONE_IN == 0 else METADATA_JSON
            )
            for number in range(BATCH_SIZE)
        ]
    }


def records_a_second(handler: Any, batch: Event) -> float:
    """How fast the function deals with the batch, by the clock on the wall."""
    with quietly():
        before = time.perf_counter()
        publish(handler, batch)
        return len(batch["Records"]) / (time.perf_counter() - before)
