"""What a fault of the table says of itself, as the log's traceback shows it."""

import traceback
from typing import Any

import pytest

from storage.faults import ConditionFailed, TransactionCancelled

ITEM = {"sessionId": {"S": "a-secret-id"}, "metadata": {"S": '{"a":"secret"}'}}
CANCELLED: list[dict[str, Any]] = [
    {"Code": "ValidationError", "Message": "a secret", "Item": ITEM},
    {"Code": "None"},
]


@pytest.mark.parametrize("fault", [ConditionFailed(ITEM), TransactionCancelled(CANCELLED)])
def test_a_fault_shows_nothing_of_what_is_stored(fault: Exception) -> None:
    assert "secret" not in "".join(traceback.format_exception(fault))


def test_a_cancelled_transaction_names_the_reason_of_each_part() -> None:
    assert str(TransactionCancelled(CANCELLED)) == "ValidationError, None"
