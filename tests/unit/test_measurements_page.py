"""How the figures of the benchmarks are kept and shown."""

import io
import json
from pathlib import Path

from benchmarks import figure_tables, measurements_page
from benchmarks.implementations import CONVENTIONAL, THIS_PROJECT
from benchmarks.measurements import LINE_LENGTH, read_measurements, write_measurements
from benchmarks.progress import Progress
from tests.support.measured_runs import contended, row_of


def test_the_table_shows_a_calls_ratio_to_its_bare_call() -> None:
    timings = {"callMs": [2.0, 6.0, 3.6], "bareMs": [1.0, 5.0, 3.0]}  # 2, 1.2 and 1.2
    other = {"callMs": [1.0], "bareMs": [1.0]}
    page = figure_tables.cpu({THIS_PROJECT: timings, CONVENTIONAL: other})
    assert row_of(page, THIS_PROJECT) == ["1.20", "1.20 to 2.00", "3.60", "3.00"]


def test_a_cold_start_is_compared_with_that_of_its_turn() -> None:
    seconds = {"boto3": [0.2, 0.4], "RenewFunction": [0.1, 0.4]}
    page = figure_tables.cold_starts({"packages": {}, "cpuSeconds": seconds})
    assert row_of(page, "`RenewFunction`") == ["0.75", "0.50 to 1.00", "0.25"]


def test_the_table_shows_the_median_of_the_runs_and_their_extremes() -> None:
    page = contended(renew=[{"perSecond": 300.0}, {"perSecond": 100.0}, {"perSecond": 210.0}])
    assert f"| 16, {THIS_PROJECT} | 210 (100 to 300) | 2.0 | 1.0 | 5.0 | 0 | 0 |" in page


def test_lost_renewals_are_a_share_of_those_answered_200() -> None:
    page = contended(conventional=[{"lost": 25, "failures": {"500": 300}}] * 3)
    assert f"| 16, {CONVENTIONAL} | 10 | 2.0 | 1.0 | 5.0 | 25 | 75 |" in page


def test_the_ratio_of_two_rates_is_taken_within_the_repeat() -> None:
    page = contended(
        renew=[{"perSecond": 20.0}, {"perSecond": 90.0}, {"perSecond": 40.0}],
        version_guarded=[{"perSecond": 10.0}, {"perSecond": 30.0}, {"perSecond": 10.0}],
    )
    assert "| 64 on one session | 4.0 (2.0 to 9.0) | 3.0 (2.0 to 4.0) |" in page


def test_a_part_that_was_not_measured_has_no_section() -> None:
    assert "##" not in measurements_page.render({})


def test_parts_that_were_taken_apart_say_so() -> None:
    taken = {"date": "2026-11-30"}
    part = {"seconds": 1, "figures": {"RenewFunction": {"table": 1.0}}}
    other = {"seconds": 1, "figures": {"renewals": {}, "calls": {}}}
    page = measurements_page.render(
        {
            "write-units": {**part, "taken": taken},
            "requests": {**other, "taken": {"date": "2026-12-01"}},
        }
    )
    assert page.index("| requests |") < page.index("2026-12-01") < page.index("| write-units |")


def test_the_page_in_docs_is_made_of_the_figures_in_docs() -> None:
    assert measurements_page.FILE.read_text() == measurements_page.render(read_measurements())


def test_figures_are_read_as_they_were_written(tmp_path: Path) -> None:
    file = tmp_path / "measurements.json"
    measured = {"a": {"figures": {"rows": [{"n": number} for number in range(99)], "none": []}}}
    write_measurements(measured, file)
    assert read_measurements(file) == measured == json.loads(file.read_text())
    assert max(map(len, file.read_text().splitlines())) < LINE_LENGTH


def test_nothing_was_measured_where_there_is_no_file(tmp_path: Path) -> None:
    assert read_measurements(tmp_path / "none.json") == {}


def test_progress_says_which_step_of_how_many() -> None:
    shown = io.StringIO()
    progress = Progress("growth", "2 of 7", started_seconds=0)
    progress.begin(12)
    progress.step("storing", shown)
    progress.step("soon after: a file gets no line for it", shown)
    (line,) = shown.getvalue().splitlines()
    assert line.endswith("growth (2 of 7), step 1 of 12: storing")
