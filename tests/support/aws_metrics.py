"""The metrics of AWS's services that alarms and the dashboard use, by the dimensions they have.

Each is written down from AWS's own page, seen on 2026-11-30: HTTP APIs
(docs.aws.amazon.com/apigateway/latest/developerguide/http-api-metrics.html), Lambda
(…/lambda/latest/dg/monitoring-metrics-types.html), DynamoDB
(…/amazondynamodb/latest/developerguide/metrics-dimensions.html), SQS
(…/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html) and
CloudWatch Logs (…/AmazonCloudWatch/latest/logs/CloudWatch-Logs-Monitoring-CloudWatch-Metrics.html).
"""

from collections.abc import Iterable, Mapping

Dimensions = frozenset[str]

OF_A_TABLE = frozenset({"TableName"})
OF_AN_INDEX = frozenset({"TableName", "GlobalSecondaryIndexName"})
OF_AN_OPERATION = frozenset({"TableName", "Operation"})


def named(names: Iterable[str], *dimensions: Dimensions) -> dict[str, tuple[Dimensions, ...]]:
    """Metrics that all have these sets of dimensions."""
    return dict.fromkeys(names, dimensions)


AWS_METRICS: Mapping[str, Mapping[str, tuple[Dimensions, ...]]] = {
    "AWS/ApiGateway": named(
        ("4xx", "5xx", "Count", "DataProcessed", "IntegrationLatency", "Latency"),
        frozenset({"ApiId"}),
    ),
    "AWS/DynamoDB": named(
        (
            "ConsumedReadCapacityUnits",
            "ConsumedWriteCapacityUnits",
            "ReadThrottleEvents",
            "WriteThrottleEvents",
        ),
        OF_A_TABLE,
        OF_AN_INDEX,
    )
    | named(("ConditionalCheckFailedRequests", "TimeToLiveDeletedItemCount"), OF_A_TABLE)
    | named(("SuccessfulRequestLatency",), OF_AN_OPERATION),
    "AWS/Lambda": named(
        (
            "ConcurrentExecutions",
            "DestinationDeliveryFailures",
            "Duration",
            "Errors",
            "Invocations",
            "IteratorAge",
            "Throttles",
        ),
        frozenset({"FunctionName"}),
    )
    | named(
        ("FailedInvokeEventCount", "InvokedEventCount", "PolledEventCount"),
        frozenset({"EventSourceMappingUUID"}),
    ),
    "AWS/Logs": named(("IncomingBytes",), frozenset({"LogGroupName"})),
    "AWS/SQS": named(
        (
            "ApproximateNumberOfMessagesDelayed",
            "ApproximateNumberOfMessagesVisible",
            "NumberOfMessagesSent",
        ),
        frozenset({"QueueName"}),
    ),
}
