"""The log lines and the metrics of a function."""

import threading

from aws_lambda_powertools.logging import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

SERVICE = "session-renewal"
NAMESPACE = "SessionRenewal"
MAX_LOGGED_CHARS = 256

# The location in the code is the same for every line of a function: it is not worth its time.
logger = Logger(service=SERVICE, location=None)


class _ThreadMetrics(threading.local):
    """Metrics of its own for each thread: those of two concurrent requests must not mix."""

    def __init__(self) -> None:
        self.current = EphemeralMetrics(namespace=NAMESPACE, service=SERVICE)


_thread_metrics = _ThreadMetrics()


def count(metric: str, reason: str | None = None, times: int = 1) -> None:
    """Add to the metric, with the reason as its dimension if there is one."""
    metrics = _thread_metrics.current
    if reason is not None:
        metrics.add_dimension("reason", reason)
    metrics.add_metric(metric, MetricUnit.Count, times)
    metrics.flush_metrics()
    metrics.clear_metrics()  # flushing does not clear them where metrics are disabled


def loggable(text: str) -> str:
    """The text, cut to 256 characters, with what UTF-8 cannot hold escaped."""
    return text[:MAX_LOGGED_CHARS].encode("utf-8", "backslashreplace").decode()
