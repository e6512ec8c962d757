"""The functions in several instances behind a fault proxy, and what is odd in their histories."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from storage.table import SessionsTable, dynamodb_client
from tests.support.counterexamples import Counterexample, counterexample
from tests.support.faulty_dynamodb import FaultyDynamoDB, faulty_dynamodb
from tests.support.function_instances import FunctionInstance
from tests.support.histories import History
from tests.support.history_recorder import Recorder
from tests.support.seeded_faults import SeededFaults, Shares
from tests.support.workloads import Workload

SKEWS_MS = (-2000, -700, 0, 600, 2000)
"""How far each instance's clock is from the true time."""


@dataclass(frozen=True)
class RecordedDeployment:
    """Instances whose clocks differ, behind the proxy. ``table`` goes past it."""

    table: SessionsTable
    dynamodb: FaultyDynamoDB
    instances: Sequence[FunctionInstance]

    def counterexamples(
        self, seed: int, workload: Workload, faults: Shares
    ) -> list[Counterexample]:
        """What no order explains in the histories of a seed: one for each session at most."""
        found = map(counterexample, self.histories(seed, workload, faults))
        return [each for each in found if each is not None]

    def histories(self, seed: int, workload: Workload, faults: Shares) -> list[History]:
        """The histories of a seed: one for each session."""
        self.dynamodb.choose_fault = SeededFaults(seed, faults)
        recorder = Recorder(self.instances, self.table, self.dynamodb.wait_until_idle)
        return recorder.record(workload, seed)


@contextmanager
def recorded_deployment(endpoint: str, table: SessionsTable) -> Iterator[RecordedDeployment]:
    """The deployment before this DynamoDB, for as long as the context lasts."""
    with faulty_dynamodb(endpoint) as dynamodb, pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL_DYNAMODB", dynamodb.endpoint)
        instances = [
            FunctionInstance(
                SessionsTable(dynamodb_client(), table.name, table.retention_seconds), skew_ms
            )
            for skew_ms in SKEWS_MS
        ]
        yield RecordedDeployment(table, dynamodb, instances)
