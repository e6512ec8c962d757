"""Clients that fail soon, and leave retries to their callers."""

from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from types_boto3_events import EventBridgeClient
    from types_boto3_sqs import SQSClient

ATTEMPT_SECONDS = 5.0
"""The most that a request takes as a whole, with the name's lookup and a reply in many packets."""

# Region, credentials and endpoints come from the environment, as boto3 reads it. botocore's own
# validation of parameters is off: the services validate them again.
CONFIG = Config(
    connect_timeout=0.5,
    read_timeout=2,
    retries={"mode": "standard", "total_max_attempts": 1},
    parameter_validation=False,
    tcp_keepalive=True,
)


def eventbridge_client() -> "EventBridgeClient":
    """A client of EventBridge."""
    return boto3.client("events", config=CONFIG)


def sqs_client() -> "SQSClient":
    """A client of SQS."""
    return boto3.client("sqs", config=CONFIG)
