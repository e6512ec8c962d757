"""What can be wrong with the table or with an item in it. Each type carries the facts."""

from dataclasses import dataclass, field

from runtime.retries import Unavailable


@dataclass(eq=False)
class StorageUnavailable(Unavailable):
    """DynamoDB throttled, timed out or failed, even after retries, or the session kept changing.

    ``reason`` says which, for the log. A write may have been applied all the same; sending it again
    with the same ID is safe.
    """

    reason: str
    retry_after_seconds: float = field(default=0, kw_only=True)


@dataclass(eq=False)
class InvalidItem(Exception):
    """An item of the table is not a session. ``defect`` says why and contains no value of it."""

    session_id: str
    defect: str
