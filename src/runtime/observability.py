"""What a function writes to its log: a metric that carries the facts, and what went wrong.

A metric is a line in CloudWatch's embedded metric format. CloudWatch takes the count out of it, and
Logs Insights finds the facts in it: a second line would cost as much again and say no more.

The dimension ``service`` tells two stacks of one account apart. Powertools takes it from the
variable ``POWERTOOLS_SERVICE_NAME``, which the template sets to the stack's name.
"""

import threading
from collections.abc import Mapping, Sequence
from functools import cached_property

from aws_lambda_powertools.logging import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

NAMESPACE = "SessionRenewal"
MAX_LOGGED_CHARS = 256

# For what went wrong. Where in the code is not worth its time: the message tells.
logger = Logger(location=None)


class _ThreadMetrics(threading.local):
    """Metrics of its own for each thread: those of two concurrent requests must not mix."""

    @cached_property
    def current(self) -> EphemeralMetrics:
        """Made when it is first asked for."""
        return EphemeralMetrics(namespace=NAMESPACE)


_thread_metrics = _ThreadMetrics()


NO_FACTS: Mapping[str, object] = {}


def count(
    metric: str, facts: Mapping[str, object] = NO_FACTS, reason: str = "", times: int = 1
) -> None:
    """Add to the metric, in a line with these facts; the reason is a dimension if there is one."""
    metrics = _thread_metrics.current
    if reason:
        metrics.add_dimension("reason", reason)
    for name, fact in facts.items():
        metrics.add_metadata(name, fact)
    metrics.add_metric(metric, MetricUnit.Count, times)
    metrics.flush_metrics()
    metrics.clear_metrics()  # flushing does not clear them where metrics are disabled


def count_all(
    counts: Mapping[str, int], times_ms: Mapping[str, Sequence[float]], facts: Mapping[str, object]
) -> None:
    """Add to several metrics in one line with these facts; each of the times is a value."""
    metrics = _thread_metrics.current
    for name, fact in facts.items():
        metrics.add_metadata(name, fact)
    for metric, times in counts.items():
        metrics.add_metric(metric, MetricUnit.Count, times)
    for metric, values in times_ms.items():
        for value in values:
            metrics.add_metric(metric, MetricUnit.Milliseconds, value)
    metrics.flush_metrics()
    metrics.clear_metrics()


def loggable(text: str) -> str:
    """The text, cut to 256 characters, with what UTF-8 cannot hold escaped."""
    return text[:MAX_LOGGED_CHARS].encode("utf-8", "backslashreplace").decode()
