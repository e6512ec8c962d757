"""What can go wrong with the table, as errors that carry facts."""

from dataclasses import dataclass


@dataclass(eq=False)
class StorageUnavailable(Exception):
    """The write could not be made: DynamoDB throttled, timed out or failed, retries included.

    Or the session changed under every try. ``reason`` says which, for the log. A write may have
    been applied all the same: the same renewal ID makes it safe to retry.
    """

    reason: str


@dataclass(eq=False)
class InvalidItem(Exception):
    """An item of the table is not a session. ``defect`` names it, and holds no value of it."""

    session_id: str
    defect: str


@dataclass(eq=False)
class InvalidRecord(Exception):
    """A record of the stream does not tell of an expiry. ``defect`` says why, without a value."""

    defect: str
