"""A platform that keeps its channels and messages itself, and their sessions in this API.

Start ``make run``, then: python3 examples/messages.py [http://localhost:3000]
"""

import json
import random
import sys
import time
import urllib.error
import urllib.request
import uuid
from dataclasses import dataclass, field
from typing import Any

AGENT_ID = "3c90c3cc-0d44-4b50-8888-8dd25736052a"
USER_ID = "9b2f3f0e-6a53-4b0c-9d5b-0b7f5a0f2d11"

server_url = sys.argv[1] if len(sys.argv) > 1 else "http://localhost:3000"


@dataclass
class Channel:
    """A row of the platform's own database. The session ID is that of the latest session."""

    channel_id: str
    session_id: str
    messages: list[str] = field(default_factory=list)


def post(path: str, idempotency_key: str, body: object = None, attempts: int = 5) -> dict[str, Any]:
    """Send a request, and send it again with the same key while the API cannot answer."""
    request = urllib.request.Request(
        f"{server_url}/api/messaging/sessions{path}",
        method="POST",
        data=None if body is None else json.dumps(body).encode(),
        headers={"Content-Type": "application/json", "Idempotency-Key": idempotency_key},
    )
    wait_seconds = 1.0
    try:
        with urllib.request.urlopen(request, timeout=15) as response:
            return dict(json.load(response))
    except urllib.error.HTTPError as refusal:
        if refusal.code not in (429, 503) or attempts == 1:
            raise
        wait_seconds = float(refusal.headers.get("Retry-After", wait_seconds))
    except OSError:  # no connection, or no answer in time
        if attempts == 1:
            raise
    time.sleep(wait_seconds * random.uniform(1, 1.5))
    return post(path, idempotency_key, body, attempts - 1)


def session_of(channel: Channel, message_id: str) -> dict[str, Any]:
    """Keep the channel's session alive, or give the channel a new one."""
    try:
        return post(f"/{channel.session_id}/heartbeat", message_id)
    except urllib.error.HTTPError as refusal:
        if refusal.code not in (404, 410):
            raise
    # Two messages that find the same session ended send the same key: it is one new session.
    key = f"{channel.channel_id} after {channel.session_id}"
    metadata = {"channelId": channel.channel_id}
    created = post("", key, {"agentId": AGENT_ID, "userId": USER_ID, "metadata": metadata})
    channel.session_id = created["sessionId"]
    return created


def send_message(channel: Channel, text: str) -> None:
    """Take a message of the user."""
    session = session_of(channel, message_id=str(uuid.uuid4()))
    channel.messages.append(text)
    print(f"channel {channel.channel_id}  session {session['sessionId']}  {text}")


# A session of `make run` that has expired: the user was away for longer than the timeout.
channel = Channel(channel_id=str(uuid.uuid4()), session_id="demo-expired")
send_message(channel, "I am back")
send_message(channel, "Where were we?")
