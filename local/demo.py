"""Demo sessions, one for each outcome of a renewal."""

import json
from contextlib import suppress
from dataclasses import dataclass

from domain.session import MS_PER_MINUTE, Session, TimeoutConfig
from runtime.clock import epoch_ms
from runtime.settings import RenewSettings
from storage.item import item_of
from storage.session_creation import IS_NEW
from storage.table import SessionsTable

SECONDS_PER_MINUTE = 60
AGENT_ID = "3c90c3cc-0d44-4b50-8888-8dd25736052a"
USER_ID = "9b2f3f0e-6a53-4b0c-9d5b-0b7f5a0f2d11"
TIMEOUT = TimeoutConfig(
    timeout_minutes=30, auto_renew=True, max_duration_minutes=720, warning_threshold_minutes=5
)

LEAVING_ID = "demo-leaving"
LEAVES_AFTER_SECONDS = 10


@dataclass(frozen=True)
class Demo:
    """What a renewal of this session shows. Its times are in minutes from now."""

    outcome: str
    session_id: str
    created: float
    expires: float

    def is_stored(self, retention_seconds: int) -> bool:
        """Whether it has not been deleted by its TTL."""
        return self.expires * SECONDS_PER_MINUTE + retention_seconds > 0


DEMOS = (
    Demo("200: renewed for 30 minutes from now", "demo-live", created=-10, expires=20),
    Demo("200: extended only to its maximum", "demo-near-maximum", created=-710, expires=5),
    Demo("410: it has expired", "demo-expired", created=-60, expires=-30),
    Demo("422: it already lasts until its maximum", "demo-at-maximum", created=-710, expires=10),
)


def put_demo_sessions(table: SessionsTable) -> None:
    """Store the demo sessions. One that is alive and can be renewed stays as it is.

    One more is there to leave: it expires in a moment.
    """
    now_ms = epoch_ms()
    leaves = LEAVES_AFTER_SECONDS / SECONDS_PER_MINUTE
    leaving = Demo("", LEAVING_ID, created=leaves - TIMEOUT.timeout_minutes, expires=leaves)
    stored = [demo for demo in DEMOS if demo.is_stored(table.retention_seconds)]
    for demo in (*stored, leaving):
        item = item_of(demo_session(demo, now_ms), table.retention_seconds)
        with suppress(table.client.exceptions.ConditionalCheckFailedException):
            # Deleted, and not only replaced: of a new item alone the stream tells.
            table.client.delete_item(
                TableName=table.name,
                Key={"sessionId": item["sessionId"]},
                ConditionExpression="expiresAt <= :now OR expiresAt >= maxExpiresAt",
                ExpressionAttributeValues={":now": {"N": str(now_ms)}},
            )
        with suppress(table.client.exceptions.ConditionalCheckFailedException):
            table.client.put_item(TableName=table.name, Item=item, ConditionExpression=IS_NEW)


def curl_lines(url: str, settings: RenewSettings) -> str:
    """Commands to paste: one that creates a session, and one for each outcome of a renewal.

    The API's key, if there is one, is taken from the shell's own variable, so that it is not shown.
    """
    retention_seconds = settings.retention_seconds
    curl = 'curl -i -H "X-API-KEY: $API_KEY"' if settings.api_keys else "curl -i"
    sessions = f"{url}/api/messaging/sessions"
    body = json.dumps({"agentId": AGENT_ID, "userId": USER_ID, "metadata": {"channel": "web"}})
    shown = [(demo.outcome, demo.session_id) for demo in DEMOS if demo.is_stored(retention_seconds)]
    shown.insert(2, ("404: no session has this ID", "demo-unknown"))
    return "\n".join(
        [
            "# 201: a new session",
            f"{curl} -X POST {sessions} -H 'Content-Type: application/json' -d '{body}'",
            *[
                f"# {outcome}\n{curl} -X POST {sessions}/{session_id}/renew"
                for outcome, session_id in shown
            ],
        ]
    )


def demo_session(demo: Demo, now_ms: int) -> Session:
    """The session that shows the outcome now."""
    renewed_at_ms = now_ms + int((demo.expires - TIMEOUT.timeout_minutes) * MS_PER_MINUTE)
    return Session(
        session_id=demo.session_id,
        agent_id=AGENT_ID,
        user_id=USER_ID,
        metadata_json='{"channel":"web"}',
        created_at_ms=now_ms + int(demo.created * MS_PER_MINUTE),
        last_activity_ms=renewed_at_ms,
        renewed_at_ms=renewed_at_ms,
        timeout_config=TIMEOUT,
        renewal_count=0,
        recent_renewals=(),
    )
