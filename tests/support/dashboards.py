"""What the stack's dashboard and its saved queries ask CloudWatch for."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.support.alarms import Metric
from tests.support.deployed_template import Deployment

SEARCH = re.compile(
    r"""SEARCH\('\{(?P<schema>[^}]+)\}\ MetricName="(?P<metric>\w+)"
    \ (?P<dimension>\w+)="(?P<value>[^"]+)"',\ '(?P<stat>\w+)',\ \d+\)""",
    re.VERBOSE,
)
WORD = re.compile(r"(?<![\w@])@?[A-Za-z_]\w*(?P<call>\()?")
KEYWORDS = frozenset(
    {"and", "as", "by", "desc", "fields", "filter", "in", "like", "limit", "sort", "stats"}
)
COMPARISON = re.compile(r"(@?\w+) (?:=|in|like) (\[[^]]*\]|\"[^\"]*\")")
SOURCE = re.compile(r"SOURCE '([^']+)' \| ")


@dataclass(frozen=True)
class Search:
    """A search of a dashboard: the metrics of this name, one for each value of a dimension."""

    namespace: str
    name: str
    dimension_names: frozenset[str]
    dimension: tuple[str, str]
    """The dimension whose value is stated."""


@dataclass(frozen=True)
class Query:
    """A query of Logs Insights, and the names of the log groups that it reads."""

    name: str
    text: str
    log_groups: frozenset[str]

    @property
    def fields(self) -> set[str]:
        """The fields that it reads, without those that it makes by ``as``."""
        text = re.sub(r'"[^"]*"', '""', self.text)
        made = set(re.findall(r"\bas (\w+)", text))
        words = {found[0] for found in WORD.finditer(text) if not found["call"]}
        return words - made - KEYWORDS

    @property
    def literals(self) -> Iterator[tuple[str, str]]:
        """The fields that it compares, each with a value."""
        for name, values in COMPARISON.findall(self.text):
            yield from ((name, value) for value in re.findall(r'"([^"]*)"', values))


def widgets(stack: Deployment, kind: str) -> list[dict[str, Any]]:
    """The properties of the dashboard's widgets of this kind."""
    body = json.loads(stack.properties("Dashboard")["DashboardBody"])
    return [each["properties"] for each in body["widgets"] if each["type"] == kind]


def metrics_on_dashboard(stack: Deployment) -> Iterator[Metric | Search]:
    """Whatever its graphs and tables show.

    Raises:
        ValueError: a row is of a form that is not known here.
    """
    for widget in widgets(stack, "metric"):
        for row in widget["metrics"]:
            yield _shown(row)


def _shown(row: list[Any]) -> Metric | Search:
    if isinstance(row[0], dict):
        found = SEARCH.fullmatch(row[0]["expression"])
        if not found:
            raise ValueError(f"not a search as they are known here: {row}")
        namespace, *names = found["schema"].split(",")
        dimension = (found["dimension"], found["value"])
        return Search(namespace, found["metric"], frozenset(names), dimension)
    namespace, name, *dimensions = [each for each in row if not isinstance(each, dict)]
    pairs = zip(dimensions[::2], dimensions[1::2], strict=True)
    return Metric(namespace, name, frozenset(pairs))


def queries_of(stack: Deployment) -> list[Query]:
    """The saved queries, and those of the dashboard."""
    saved = [
        Query(each["Name"], each["QueryString"], frozenset(each["LogGroupNames"]))
        for each in stack.of_type("AWS::Logs::QueryDefinition").values()
    ]
    shown = [
        Query(
            each["title"],
            SOURCE.sub("", each["query"]),
            frozenset(SOURCE.findall(each["query"])),
        )
        for each in widgets(stack, "log")
    ]
    return [*saved, *shown]
