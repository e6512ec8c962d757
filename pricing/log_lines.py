"""The log lines that Lambda and API Gateway write, which cannot be measured here: samples of them.

A sample of Lambda's has the fields of AWS's page "Lambda Telemetry API Event schema reference", and
``functionArn``, which Lambda writes, too. Without active tracing there is no trace in it.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

SYSTEM_LOG_LEVELS = ("DEBUG", "INFO", "WARN")
"""From the most detailed. A function's level keeps the events of that level and of those after."""

REQUEST_ID = "6d68ca91-49c9-448d-89b8-7ca3e6dc66aa"
FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:sessions-RenewFunction-8ZRcE4vLqT1d"

# AWS's table "System log level event mapping", for an invocation that succeeds.
PLATFORM_EVENTS: Mapping[str, str] = {
    "platform.start": "INFO",
    "platform.runtimeDone": "DEBUG",
    "platform.report": "INFO",
}

RECORDS: Mapping[str, Any] = {
    "platform.start": {"requestId": REQUEST_ID, "functionArn": FUNCTION, "version": "12"},
    "platform.runtimeDone": {
        "requestId": REQUEST_ID,
        "status": "success",
        "metrics": {"durationMs": 10.123, "producedBytes": 612},
    },
    "platform.report": {
        "requestId": REQUEST_ID,
        "metrics": {
            "durationMs": 10.123,
            "billedDurationMs": 11,
            "memorySizeMB": 512,
            "maxMemoryUsedMB": 101,
        },
        "status": "success",
    },
}

GATEWAY_SAMPLE: Mapping[str, str] = {
    "requestId": "JKJaXmPLvHcESHA=",
    "requestTime": "30/Nov/2026:12:00:00 +0000",
    "routeKey": "POST /api/messaging/sessions/{sessionId}/renew",
    "status": "200",
    "responseLatency": "17",
    "integrationLatency": "15",
    "responseLength": "465",
    "integrationErrorMessage": "-",
    "error.message": "-",
    "identity.sourceIp": "203.0.113.178",
    "identity.userAgent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "protocol": "HTTP/1.1",
    "httpMethod": "POST",
    "path": "/api/messaging/sessions/c4265c08-5216-45d7-b432-52551ee8b8d2/renew",
}


def platform_line(event_type: str) -> str:
    """A line of Lambda's in the JSON format."""
    line = {
        "time": "2026-11-30T12:00:00.123Z",
        "type": event_type,
        "record": RECORDS[event_type],
    }
    return json.dumps(line, separators=(",", ":"))


def platform_log_bytes(system_log_level: str) -> int:
    """The bytes that Lambda logs of an invocation that succeeds, at this level."""
    at_least = SYSTEM_LOG_LEVELS.index(system_log_level)
    return sum(
        len(platform_line(event_type))
        for event_type, level in PLATFORM_EVENTS.items()
        if SYSTEM_LOG_LEVELS.index(level) >= at_least
    )


def access_log_line(log_format: str) -> str:
    """A line of the gateway's in this format. A variable without a sample is a ``KeyError``."""
    return re.sub(r"\$context\.([\w.]+)", lambda found: GATEWAY_SAMPLE[found[1]], log_format)


def gateway_headers() -> str:
    """What the gateway adds to a response: its first line and headers, as HTTP/1.1 has them."""
    lines = (
        "HTTP/1.1 200 OK",
        "Date: Mon, 30 Nov 2026 12:00:00 GMT",
        "Content-Length: 465",
        "Connection: keep-alive",
        "Apigw-Requestid: JKJaXmPLvHcESHA=",
        "",
    )
    return "".join(f"{line}\r\n" for line in lines)
