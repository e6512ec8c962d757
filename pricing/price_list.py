"""The dated price list, and what an amount of something costs by it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PRICES_FILE = Path(__file__).parent / "prices.json"


@dataclass(frozen=True)
class PriceList:
    """Prices in US dollars, without free tiers. ``used`` are the names that were asked for."""

    date: str
    region: str
    prices: Mapping[str, Mapping[str, Any]]
    used: set[str] = field(default_factory=set)

    @classmethod
    def load(cls, file: Path = PRICES_FILE) -> "PriceList":
        """The list in the file."""
        document = json.loads(file.read_text())
        return cls(document["date"], document["region"], document["prices"])

    def usd(self, name: str, amount: float) -> float:
        """What this amount costs, in one month.

        Raises:
            ValueError: it is more than the price holds for, and the list has no price beyond.
        """
        self.used.add(name)
        price = self.prices[name]
        most: float = price.get("upTo", amount)
        if amount > most and "then" not in price:
            raise ValueError(f"the price list has no {name} beyond {most:,}")
        cost: float = price["usd"] * min(amount, most) / price["per"]
        if amount > most:
            cost += self.usd(price["then"], amount - most)
        return cost
