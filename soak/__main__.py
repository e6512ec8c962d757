"""Soak the functions, and print what was counted: ``make soak``."""

import argparse
import json
import logging
import os
import random
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.output import quietly
from local.dynamodb_local import dynamodb_local
from local.template import Template
from runtime.observability import logger
from soak.comparison import compare
from soak.fleet import lambda_fleet
from soak.report import figures, findings, print_report
from soak.runs import Run, run_plan
from soak.schedule import Plan

RENEWALS = 100_000
MAX_SECONDS = 19.5 * 60
"""After this, no call begins: with its start and its end, a soak takes 20 minutes."""


def main() -> int:
    """Run what the arguments ask for. Returns 1 if something was found."""
    arguments = _arguments()
    seed = arguments.seed if arguments.seed is not None else random.SystemRandom().getrandbits(32)
    print(f"SEED={seed}", flush=True)
    _set_environment()
    logger.setLevel(logging.ERROR)
    logging.getLogger("urllib3").setLevel(logging.ERROR)  # clients of fewer connections than calls
    logging.getLogger("mangum").setLevel(logging.CRITICAL)
    with dynamodb_local() as endpoint, quietly():
        if arguments.compare:
            runs = compare(seed, endpoint)
            found: list[str] = []
        else:
            plan = Plan(seed, arguments.renewals, arguments.seconds)
            runs = [run_plan("this project, all calls", plan, endpoint, lambda_fleet)]
            found = findings(runs[0])
    for run in runs:
        print_report(run)
    if arguments.result:
        _keep_figures(arguments.result, runs)
    for finding in found:
        print(finding, file=sys.stderr)
    return 1 if found else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m soak", description=__doc__)
    parser.add_argument("--seed", type=int, help="repeat the faults and the calls of this seed")
    parser.add_argument("--renewals", type=int, default=RENEWALS)
    parser.add_argument("--seconds", type=float, default=MAX_SECONDS)
    parser.add_argument("--compare", action="store_true", help="run the comparisons instead")
    parser.add_argument("--result", type=Path, help="write the figures to this file, as JSON")
    return parser.parse_args()


def _keep_figures(file: Path, runs: Sequence[Run]) -> None:
    """Write the figures of these runs to the file, in place of those that it has by these names."""
    written = json.loads(file.read_text()) if file.exists() else []
    by_name = {each["name"]: each for each in [*written, *map(figures, runs)]}
    file.write_text(json.dumps([*by_name.values()], indent=2) + "\n")


def _set_environment() -> None:
    """What the functions read, and nothing that leads to AWS."""
    os.environ.update(
        Template().environment(),
        AWS_ACCESS_KEY_ID="soak",
        AWS_SECRET_ACCESS_KEY="soak",  # noqa: S106 - not a secret
        AWS_DEFAULT_REGION="eu-west-1",
    )


if __name__ == "__main__":
    sys.exit(main())
