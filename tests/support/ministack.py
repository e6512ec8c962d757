"""MiniStack, started with what this project needs of it more: run it with its own interpreter.

Its CloudFormation (1.5.33) refuses an alarm on metric math and the saved queries, and with them the
whole stack. Here, such an alarm is made with its actions and without its metrics, and nothing is
made of a query. Where a mapping's concurrency is a parameter, it keeps a text, and then it reads no
queue at all.

Its IAM asks for ``sqs:SendMessageBatch``, which AWS does not have: ``sqs:SendMessage`` is enough
("Amazon SQS batch actions"). Here, it is.
"""

from typing import Any

from ministack.app import main
from ministack.core import iam_actions
from ministack.services.cloudformation import provisioners

BATCH = "Batch"

iam_action = iam_actions.extract_iam_action
alarm_record = provisioners._cw_metric_alarm_record
mapping = provisioners._RESOURCE_HANDLERS["AWS::Lambda::EventSourceMapping"]
create_mapping, update_mapping = mapping["create"], mapping["update"]


def iam_action_of_batches(service: str, *request: Any) -> str | None:
    """The action that a request needs; of a batch, that of its entries."""
    action: str | None = iam_action(service, *request)
    return action.removesuffix(BATCH) if action and service == "sqs" else action


def alarm_record_without_math(name: str, properties: dict[str, Any]) -> dict[str, Any]:
    """The alarm's record; metric math becomes a metric that nobody emits."""
    if "Metrics" in properties:
        properties = {**properties, "Namespace": "Metrics", "MetricName": "Math"}
        del properties["Metrics"]
    record: dict[str, Any] = alarm_record(name, properties)
    return record


def with_numbers(properties: dict[str, Any]) -> dict[str, Any]:
    """The properties of a mapping, with a number for its concurrency."""
    scaling = properties.get("ScalingConfig", {})
    return {**properties, "ScalingConfig": {name: int(value) for name, value in scaling.items()}}


def create_mapping_with_numbers(logical_id: str, properties: Any, *rest: Any) -> Any:
    """The mapping's ID and attributes."""
    return create_mapping(logical_id, with_numbers(properties), *rest)


def update_mapping_with_numbers(physical_id: str, old: Any, new: Any, *rest: Any) -> Any:
    """The same."""
    return update_mapping(physical_id, with_numbers(old), with_numbers(new), *rest)


def create_query(logical_id: str, _: Any, stack_name: str) -> tuple[str, dict[str, str]]:
    """The ID of a saved query that is not there."""
    return f"{stack_name}-{logical_id}", {}


def update_query(physical_id: str, *_: Any) -> tuple[str, dict[str, str]]:
    """The same."""
    return physical_id, {}


def delete_query(*_: Any) -> None:
    """Nothing is there."""


iam_actions.extract_iam_action = iam_action_of_batches
mapping["create"] = create_mapping_with_numbers
mapping["update"] = update_mapping_with_numbers
provisioners._cw_metric_alarm_record = alarm_record_without_math
provisioners._RESOURCE_HANDLERS["AWS::Logs::QueryDefinition"] = {
    "create": create_query,
    "update": update_query,
    "delete": delete_query,
}

if __name__ == "__main__":
    main()
