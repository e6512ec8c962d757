"""What concurrent clients see is what some sequential order of their calls would show them.

Clients of several sessions call real handlers on DynamoDB Local, through instances whose clocks
differ by up to four seconds, with and without faults in between. The seed of a history is in the
name of its test.
"""

from datetime import UTC, datetime

import pytest

from tests.support.counterexamples import counterexample
from tests.support.histories import History
from tests.support.mutants import MUTANTS, Mutant
from tests.support.recorded_deployment import RecordedDeployment
from tests.support.seeded_faults import LOSSY_SHARES, NO_FAULTS, Shares
from tests.support.workloads import MANY_ANNOUNCEMENTS, Workload

pytestmark = pytest.mark.long

TODAY = datetime.now(UTC).date().toordinal()
SEEDS = (1, TODAY)
MUTANT_SEEDS = range(10)
DYING = ("dying", "dying-by-activity")


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("faults", [NO_FAULTS, LOSSY_SHARES], ids=["no faults", "faults"])
def test_every_history_has_a_sequential_order(
    deployed: RecordedDeployment, faults: Shares, seed: int
) -> None:
    found = deployed.counterexamples(seed, Workload(), faults)
    assert not found, "\n\n".join([f"Seed {seed}", *map(str, found)])


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("faults", [NO_FAULTS, LOSSY_SHARES], ids=["no faults", "faults"])
def test_no_call_succeeds_after_an_announcement(
    deployed: RecordedDeployment, faults: Shares, seed: int
) -> None:
    """The clocks of whoever announces and of whoever calls differ by up to four seconds."""
    workload = Workload(8, 25, MANY_ANNOUNCEMENTS, DYING * 4)
    histories = deployed.histories(seed, workload, faults)
    found = [each for each in map(counterexample, histories) if each is not None]
    assert not found, "\n\n".join([f"Seed {seed}", *map(str, found)])
    assert any(was_refused_while_alive_for_its_clock(each) for each in histories)


def was_refused_while_alive_for_its_clock(history: History) -> bool:
    """Whether the mark refused a call for which the session had not expired yet."""
    last = history.last
    return last is not None and any(
        attempt.status == 410 and max(attempt.clocks_ms) + attempt.duration_ms < last.expires_at_ms
        for operation in history.operations
        for attempt in operation.attempts
    )


@pytest.mark.parametrize("mutant", MUTANTS.values(), ids=MUTANTS)
def test_a_mutant_is_caught_by_a_history(deployed: RecordedDeployment, mutant: Mutant) -> None:
    assert not deployed.counterexamples(MUTANT_SEEDS[0], mutant.workload, mutant.faults)
    with mutant.planted(deployed.instances):
        assert any(
            deployed.counterexamples(seed, mutant.workload, mutant.faults) for seed in MUTANT_SEEDS
        )
