"""What can be wrong with the table or with an item in it. Each type carries the facts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from runtime.retries import Unavailable
from storage.attribute_values import Item

TEMPORARY_REASONS = {"ProvisionedThroughputExceeded", "ThrottlingError", "TransactionConflict"}


@dataclass(eq=False)
class StorageUnavailable(Unavailable):
    """DynamoDB throttled, timed out or failed, even after retries, or the session kept changing.

    ``reason`` says which, for the log. A write may have been applied all the same; sending it again
    with the same ID is safe.
    """

    reason: str
    retry_after_seconds: float = field(default=0, kw_only=True)


@dataclass(eq=False)
class ConditionFailed(Exception):
    """The condition of a write does not hold. ``item`` is what is stored, if the write asked."""

    item: Item | None

    def __str__(self) -> str:
        return "the condition does not hold"  # and no value of the item


@dataclass(eq=False)
class TransactionCancelled(Exception):
    """A transaction wrote nothing. ``reasons`` are DynamoDB's, in the order of its parts."""

    reasons: Sequence[Mapping[str, Any]]

    @property
    def may_pass(self) -> bool:
        """Whether the same transaction may succeed when it is tried again."""
        return any(reason["Code"] in TEMPORARY_REASONS for reason in self.reasons)

    def __str__(self) -> str:
        return ", ".join(reason["Code"] for reason in self.reasons)


@dataclass(eq=False)
class InvalidItem(Exception):
    """An item of the table is not a session. ``defect`` says why and contains no value of it."""

    session_id: str
    defect: str
