"""What can be wrong with the table or with an item in it. Each type carries the facts."""

from dataclasses import dataclass


@dataclass(eq=False)
class StorageUnavailable(Exception):
    """DynamoDB throttled, timed out or failed, even after retries, or the session kept changing.

    ``reason`` says which, for the log. A write may have been applied all the same; sending it again
    with the same ID is safe.
    """

    reason: str


@dataclass(eq=False)
class InvalidItem(Exception):
    """An item of the table is not a session. ``defect`` says why and contains no value of it."""

    session_id: str
    defect: str
