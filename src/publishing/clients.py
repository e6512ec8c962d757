"""The clients of EventBridge and SQS."""

from typing import TYPE_CHECKING, cast

from botocore.session import get_session

from runtime.client_config import client_config

if TYPE_CHECKING:
    from types_boto3_events import EventBridgeClient
    from types_boto3_sqs import SQSClient

ATTEMPT_SECONDS = 5.0
"""The most that a request takes as a whole, with the name's lookup and a reply in many packets."""

CONFIG = client_config(connect_timeout_seconds=0.5, read_timeout_seconds=2)


def eventbridge_client() -> "EventBridgeClient":
    """A client of EventBridge."""
    return cast("EventBridgeClient", get_session().create_client("events", config=CONFIG))


def sqs_client() -> "SQSClient":
    """A client of SQS."""
    return cast("SQSClient", get_session().create_client("sqs", config=CONFIG))
