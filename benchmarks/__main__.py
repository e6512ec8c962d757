"""Measure, and write docs/measurements.json, its tables and its plots: ``make bench``."""

import argparse
import random
import sys
import time

from benchmarks import measurements_page
from benchmarks.measurements import read_measurements, write_measurements
from benchmarks.parts import Measure, measure_part, parts
from benchmarks.progress import Progress


def main() -> None:
    """Measure all parts, or those that are asked for."""
    arguments = _arguments()
    print(f"SEED={arguments.seed}", file=sys.stderr)
    measures = parts(arguments.seed)
    chosen = arguments.only or [*measures]
    if unknown := {*chosen} - {*measures}:
        sys.exit(f"No such part: {', '.join(unknown)}. There are {', '.join(measures)}.")
    started = time.monotonic()
    try:
        for number, name in enumerate(chosen, start=1):
            _measure(name, measures[name], Progress(name, f"{number} of {len(chosen)}", started))
    finally:
        written = measurements_page.write(read_measurements())
    print(f"\n{', '.join(written)} after {time.monotonic() - started:.0f} s", file=sys.stderr)


def _measure(name: str, measure: Measure, progress: Progress) -> None:
    """Measure one part and keep its figures, at once: a later part may fail."""
    measured = measure_part(measure, progress)
    if measured is None:
        progress.step("left out: it needs Python 3.13, which is deployed")
    else:
        write_measurements({**read_measurements(), name: measured})


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", nargs="+", metavar="PART", help="measure these parts alone")
    parser.add_argument(
        "--seed",
        type=int,
        default=random.SystemRandom().getrandbits(32),
        help="that of the order in which contention is measured",
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
