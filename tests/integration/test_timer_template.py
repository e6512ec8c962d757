"""The timers in the template: the queue that they wait in, and what turns them on and off."""

from typing import Any

import pytest

from publishing.timer_handler import FINISH_SECONDS, PUBLISH_SECONDS
from publishing.timer_messages import MAX_DELAY_SECONDS, VISIBILITY_SECONDS
from tests.support.deployed_template import Deployment

SQS_MAX_RETENTION_SECONDS = 14 * 24 * 3600
LAMBDAS_RECOMMENDED_TIMEOUTS = 6
"""Of the function, before SQS delivers again: AWS, "Creating and configuring an Amazon SQS event
source mapping" (docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html)."""

HOURS_OF_RETRIES = 6

STACK, OFF = Deployment(), Deployment({"Timers": "off"})
QUEUE, DEAD_LETTERS = STACK.properties("TimerQueue"), STACK.properties("TimerDeadLetters")
MAPPING = STACK.properties("TimerMessages")


def test_the_queue_calls_the_published_version_with_its_messages() -> None:
    assert MAPPING["EventSourceArn"] == STACK.value("TimerQueue", "Arn")
    assert MAPPING["FunctionName"] == STACK.value("TimerFunctionAliaslive")
    assert MAPPING["FunctionResponseTypes"] == ["ReportBatchItemFailures"]  # what the code returns


def test_a_message_is_not_kept_waiting_for_others() -> None:
    assert MAPPING.get("MaximumBatchingWindowInSeconds", 0) == 0


def test_a_message_is_hidden_until_its_function_has_surely_ended() -> None:
    function_seconds = STACK.properties("TimerFunction")["Timeout"]
    assert QUEUE["VisibilityTimeout"] >= LAMBDAS_RECOMMENDED_TIMEOUTS * function_seconds


def test_a_later_delivery_is_dated_by_the_time_that_messages_are_hidden() -> None:
    assert QUEUE["VisibilityTimeout"] == VISIBILITY_SECONDS


def test_a_batch_has_time_to_begin_and_to_end() -> None:
    assert STACK.properties("TimerFunction")["Timeout"] > PUBLISH_SECONDS + FINISH_SECONDS + 1


def test_a_message_is_tried_for_six_hours_before_it_is_a_dead_letter() -> None:
    redrive = QUEUE["RedrivePolicy"]
    assert redrive["maxReceiveCount"] * QUEUE["VisibilityTimeout"] == HOURS_OF_RETRIES * 3600
    assert redrive["deadLetterTargetArn"] == STACK.value("TimerDeadLetters", "Arn")


def test_a_message_outlives_its_delay_and_its_retries_by_days() -> None:
    used_seconds = MAX_DELAY_SECONDS + HOURS_OF_RETRIES * 3600
    assert QUEUE["MessageRetentionPeriod"] > used_seconds + 3 * 24 * 3600


def test_a_dead_letter_is_kept_for_as_long_as_sqs_can() -> None:
    """Its age counts from when the message was first sent."""
    assert DEAD_LETTERS["MessageRetentionPeriod"] == SQS_MAX_RETENTION_SECONDS


def test_turned_off_the_queue_calls_nothing() -> None:
    assert (MAPPING["Enabled"], OFF.properties("TimerMessages")["Enabled"]) == (True, False)


@pytest.mark.parametrize("changes", [{"Timers": "off"}, {"TimerConcurrency": "100"}])
def test_a_switch_of_the_timers_changes_no_function(changes: dict[str, str]) -> None:
    changed = Deployment(changes)
    for kind in ("AWS::Lambda::Function", "AWS::Lambda::Version", "AWS::IAM::Role"):
        assert changed.of_type(kind) == STACK.of_type(kind)


@pytest.mark.parametrize("most", ["2", "1000"])
def test_the_mapping_makes_no_more_calls_at_once_than_it_is_told(most: str) -> None:
    mapping = Deployment({"TimerConcurrency": most}).properties("TimerMessages")
    assert mapping["ScalingConfig"] == {"MaximumConcurrency": most}


def test_only_the_alarms_of_the_timers_are_silent_without_timers() -> None:
    silent = {
        name
        for name, alarm in OFF.of_type("AWS::CloudWatch::Alarm").items()
        if not alarm.get("ActionsEnabled", True)
    }
    assert silent == {name for name in alarms() if name.startswith("Timer")}
    assert all(alarm.get("ActionsEnabled", True) for alarm in alarms().values())


def alarms() -> dict[str, dict[str, Any]]:
    return STACK.of_type("AWS::CloudWatch::Alarm")


def test_the_outputs_lead_to_function_and_queues() -> None:
    assert STACK.outputs["TimerFunctionName"] == STACK.value("TimerFunction")
    assert STACK.outputs["TimerQueueUrl"] == STACK.value("TimerQueue")
    assert STACK.outputs["TimerDeadLettersUrl"] == STACK.value("TimerDeadLetters")
