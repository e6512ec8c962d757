"""What a million calls cost, part by part."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from api.responses import MAX_REQUEST_SECONDS
from pricing.deployment import Deployment
from pricing.log_lines import access_log_line, gateway_headers, platform_log_bytes
from pricing.price_list import PriceList
from pricing.units import CallUnits

MILLION = 1_000_000
BYTES_PER_GB = 1_000_000_000
"""Where AWS means 1,073,741,824 bytes, the price comes out up to 7% too high."""

GATEWAY_REQUEST_BYTES = 512 * 1024
"""An HTTP API bills a request as one for each 512 KB of data."""

DAYS_PER_MONTH = 30
MB_PER_GB = 1024
MB_OF_A_VCPU = 1769
"""AWS's page "Configure Lambda function memory": with so much memory, a function has one vCPU."""

DYNAMODB_MS = 5
"""An assumption: AWS says "single-digit millisecond performance". EventBridge and SQS are taken as
alike."""

TRANSFER = "transfer out"
PARTS = (
    "gateway",
    "Lambda requests",
    "Lambda duration",
    "DynamoDB writes",
    "DynamoDB reads",
    "EventBridge",
    "SQS",
    "function log",
    "Lambda log",
    "access log",
    TRANSFER,
)
"""The total is all of them but the transfer out, which depends on where the clients are."""

Parts = Mapping[str, float]


@dataclass(frozen=True)
class Usage:
    """What AWS bills for a number of calls of one kind, in the units of the price list."""

    gateway_requests: float = 0
    lambda_requests: float = 0
    gb_seconds: float = 0
    write_units: float = 0
    read_units: float = 0
    event_chunks: float = 0
    queue_requests: float = 0
    function_log_gb: float = 0
    platform_log_gb: float = 0
    access_log_gb: float = 0
    transferred_gb: float = 0

    def __add__(self, other: "Usage") -> "Usage":
        """Both together."""
        amounts = zip(vars(self).values(), vars(other).values(), strict=True)
        return Usage(*map(sum, amounts))


def usage_of(call: CallUnits, deployment: Deployment, times: float = MILLION) -> Usage:
    """What so many calls use, or expiries."""
    invocations = times / call.times
    gigabytes = invocations / BYTES_PER_GB
    level = deployment.system_log_levels[call.function]
    through_gateway = invocations if call.by_gateway else 0
    payload_bytes = max(call.event_bytes, transferred_bytes(call))
    line_bytes = len(access_log_line(deployment.access_log_format).encode())
    return Usage(
        gateway_requests=through_gateway * math.ceil(payload_bytes / GATEWAY_REQUEST_BYTES),
        lambda_requests=invocations,
        gb_seconds=invocations * gb_seconds(longest_ms(call, deployment), deployment),
        write_units=invocations * call.write_units,
        read_units=invocations * call.read_units,
        event_chunks=invocations * call.event_chunks,
        queue_requests=invocations * call.queue_requests,
        function_log_gb=gigabytes * call.function_log_bytes,
        platform_log_gb=gigabytes * platform_log_bytes(level),
        access_log_gb=through_gateway / BYTES_PER_GB * line_bytes * deployment.access_log,
        transferred_gb=through_gateway / BYTES_PER_GB * transferred_bytes(call),
    )


def cost_of(usage: Usage, prices: PriceList, deployment: Deployment) -> Parts:
    """What it costs in one month, by part."""
    logged_gb = usage.function_log_gb + usage.platform_log_gb + usage.access_log_gb
    a_gigabyte = log_price(logged_gb, prices, deployment) / logged_gb if logged_gb else 0
    return {
        "gateway": prices.usd("gatewayRequest", usage.gateway_requests),
        "Lambda requests": prices.usd("lambdaRequest", usage.lambda_requests),
        "Lambda duration": prices.usd(duration_price(deployment), usage.gb_seconds),
        "DynamoDB writes": prices.usd("dynamodbWriteUnit", usage.write_units),
        "DynamoDB reads": prices.usd("dynamodbReadUnit", usage.read_units),
        "EventBridge": prices.usd("eventChunk", usage.event_chunks),
        "SQS": prices.usd("queueRequest", usage.queue_requests),
        "function log": a_gigabyte * usage.function_log_gb,
        "Lambda log": a_gigabyte * usage.platform_log_gb,
        "access log": a_gigabyte * usage.access_log_gb,
        TRANSFER: prices.usd("transferredGb", usage.transferred_gb),
    }


def log_price(gigabytes: float, prices: PriceList, deployment: Deployment) -> float:
    """What the logs of a month cost: to ingest, and to store for as long as they are kept."""
    stored_months = gigabytes * deployment.log_retention_days / DAYS_PER_MONTH
    return prices.usd("logsIngestedGb", gigabytes) + prices.usd("logsStoredGbMonth", stored_months)


def price_of_a_million(call: CallUnits, prices: PriceList, deployment: Deployment) -> Parts:
    """What a million calls cost, by part."""
    return cost_of(usage_of(call, deployment), prices, deployment)


def total_of(parts: Parts) -> float:
    """All parts but the transfer out."""
    return sum(cost for part, cost in parts.items() if part != TRANSFER)


def duration_price(deployment: Deployment) -> str:
    """The name of the price of a GB-second."""
    return {"arm64": "lambdaGbSecondArm64", "x86_64": "lambdaGbSecondX86"}[deployment.architecture]


def longest_ms(call: CallUnits, deployment: Deployment) -> int:
    """The billed duration if the CPU is never faster than the function's share of it.

    A request of the API ends in time, whatever it has to do.
    """
    share = deployment.memory_mb / MB_OF_A_VCPU
    milliseconds = math.ceil(call.cpu_ms / share + waiting_ms(call))
    return min(milliseconds, 1000 * MAX_REQUEST_SECONDS) if call.by_gateway else milliseconds


def shortest_ms(call: CallUnits) -> int:
    """The billed duration if the CPU is as fast as where it was measured."""
    return math.ceil(call.cpu_ms + waiting_ms(call))


def waiting_ms(call: CallUnits) -> float:
    """How long the function waits for replies."""
    return DYNAMODB_MS * sum(call.requests.values())


def gb_seconds(milliseconds: float, deployment: Deployment) -> float:
    """The GB-seconds of one invocation."""
    return deployment.memory_mb / MB_PER_GB * milliseconds / 1000


def transferred_bytes(call: CallUnits) -> int:
    """The response with what the gateway adds to it."""
    return call.response_bytes + len(gateway_headers())
