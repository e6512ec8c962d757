"""What can go wrong with the table, as errors that carry facts."""

from dataclasses import dataclass


@dataclass(eq=False)
class StorageUnavailable(Exception):
    """DynamoDB throttled, timed out or failed, after the SDK's retries.

    ``reason`` is the SDK's account of it, for the log. A write may have been applied all the
    same: the same renewal ID makes it safe to retry.
    """

    reason: str


@dataclass(eq=False)
class InvalidItem(Exception):
    """An item of the table is not a session. ``defect`` names it, and holds no value of it."""

    session_id: str
    defect: str
