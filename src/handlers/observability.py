"""What a request leaves behind: one log line and one metric."""

import threading

from aws_lambda_powertools.logging import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

SERVICE = "session-renewal"
NAMESPACE = "SessionRenewal"

# The place in the code is the same for every line of a function: it is not worth its time.
logger = Logger(service=SERVICE, location=None)


class _Metrics(threading.local):
    """Metrics of its own for each thread: what two threads measure at once must not mix."""

    def __init__(self) -> None:
        self.of_this_thread = EphemeralMetrics(namespace=NAMESPACE, service=SERVICE)


_metrics = _Metrics()


def count(metric: str, reason: str | None = None) -> None:
    """Count one request in the metric, under its reason where it has one."""
    metrics = _metrics.of_this_thread
    if reason is not None:
        metrics.add_dimension("reason", reason)
    metrics.add_metric(metric, MetricUnit.Count, 1)
    metrics.flush_metrics()
    metrics.clear_metrics()  # flushing leaves them where metrics are turned off
