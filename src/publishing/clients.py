"""Clients that fail soon, and leave retries to their callers."""

from typing import TYPE_CHECKING, cast

from botocore.config import Config
from botocore.session import get_session

if TYPE_CHECKING:
    from types_boto3_events import EventBridgeClient
    from types_boto3_sqs import SQSClient

ATTEMPT_SECONDS = 5.0
"""The most that a request takes as a whole, with the name's lookup and a reply in many packets."""

# Region, credentials and endpoints come from the environment, as botocore reads it. Its validation
# of parameters is off: the services validate them again.
CONFIG = Config(
    connect_timeout=0.5,
    read_timeout=2,
    retries={"mode": "standard", "total_max_attempts": 1},
    parameter_validation=False,
    tcp_keepalive=True,
)


def eventbridge_client() -> "EventBridgeClient":
    """A client of EventBridge."""
    return cast("EventBridgeClient", get_session().create_client("events", config=CONFIG))


def sqs_client() -> "SQSClient":
    """A client of SQS."""
    return cast("SQSClient", get_session().create_client("sqs", config=CONFIG))
