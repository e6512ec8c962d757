"""The plots of the benchmarks, drawn from the figures in docs."""

from pathlib import Path

from benchmarks import measurements_page
from benchmarks.measurements import DOCS, read_measurements
from benchmarks.plots import PLOTS, draw


def test_the_same_figures_give_the_same_plot(tmp_path: Path) -> None:
    measured = {"cpu": read_measurements()["cpu"]}
    plots = []
    for _ in range(2):
        (name,) = draw(measured, tmp_path)
        plots.append((tmp_path / name).read_text())
    assert plots[0] == plots[1]


def test_the_page_shows_every_plot() -> None:
    page = measurements_page.FILE.read_text()
    assert [name for name in PLOTS if f"]({name})" not in page] == []
    assert [name for name in PLOTS if not (DOCS / name).exists()] == []
