"""The conventional implementation of the renewal: FastAPI, Mangum, boto3's resource, get and put.

It is here for comparison. Of two concurrent renewals, it loses one.
"""

import os
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import boto3
from fastapi import FastAPI, HTTPException
from mangum import Mangum
from pydantic import BaseModel

app = FastAPI()
table = boto3.resource("dynamodb").Table(os.environ["SESSIONS_TABLE"])


class TimeoutConfig(BaseModel):
    """The time limits of a session."""

    timeoutMinutes: int
    autoRenew: bool
    maxDurationMinutes: int
    warningThresholdMinutes: int


class SessionInfo(BaseModel):
    """A session as the contract shows it, except that the metadata is text."""

    sessionId: str
    agentId: str
    userId: str
    createdAt: datetime
    lastActivity: datetime
    metadata: str
    expiresAt: datetime
    timeoutConfig: TimeoutConfig
    renewalCount: int
    timeRemaining: int
    isNearExpiration: bool


@app.post("/api/messaging/sessions/{session_id}/renew")
def renew(session_id: str) -> SessionInfo:
    """Read the session, apply the rule, and write it back."""
    now_ms = time.time_ns() // 1_000_000
    item = renewed(table.get_item(Key={"sessionId": session_id}, ConsistentRead=True), now_ms)
    table.put_item(Item=item)
    return session_info(item, now_ms)


def renewed(found: Mapping[str, Any], now_ms: int) -> dict[str, Any]:
    """The item that was found, renewed; or a refusal."""
    item: dict[str, Any] | None = found.get("Item")
    if item is None:
        raise HTTPException(404, "SESSION_NOT_FOUND")
    if now_ms >= item["expiresAt"]:
        raise HTTPException(410, "SESSION_EXPIRED")
    if item["expiresAt"] >= item["maxExpiresAt"]:
        raise HTTPException(422, "SESSION_RENEWAL_FAILED")
    item["expiresAt"] = min(Decimal(now_ms) + item["timeoutMs"], item["maxExpiresAt"])
    item["lastActivity"] = Decimal(now_ms)
    item["renewalCount"] += 1
    return item


def session_info(item: Mapping[str, Any], now_ms: int) -> SessionInfo:
    """The item as the contract shows it."""
    remaining_ms = int(item["expiresAt"]) - now_ms
    threshold_ms = item["timeoutConfig"]["warningThresholdMinutes"] * 60_000
    return SessionInfo(
        sessionId=item["sessionId"],
        agentId=item["agentId"],
        userId=item["userId"],
        createdAt=instant(item["createdAt"]),
        lastActivity=instant(item["lastActivity"]),
        metadata=item["metadata"],
        expiresAt=instant(item["expiresAt"]),
        timeoutConfig=TimeoutConfig(**item["timeoutConfig"]),
        renewalCount=item["renewalCount"],
        timeRemaining=remaining_ms,
        isNearExpiration=remaining_ms <= threshold_ms,
    )


def instant(epoch_ms: Decimal) -> datetime:
    """The instant, as a type that pydantic can write."""
    return datetime.fromtimestamp(int(epoch_ms) / 1000, UTC)


handler = Mangum(app, lifespan="off")
