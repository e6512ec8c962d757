"""Writes docs/cost.md and docs/cost.svg: ``make cost``."""

from benchmarks.measurements import DOCS
from local.template import Template
from pricing.chart import draw
from pricing.page import charted, render
from pricing.price_list import PriceList
from pricing.template_defaults import default_deployment
from pricing.units import Units


def main() -> None:
    """Render both."""
    units, prices, deployment = Units.load(), PriceList.load(), default_deployment(Template())
    (DOCS / "cost.md").write_text(render(units, prices, deployment))
    draw(charted(units, prices, deployment), DOCS / "cost.svg")


if __name__ == "__main__":
    main()
