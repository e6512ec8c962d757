"""The tables at the end of a soak, and what makes it fail."""

from collections.abc import Iterable, Sequence
from typing import Any

from benchmarks.markdown import table
from soak.calls import Kind
from soak.memory import MAX_GROWTH_MIB
from soak.runs import Run


def print_report(run: Run) -> None:
    """Everything that docs/reliability.md shows of a run."""
    soak, tally = run.soak, run.soak.tally
    print(f"\n## {run.name}: seed {soak.plan.seed}, {soak.seconds:.0f} s")
    if soak.schedule.time_is_up:
        print("\nThe time was up before all calls were made.")
    statuses = tally.by_status
    _print_table(
        [
            "call",
            "answered",
            *map(str, statuses),
            "retries",
            "requests to DynamoDB per call",
            "longest, s",
        ],
        _rows_by_call(run, [*statuses]),
    )
    requests = sum(run.faults.values())
    _print_table(
        ["requests at the proxy", "", "share"],
        [
            (f"`{name}`", f"{count:,}", f"{count / requests:.1%}")
            for name, count in run.faults.most_common()
        ],
    )
    _print_table(["counts", ""], _rows_of_counts(run))
    for each in run.counts_off[:10]:
        print(f"{each.session_id}: stored {each.stored}, answered {each.answered}")
    for finding in tally.shown:
        print(finding)


def figures(run: Run) -> dict[str, Any]:
    """The figures of a run, for docs/reliability.json and its plot."""
    plan, tally = run.soak.plan, run.soak.tally
    return {
        "name": run.name,
        "seed": plan.seed,
        "seconds": round(run.soak.seconds),
        "counted": run.counted,
        "renewalsPerSecondOfASession": round(run.per_second, 1),
        "twice": run.too_many,
        "lost": run.too_few,
        "answers": {str(status): count for status, count in tally.by_status.items()},
        "retries": sum(tally.retries.values()),
        "faults": dict(run.faults),
    }


def findings(run: Run) -> list[str]:
    """Why the soak fails: empty if it does not."""
    tally = run.soak.tally
    reasons = {
        f"counted twice: {run.too_many}": run.too_many,
        f"lost: {run.too_few}": run.too_few,
        f"answers outside the contract: {tally.outside_the_contract}": tally.outside_the_contract,
        f"answers after the budget: {tally.late}": tally.late,
        f"answers in which a session moved back: {tally.moved_back}": tally.moved_back,
        f"memory grew by {run.memory.growth:.0f} MiB": run.memory.growth > MAX_GROWTH_MIB,
    }
    return [text for text, found in reasons.items() if found]


def _print_table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    print(f"\n{table(header, rows)}", end="", flush=True)


def _rows_by_call(run: Run, statuses: Sequence[int]) -> list[Sequence[object]]:
    tally = run.soak.tally
    rows: list[Sequence[object]] = []
    for kind in Kind:
        answers = {status: tally.answers[kind, status] for status in statuses}
        done = sum(count for status, count in answers.items() if status < 500)
        if done:
            requests = tally.requests[kind] / done
            counts = [f"{count:,}" for count in (done, *answers.values(), tally.retries[kind])]
            longest = f"{tally.longest_seconds[kind]:.2f}"
            rows.append((kind, *counts, f"{requests:.2f}" if requests else "-", longest))
    return rows


def _rows_of_counts(run: Run) -> list[Sequence[object]]:
    tally = run.soak.tally
    memory = run.memory
    return [
        ("renewals and heartbeats answered 200", f"{run.counted:,}"),
        ("of one session in a second", f"{run.per_second:.1f}"),
        ("counted twice", run.too_many),
        ("lost", run.too_few),
        ("answers outside the contract", tally.outside_the_contract),
        ("answers in which a session moved back", tally.moved_back),
        ("answers after more than 10 s", tally.late),
        ("requests at the proxy", f"{sum(run.faults.values()):,}"),
        ("memory after the warm-up, MiB", f"{memory.after_warm_up or 0:.0f}"),
        ("its growth since, MiB", f"{memory.growth:.0f}"),
    ]
