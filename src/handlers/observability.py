"""What a request leaves behind: one log line and one metric."""

from aws_lambda_powertools.logging import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

SERVICE = "session-renewal"
NAMESPACE = "SessionRenewal"

# The place in the code is the same for every line of a function: it is not worth its time.
logger = Logger(service=SERVICE, location=None)


def count(metric: str, reason: str | None = None) -> None:
    """Count one request in the metric, under its reason where it has one."""
    # Metrics of its own for each request: what two threads measure at once must not mix, and what
    # is not published, since metrics are turned off, must not stay.
    metrics = EphemeralMetrics(namespace=NAMESPACE, service=SERVICE)
    if reason is not None:
        metrics.add_dimension("reason", reason)
    metrics.add_metric(metric, MetricUnit.Count, 1)
    metrics.flush_metrics()
