"""How consumed units, sizes and metrics are read, by examples."""

import json
from typing import Any

import pytest

from pricing.item_size import index_bytes, item_bytes, value_bytes
from pricing.markdown import dollars
from pricing.metering import Consumed, chunks_of, log_bytes, metrics_of, total_units

REFUSED = {"Error": {"Code": "ConditionalCheckFailedException"}}
CANCELLED = {"Error": {"Code": "TransactionCanceledException"}}
CAPACITY = {
    "Table": {"CapacityUnits": 2.0},
    "GlobalSecondaryIndexes": {"byUser": {"CapacityUnits": 1.0}, "byAgent": {"CapacityUnits": 0.5}},
}


def consumed(operation: str, reply: Any, **parameters: Any) -> Consumed:
    """What one request consumed."""
    total = Consumed()
    total.add_reply(operation, parameters, reply)
    return total


def test_units_are_those_of_the_table_and_its_indexes() -> None:
    assert total_units(CAPACITY) == 3.5


def test_a_write_takes_write_units() -> None:
    assert consumed("PutItem", {"ConsumedCapacity": CAPACITY}).write_units == 3.5


def test_a_read_takes_read_units() -> None:
    assert consumed("Query", {"ConsumedCapacity": CAPACITY}).read_units == 3.5


def test_the_units_of_several_tables_are_added() -> None:
    assert consumed("BatchGetItem", {"ConsumedCapacity": [CAPACITY, CAPACITY]}).read_units == 7


def test_a_refused_condition_takes_a_write_unit() -> None:
    assert consumed("UpdateItem", REFUSED).write_units == 1


@pytest.mark.parametrize(("text_bytes", "units"), [(1022, 1), (1023, 2), (10_238, 10)])
def test_a_refused_condition_takes_the_units_of_the_stored_item(
    text_bytes: int, units: int
) -> None:
    stored = REFUSED | {"Item": {"id": {"S": "x" * text_bytes}}}
    assert consumed("UpdateItem", stored).write_units == units


def test_a_refused_condition_is_counted_as_refused() -> None:
    assert consumed("UpdateItem", REFUSED).refused_writes == 1


@pytest.mark.parametrize(("reported", "units"), [(2.0, 4), (24.0, 24)])
def test_a_transaction_takes_two_units_for_each_item_at_least(reported: float, units: int) -> None:
    reply = {"ConsumedCapacity": [{"Table": {"CapacityUnits": reported}}]}
    counted = consumed("TransactWriteItems", reply, TransactItems=[{}, {}])
    assert counted.write_units == units


def test_a_cancelled_transaction_takes_two_units_for_each_item() -> None:
    assert consumed("TransactWriteItems", CANCELLED, TransactItems=[{}, {}]).write_units == 4


def test_describing_the_table_takes_no_unit() -> None:
    described = consumed("DescribeTable", {})
    assert (described.read_units, described.write_units) == (0, 0)


def test_another_failure_is_not_measured() -> None:
    with pytest.raises(AssertionError, match="ThrottlingException"):
        consumed("PutItem", {"Error": {"Code": "ThrottlingException"}})


@pytest.mark.parametrize(("size", "chunks"), [(1, 1), (65_534, 1), (65_535, 2)])
def test_an_event_is_billed_for_each_chunk_of_64_kb(size: int, chunks: int) -> None:
    assert chunks_of({"Source": "s", "DetailType": "d", "Detail": "x" * size}) == chunks


def test_an_event_of_two_chunks_counts_twice() -> None:
    entry = {"Source": "s", "DetailType": "d", "Detail": "x" * 70_000}
    assert consumed("PutEvents", {}, Entries=[entry, entry]).event_chunks == 4


def test_log_bytes_are_those_of_utf_8_without_line_ends() -> None:
    assert log_bytes(["abc", "é"]) == 5


def test_a_metric_is_known_by_its_dimensions() -> None:
    directive = {"Dimensions": [["service", "reason"]], "Metrics": [{"Name": "Refusals"}]}
    entry = {"_aws": {"CloudWatchMetrics": [directive]}, "service": "s", "reason": "R"}
    assert metrics_of(["{}", json.dumps(entry)]) == ["Refusals reason=R"]


# AWS's page "DynamoDB item sizes and formats".
@pytest.mark.parametrize(
    ("value", "size"),
    [
        ({"S": "é"}, 2),
        ({"N": "1234567"}, 5),
        ({"N": "-1200"}, 2),
        ({"N": "0"}, 1),
        ({"BOOL": True}, 1),
        ({"L": [{"N": "0"}, {"S": "ab"}]}, 3 + 2 + 3),
        ({"M": {"key": {"S": "ab"}}}, 3 + 1 + 3 + 2),
    ],
)
def test_a_value_has_the_size_that_aws_states(value: dict[str, Any], size: int) -> None:
    assert value_bytes(value) == size


def test_an_item_is_its_names_and_values() -> None:
    assert item_bytes({"id": {"S": "abc"}, "n": {"N": "12"}}) == 2 + 3 + 1 + 2


def test_an_index_entry_is_what_is_projected() -> None:
    item = {"id": {"S": "abc"}, "other": {"S": "x" * 500}}
    assert index_bytes(item, frozenset({"id", "missing"})) == 5


@pytest.mark.parametrize(
    ("amount", "shown"),
    [(0, "-"), (0.0626, "0.063"), (1, "1.00"), (999.5, "999.50"), (2190.4, "2,190")],
)
def test_amounts_are_shown_with_the_digits_that_matter(amount: float, shown: str) -> None:
    assert dollars(amount) == shown
