"""A renewal guarded by a version number: read, then write if the version is still the same.

It is here for comparison. It loses no concurrent renewal, but one whose reply is lost is repeated
by the SDK, finds another version, reads again, and is counted twice.
"""

import os
import time

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
from fastapi import FastAPI, HTTPException
from mangum import Mangum

from benchmarks.conventional import SessionInfo, renewed, session_info

MAX_ATTEMPTS = 5

app = FastAPI()
table = boto3.resource("dynamodb", config=Config(retries={"mode": "standard"})).Table(
    os.environ["SESSIONS_TABLE"]
)


@app.post("/api/messaging/sessions/{session_id}/renew")
def renew(session_id: str) -> SessionInfo:
    """Read the session, apply the rule, and write it back; up to five times."""
    for _ in range(MAX_ATTEMPTS):
        now_ms = time.time_ns() // 1_000_000
        item = renewed(table.get_item(Key={"sessionId": session_id}, ConsistentRead=True), now_ms)
        version = item.get("version", 0)
        try:
            table.put_item(
                Item={**item, "version": version + 1},
                ConditionExpression="attribute_not_exists(version) OR version = :read",
                ExpressionAttributeValues={":read": version},
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
        else:
            return session_info(item, now_ms)
    raise HTTPException(503, "SERVICE_UNAVAILABLE")


handler = Mangum(app, lifespan="off")
