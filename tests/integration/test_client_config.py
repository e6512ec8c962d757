"""What every client of AWS sends, and what it leaves to the retries of this project."""

import logging
from collections.abc import Callable
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import ClientError

from publishing.clients import eventbridge_client, sqs_client
from storage.renewal_update import renew_session
from storage.table import SessionsTable, dynamodb_client
from tests.support.sessions import NOON_MS, session
from tests.support.tables import put

CALLS: dict[str, tuple[Callable[[], Any], Callable[[Any], object]]] = {
    "DynamoDB": (dynamodb_client, lambda client: client.describe_table(TableName="sessions")),
    "EventBridge": (eventbridge_client, lambda client: client.put_events(Entries=[])),
    "SQS": (
        sqs_client,
        lambda client: client.send_message_batch(QueueUrl="http://sqs/1", Entries=[]),
    ),
}


@pytest.mark.parametrize(("make", "call"), CALLS.values(), ids=CALLS)
def test_a_failed_request_is_sent_once_under_the_fixed_user_agent(
    make: Callable[[], Any], call: Callable[[Any], object]
) -> None:
    """The SDK would compose one for each request, and retry. Powertools adds its constant."""
    user_agents: list[str] = []

    def answer(request: Any, **_: Any) -> AWSResponse:
        agent = request.headers["User-Agent"]
        user_agents.append(agent.decode() if isinstance(agent, bytes) else agent)
        return AWSResponse(request.url, 500, HTTPHeaders(), _Empty())

    client = make()
    client.meta.events.register("before-send", answer)
    with pytest.raises(ClientError):
        call(client)
    (user_agent,) = user_agents
    assert user_agent.startswith("session-renewal")
    assert "Botocore" not in user_agent


def test_no_credentials_and_no_session_are_logged_at_any_level(
    table_on_moto: SessionsTable, caplog: pytest.LogCaptureFixture
) -> None:
    """Botocore logs requests at DEBUG: lowering the level of a function's log must not."""
    caplog.set_level(logging.DEBUG)  # the root logger's
    put(table_on_moto, session(metadata_json='{"a":"secret"}'))
    renew_session(table_on_moto, "a-session", NOON_MS, "r1")
    assert not [each for each in caplog.records if each.name.startswith(("boto", "urllib3"))]


class _Empty:
    """A body without a byte."""

    def stream(self) -> list[bytes]:
        return []
