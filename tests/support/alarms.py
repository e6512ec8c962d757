"""The stack's alarms, and what CloudWatch makes of the values of their metrics."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from tests.support.deployed_template import Deployment

MAX_METRICS = 10
"""How many metrics the API reference of PutMetricAlarm allows in a math expression."""


@dataclass(frozen=True)
class Metric:
    """A metric by its full name: the dimensions are part of it."""

    namespace: str
    name: str
    dimensions: frozenset[tuple[str, str]]

    @property
    def dimension_names(self) -> frozenset[str]:
        """The names of its dimensions."""
        return frozenset(name for name, _ in self.dimensions)


Values = Mapping[Metric, float]
"""What the metrics came to in a period. One that is not there has no data."""


class Missing:
    """No data. Whatever is computed of it is missing, too."""

    def _same(self, _: object = None) -> "Missing":
        return self

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = _same
    __truediv__ = __rtruediv__ = __ge__ = __gt__ = _same


MISSING = Missing()


def _if(condition: Any, then: Any, otherwise: Any) -> Any:
    if condition is MISSING:
        return MISSING
    return then if condition else otherwise


FUNCTIONS = {
    "FILL": lambda value, filling: filling if value is MISSING else value,
    "IF": _if,
    "SUM": lambda values: sum(each for each in values if each is not MISSING),
}
"""Those of CloudWatch's metric math that the alarms use."""


@dataclass(frozen=True)
class Alarm:
    """An alarm of the stack. Of its periods, one stands for all that have to be alike."""

    name: str
    properties: Mapping[str, Any]

    @cached_property
    def metrics(self) -> dict[str, Metric]:
        """The metrics that it reads, by their IDs in its expression."""
        if "Metrics" not in self.properties:
            return {"": _metric(self.properties)}
        return {
            each["Id"]: _metric(each["MetricStat"]["Metric"])
            for each in self.properties["Metrics"]
            if "MetricStat" in each
        }

    @property
    def expression(self) -> str:
        """The expression that it watches; empty if it is a metric itself."""
        watched = [each for each in self.properties.get("Metrics", []) if "Expression" in each]
        return watched[0]["Expression"] if watched else ""

    def is_off(self, values: Values) -> bool:
        """Whether it is in the state ALARM after periods with these values."""
        found: dict[str, Any] = {
            name: values.get(metric, MISSING) for name, metric in self.metrics.items()
        }
        value = found.get("", MISSING)
        if self.expression:
            value = eval(self.expression, {**FUNCTIONS, **found})  # noqa: S307 - our own template
        if value is MISSING:
            return bool(self.properties["TreatMissingData"] == "breaching")
        threshold = float(self.properties["Threshold"])
        if self.properties["ComparisonOperator"] == "LessThanThreshold":
            return bool(value < threshold)
        assert self.properties["ComparisonOperator"] == "GreaterThanThreshold"
        return bool(value > threshold)


def alarms_of(stack: Deployment) -> dict[str, Alarm]:
    """The alarms of the stack, by their logical IDs."""
    return {
        name: Alarm(name, properties)
        for name, properties in stack.of_type("AWS::CloudWatch::Alarm").items()
    }


def _metric(properties: Mapping[str, Any]) -> Metric:
    dimensions = frozenset((each["Name"], each["Value"]) for each in properties["Dimensions"])
    return Metric(properties["Namespace"], properties["MetricName"], dimensions)
