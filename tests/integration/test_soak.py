"""A short soak, with other faults every day: ``make soak`` is the long one."""

import logging
import time
from collections.abc import Iterator

import pytest

from runtime.observability import logger
from soak.fleet import lambda_fleet
from soak.runs import Run, run_plan
from soak.schedule import Plan

pytestmark = pytest.mark.long

TODAY = int(time.strftime("%Y%m%d", time.gmtime()))
"""The seed of the day: the test's name shows it."""


@pytest.fixture(scope="module", params=[TODAY])
def run(request: pytest.FixtureRequest, dynamodb_local_endpoint: str) -> Iterator[Run]:
    """What came of 160 renewals and as many other calls."""
    level = logger.log_level
    logger.setLevel(logging.ERROR)
    plan = Plan(request.param, 160, seconds=5, sessions=8, clients=12)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("SESSIONS_TABLE", "of the run")
        environment.setenv("AWS_ENDPOINT_URL_DYNAMODB", "of the run")
        yield run_plan("short", plan, dynamodb_local_endpoint, lambda_fleet)
    logger.setLevel(level)


def test_every_renewal_is_counted_once_under_faults(run: Run) -> None:
    assert run.counted > 0
    assert run.counts_off == []


def test_every_answer_under_faults_is_in_the_contract(run: Run) -> None:
    tally = run.soak.tally
    assert (tally.outside_the_contract, tally.moved_back) == (0, 0), tally.shown


def test_no_answer_under_faults_comes_after_the_budget(run: Run) -> None:
    assert run.soak.tally.late == 0, run.soak.tally.shown
