"""Alarms, dashboard and saved queries: held to what the code emits and to what AWS documents."""

from collections.abc import Iterator

import boto3
import pytest

from api.error_responses import ERRORS, INTERNAL_ERROR
from publishing.failures import BUG, FAILURES
from runtime.observability import NAMESPACE
from storage.table import SessionsTable
from tests.support.alarms import MAX_METRICS, Alarm, Metric, alarms_of
from tests.support.aws_metrics import AWS_METRICS
from tests.support.dashboards import (
    Query,
    Search,
    metrics_on_dashboard,
    queries_of,
    widgets,
)
from tests.support.deployed_template import STACK as STACK_NAME
from tests.support.deployed_template import Deployment
from tests.support.emitted_lines import Line, Lines, counted, every_line
from tests.support.queues import create_queue

STACK = Deployment()
ALARMS = alarms_of(STACK)
DASHBOARD = list(metrics_on_dashboard(STACK))
QUERIES = {query.name: query for query in queries_of(STACK)}
TOPIC = "arn:aws:sns:eu-west-1:123456789012:alarms"
PARAMETERS = [name for name in STACK.parameter_definitions if name.startswith("Alarm")]
OF_CLOUDWATCH = {"@timestamp", "@message", "@log"}
"""Fields that Logs Insights has of every line."""

OPEN = {"session_id", "correlation_id"}
"""Fields whose values nobody can list."""

ENDS_OF_SESSIONS = {"SESSION_EXPIRED", "SESSION_RENEWAL_FAILED"}
"""The refusals that a session has at its end, whoever keeps it."""

NOT_MISSING_WHEN_IDLE = {"ExpiryStoppedAlarm"}
"""The alarms for which no data is a fault: Lambda counts polls that find nothing as 0."""


@pytest.fixture(scope="module")
def lines(table_on_moto: SessionsTable) -> Lines:
    """What the functions wrote in the calls of this suite, over all their outcomes."""
    return every_line(table_on_moto, create_queue(boto3.client("sqs"), "dead-letters"))


@pytest.fixture(scope="module")
def emitted(lines: Lines) -> set[Metric]:
    """The metrics in them."""
    return set(counted(line for written in lines.values() for line in written))


def own(metrics: Iterator[Metric | Search] | list[Metric | Search]) -> list[Metric | Search]:
    """Those that the code emits."""
    return [each for each in metrics if each.namespace == NAMESPACE]


def matches(shown: Metric | Search, metric: Metric) -> bool:
    """Whether a row of the dashboard shows the metric."""
    if isinstance(shown, Metric):
        return shown == metric
    return (
        (shown.namespace, shown.name) == (metric.namespace, metric.name)
        and shown.dimension_names == metric.dimension_names
        and shown.dimension in metric.dimensions
    )


# What the code emits


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_reads_metrics_that_the_code_emits(emitted: set[Metric], name: str) -> None:
    watched = {each for each in ALARMS[name].metrics.values() if each.namespace == NAMESPACE}
    assert watched <= emitted


def test_the_dashboard_shows_metrics_that_the_code_emits(emitted: set[Metric]) -> None:
    shown = own(DASHBOARD)
    assert len(shown) > 10
    assert not [each for each in shown if not any(matches(each, metric) for metric in emitted)]


def test_the_dashboard_shows_every_metric_that_the_code_emits(emitted: set[Metric]) -> None:
    shown = own(DASHBOARD)
    assert not [metric for metric in emitted if not any(matches(each, metric) for each in shown)]


def test_a_metric_tells_the_stack_by_its_service(emitted: set[Metric]) -> None:
    assert {dict(metric.dimensions)["service"] for metric in emitted} == {STACK_NAME}
    for function in STACK.functions():
        assert STACK.environment(function)["POWERTOOLS_SERVICE_NAME"] == STACK_NAME


def test_another_stack_has_metrics_of_its_own() -> None:
    other = Deployment(stack="another")
    watched = {
        dict(metric.dimensions)["service"]
        for alarm in alarms_of(other).values()
        for metric in alarm.metrics.values()
        if metric.namespace == NAMESPACE
    }
    assert watched == {other.environment("RenewFunction")["POWERTOOLS_SERVICE_NAME"]}


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_reads_fields_that_its_functions_log(lines: Lines, name: str) -> None:
    logged = {field for line in lines_of(QUERIES[name], lines) for field in line}
    assert QUERIES[name].fields <= logged | OF_CLOUDWATCH


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_asks_for_values_that_its_functions_log(lines: Lines, name: str) -> None:
    logged = [line.items() for line in lines_of(QUERIES[name], lines)]
    for field, value in QUERIES[name].literals:
        if field not in OPEN | OF_CLOUDWATCH:
            assert any((field, value) in line for line in logged)


def lines_of(query: Query, lines: Lines) -> list[Line]:
    """The lines in the log groups of the query."""
    groups = {STACK.properties(name)["LoggingConfig"]["LogGroup"]: name for name in lines}
    return [line for group in query.log_groups for line in lines[groups[group]]]


# What AWS documents


def test_metrics_of_aws_have_the_names_and_dimensions_that_it_documents() -> None:
    for each in [*DASHBOARD, *watched_metrics()]:
        if each.namespace != NAMESPACE:
            assert each.dimension_names in AWS_METRICS[each.namespace][each.name], each


def test_metrics_of_aws_are_those_of_the_stacks_resources() -> None:
    table = STACK.properties("SessionsTable")
    resources = {
        "ApiId": {STACK.value("SessionsApi")},
        "EventSourceMappingUUID": {
            STACK.value(name) for name in STACK.of_type("AWS::Lambda::EventSourceMapping")
        },
        "FunctionName": {STACK.value(name) for name in STACK.functions()},
        "GlobalSecondaryIndexName": {each["IndexName"] for each in table["GlobalSecondaryIndexes"]},
        "LogGroupName": {STACK.value(name) for name in STACK.of_type("AWS::Logs::LogGroup")},
        "QueueName": {STACK.value(name, "QueueName") for name in STACK.of_type("AWS::SQS::Queue")},
        "TableName": {STACK.value("SessionsTable")},
    }
    for each in [*DASHBOARD, *watched_metrics()]:
        if each.namespace != NAMESPACE:
            stated = [each.dimension] if isinstance(each, Search) else each.dimensions
            assert all(value in resources[name] for name, value in stated), each


def watched_metrics() -> list[Metric]:
    """The metrics of all alarms."""
    return [metric for alarm in ALARMS.values() for metric in alarm.metrics.values()]


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_reads_no_more_metrics_than_cloudwatch_takes(name: str) -> None:
    assert 1 <= len(ALARMS[name].metrics) <= MAX_METRICS


def test_an_alarm_on_metrics_of_dynamodb_has_another_to_come_back_by() -> None:
    """CloudWatch keeps its state while all metrics are missing, whatever TreatMissingData says."""
    for alarm in ALARMS.values():
        namespaces = {metric.namespace for metric in alarm.metrics.values()}
        assert namespaces != {"AWS/DynamoDB"}, alarm.name


# Whom it tells


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_tells_the_topic_when_it_goes_off_and_when_it_is_over(name: str) -> None:
    alarm = Deployment({"AlarmTopicArn": TOPIC}).properties(name)
    assert alarm["AlarmActions"] == alarm["OKActions"] == [TOPIC]


@pytest.mark.parametrize("name", ALARMS)
def test_without_a_topic_an_alarm_tells_nobody(name: str) -> None:
    assert not {"AlarmActions", "OKActions"} & STACK.properties(name).keys()


def test_the_dashboard_shows_every_alarm() -> None:
    (widget,) = widgets(STACK, "alarm")
    assert set(widget["alarms"]) == {STACK.value(name, "Arn") for name in ALARMS}


# When it goes off


def values(alarm: Alarm, **by_id: float) -> dict[Metric, float]:
    """Values of the alarm's metrics, by their IDs; what is not given has no data."""
    return {alarm.metrics[name]: value for name, value in by_id.items()}


@pytest.mark.parametrize("name", ALARMS)
def test_a_stack_without_traffic_sets_off_no_alarm(name: str) -> None:
    assert ALARMS[name].is_off({}) is (name in NOT_MISSING_WHEN_IDLE)


def test_a_stream_that_is_polled_sets_off_no_alarm() -> None:
    alarm = ALARMS["ExpiryStoppedAlarm"]
    (polls,) = alarm.metrics.values()
    assert alarm.properties["Statistic"] == "SampleCount"
    assert not alarm.is_off({polls: 5})


@pytest.mark.parametrize(
    ("requests", "errors", "is_off"),
    [(99, 99, False), (100, 1, False), (100, 2, True), (10_000, 100, False), (10_000, 101, True)],
)
def test_the_alarm_on_errors_asks_for_a_share_of_some_traffic(
    requests: int, errors: int, is_off: bool
) -> None:
    alarm = ALARMS["ApiErrorsAlarm"]
    assert alarm.is_off(values(alarm, requests=requests, errors=errors)) is is_off


@pytest.mark.parametrize(
    ("requests", "latency", "is_off"), [(99, 9000, False), (100, 1000, False), (100, 1001, True)]
)
def test_the_alarm_on_latency_asks_for_some_traffic(
    requests: int, latency: int, is_off: bool
) -> None:
    alarm = ALARMS["ApiLatencyAlarm"]
    assert alarm.is_off(values(alarm, requests=requests, latency=latency)) is is_off


@pytest.mark.parametrize(
    ("counts", "is_off"),
    [
        ({"refused": 21}, True),
        ({"refused": 20}, False),
        ({"refused": 90, "expired": 40, "finished": 30}, False),
        ({"refused": 91, "expired": 40, "finished": 30}, True),
    ],
)
def test_the_alarm_on_refusals_leaves_out_the_ends_of_sessions(
    counts: dict[str, int], is_off: bool
) -> None:
    alarm = ALARMS["ApiRefusalsAlarm"]
    assert alarm.is_off(values(alarm, requests=100, **counts)) is is_off


def test_the_alarm_on_refusals_leaves_out_nothing_else() -> None:
    left_out = {
        dict(metric.dimensions)["reason"]
        for metric in ALARMS["ApiRefusalsAlarm"].metrics.values()
        if metric.namespace == NAMESPACE
    }
    assert left_out == ENDS_OF_SESSIONS


@pytest.mark.parametrize("throttled", ["reads", "writes", "reads_by_user", "writes_by_agent"])
def test_the_alarm_on_throttles_sees_table_and_indexes_and_comes_back(throttled: str) -> None:
    alarm = ALARMS["TableThrottlesAlarm"]
    assert alarm.is_off(values(alarm, requests=1000, **{throttled: 1}))
    assert not alarm.is_off(values(alarm, requests=1000))


@pytest.mark.parametrize(("lateness", "is_off"), [(60_000, False), (60_001, True)])
def test_the_alarm_on_lateness_has_its_threshold_in_seconds(lateness: int, is_off: bool) -> None:
    alarm = ALARMS["TimerLatenessAlarm"]
    assert alarm.is_off(values(alarm, lateness=lateness)) is is_off


def test_the_alarm_on_lateness_is_not_for_a_single_straggler() -> None:
    alarm = ALARMS["TimerLatenessAlarm"].properties
    (stat,) = (each["MetricStat"]["Stat"] for each in alarm["Metrics"] if "MetricStat" in each)
    assert (stat, alarm["DatapointsToAlarm"], alarm["EvaluationPeriods"]) == ("p99", 2, 3)


@pytest.mark.parametrize(
    ("counts", "is_off"),
    [
        ({"due": 1}, True),
        ({"due": 1, "handled": 0}, True),
        ({"due": 1000, "handled": 1}, False),
        ({"due": 0}, False),
        ({"handled": 1}, False),
    ],
)
def test_the_alarm_on_stopped_timers_wants_something_due_and_no_call(
    counts: dict[str, int], is_off: bool
) -> None:
    alarm = ALARMS["TimerStoppedAlarm"]
    assert alarm.is_off(values(alarm, **counts)) is is_off


@pytest.mark.parametrize("parameter", PARAMETERS)
def test_a_parameter_of_the_alarms_reaches_one_and_no_function(parameter: str) -> None:
    changed = Deployment({parameter: TOPIC if parameter.endswith("Arn") else "77"})
    assert alarms_of(changed) != ALARMS
    for function in STACK.functions():
        assert changed.properties(function) == STACK.properties(function)


# The reasons, in code and in alarms


def test_each_alarm_on_a_failure_reads_all_its_reasons() -> None:
    """One of another reason would go unnoticed."""
    rows = [*ERRORS.values(), INTERNAL_ERROR]
    failures = {(row.metric, row.code) for row in rows if row.metric != "Refusals"}
    watched = {
        (metric.name, dict(metric.dimensions).get("reason", ""))
        for metric in watched_metrics()
        if metric.namespace == NAMESPACE
    }
    assert failures <= watched


def test_every_reason_of_refusals_is_emitted(emitted: set[Metric]) -> None:
    codes = {row.code for row in ERRORS.values() if row.metric == "Refusals"}
    assert reasons_of("Refusals", emitted) == codes


def test_every_reason_of_dead_letters_is_emitted(emitted: set[Metric]) -> None:
    reasons = {failure.reason for failure in [*FAILURES.values(), BUG]}
    assert reasons == reasons_of("DeadLetters", emitted)


def test_every_reason_of_retried_batches_is_emitted(emitted: set[Metric]) -> None:
    assert reasons_of("BatchRetries", emitted) == {"DynamoDB", "EventBridge", "SQS", "Lambda"}


def reasons_of(name: str, emitted: set[Metric]) -> set[str]:
    """The reasons by which the metric is emitted."""
    return {dict(each.dimensions)["reason"] for each in emitted if each.name == name}
