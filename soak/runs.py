"""One run of a plan: a new table, faults by its seed, clients, and the counts afterwards."""

import os
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import boto3

from local.template import Template
from soak.clients import Soak
from soak.fleet import Fleet
from soak.ledger import CountOff, Ledger
from soak.memory import Memory, resident_mib
from soak.schedule import Plan
from storage.table import SessionsTable
from tests.support.fault_proxy_process import fault_proxy_process
from tests.support.seeded_faults import SLOW_SECONDS
from tests.support.sessions import as_of_now, session
from tests.support.tables import RETENTION_SECONDS, item_with, put

OpenFleet = Callable[[str, int], Fleet]
"""Makes the implementation, for a table and so many requests at once, from the environment."""


@dataclass(frozen=True)
class Run:
    """What came of a plan."""

    name: str
    soak: Soak
    faults: Counter[str]
    counts_off: list[CountOff]
    memory: Memory

    @property
    def counted(self) -> int:
        """How many renewals and heartbeats were answered 200."""
        return sum(account.answered for account in self.soak.ledger.accounts.values())

    @property
    def too_many(self) -> int:
        """How many were counted twice."""
        return sum(each.too_many for each in self.counts_off)

    @property
    def too_few(self) -> int:
        """How many were lost."""
        return sum(each.too_few for each in self.counts_off)

    @property
    def per_second(self) -> float:
        """How many renewals and heartbeats of one session there were in a second."""
        return self.counted / self.soak.seconds / self.soak.plan.active


def run_plan(
    name: str, plan: Plan, upstream: str, open_fleet: OpenFleet, *, checked: bool = True
) -> Run:
    """Carry the plan out against DynamoDB Local at ``upstream``, and compare the counts."""
    memory = Memory()

    def report_progress(soak: Soak) -> None:
        memory.measure(sum(a.answered for a in soak.ledger.accounts.values()) / plan.counted_calls)
        print(progress_line(soak), file=sys.stderr, flush=True)

    table = new_table(upstream, plan)
    os.environ["SESSIONS_TABLE"] = table.name
    with fault_proxy_process(upstream, plan.seed) as proxy:
        os.environ["AWS_ENDPOINT_URL_DYNAMODB"] = proxy.endpoint
        soak = Soak(plan, open_fleet(table.name, plan.clients), checked)
        soak.run(report_progress)
        time.sleep(1.5 * SLOW_SECONDS)  # the last slow write may still be to come
        counts_off = compare_counts(table, soak.ledger)
        return Run(name, soak, proxy.chosen(), counts_off, memory)


def new_table(upstream: str, plan: Plan) -> SessionsTable:
    """A table with the plan's sessions. Its client has no faults.

    It has no stream: nobody reads it, and DynamoDB Local would keep all of it.
    """
    client = boto3.client("dynamodb", endpoint_url=upstream)
    table = SessionsTable(client, f"soak-{time.time_ns()}", RETENTION_SECONDS)
    Template().create_table(client, table.name, with_stream=False)
    for session_id in plan.session_ids:
        put(table, as_of_now(session(session_id, created=-5, active=-5, expires=25, maximum=2880)))
    return table


def compare_counts(table: SessionsTable, ledger: Ledger) -> list[CountOff]:
    """The sessions whose stored count is not what their clients know."""
    compared = [
        CountOff(
            session_id,
            int(item_with(table, session_id)["renewalCount"]["N"]),
            account.answered,
        )
        for session_id, account in ledger.accounts.items()
    ]
    return [each for each in compared if each.stored != each.answered]


def progress_line(soak: Soak) -> str:
    """How far a soak is: calls answered, their rate, answers by status, time, memory."""
    statuses = ", ".join(f"{status}: {count:,}" for status, count in soak.tally.by_status.items())
    rate = soak.tally.done / soak.seconds
    mib = resident_mib()
    memory = "" if mib is None else f"; {mib:.0f} MiB"
    return f"{soak.seconds:6.0f} s  {soak.tally.done:,} calls, {rate:.0f}/s; {statuses}{memory}"
