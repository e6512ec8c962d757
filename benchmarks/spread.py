"""What many values come to: a median with its spread, a percentile, ratios."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Spread:
    """A median, and what the middle half of the values, or all of them, lie between."""

    low: float
    median: float
    high: float


def quartiles(values: Sequence[float]) -> Spread:
    """The median, and the middle half: what one slow round does not move."""
    return Spread(percentile(values, 0.25), median(values), percentile(values, 0.75))


def extremes(values: Sequence[float]) -> Spread:
    """The median, the least and the greatest: for values that are too few for quartiles."""
    return Spread(min(values), median(values), max(values))


def percentile(values: Sequence[float], share: float) -> float:
    """The least value that at least this share of the values does not exceed (nearest rank).

    Raises:
        ValueError: there are no values, or the share is not above 0 and at most 1.
    """
    if not values or not 0 < share <= 1:
        raise ValueError("a percentile needs values, and a share above 0 and at most 1")
    rank = math.ceil(round(share * len(values), 9))  # 0.07 * 100 is a little more than 7
    return sorted(values)[rank - 1]


def ratios(values: Sequence[float], to: Sequence[float]) -> list[float]:
    """Each value as a multiple of its counterpart, which was taken in the same round."""
    return [value / other for value, other in zip(values, to, strict=True)]
