"""What a request leaves behind: one log line and one metric."""

from aws_lambda_powertools.logging import Logger
from aws_lambda_powertools.metrics import Metrics, MetricUnit

SERVICE = "session-renewal"

# The place in the code is the same for every line of a function: it is not worth its time.
logger = Logger(service=SERVICE, location=None)
metrics = Metrics(namespace="SessionRenewal", service=SERVICE)


def count(metric: str, reason: str | None = None) -> None:
    """Count one request in the metric, under its reason where it has one."""
    if reason is not None:
        metrics.add_dimension("reason", reason)
    metrics.add_metric(metric, MetricUnit.Count, 1)
    metrics.flush_metrics()
