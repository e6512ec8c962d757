"""What an invocation leaves behind: log lines and metrics."""

import threading

from aws_lambda_powertools.logging import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

SERVICE = "session-renewal"
NAMESPACE = "SessionRenewal"
MAX_LOGGED_CHARS = 256

# The place in the code is the same for every line of a function: it is not worth its time.
logger = Logger(service=SERVICE, location=None)


class _Metrics(threading.local):
    """Metrics of its own for each thread: what two threads measure at once must not mix."""

    def __init__(self) -> None:
        self.of_this_thread = EphemeralMetrics(namespace=NAMESPACE, service=SERVICE)


_metrics = _Metrics()


def count(metric: str, reason: str | None = None, times: int = 1) -> None:
    """Count in the metric, under the reason where there is one."""
    metrics = _metrics.of_this_thread
    if reason is not None:
        metrics.add_dimension("reason", reason)
    metrics.add_metric(metric, MetricUnit.Count, times)
    metrics.flush_metrics()
    metrics.clear_metrics()  # flushing leaves them where metrics are turned off


def loggable(text: str) -> str:
    """The text, bounded, with what UTF-8 cannot hold spelt out."""
    return text[:MAX_LOGGED_CHARS].encode("utf-8", "backslashreplace").decode()
