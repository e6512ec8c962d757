"""What every client of AWS sends, and what it leaves to the retries of this project."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import ClientError

from publishing.clients import eventbridge_client, sqs_client
from storage.table import dynamodb_client

CALLS: dict[str, tuple[Callable[[], Any], Callable[[Any], object]]] = {
    "DynamoDB": (dynamodb_client, lambda client: client.describe_table(TableName="sessions")),
    "EventBridge": (eventbridge_client, lambda client: client.put_events(Entries=[])),
    "SQS": (
        sqs_client,
        lambda client: client.send_message(QueueUrl="http://sqs/1", MessageBody=""),
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


class _Empty:
    """A body without a byte."""

    def stream(self) -> list[bytes]:
        return []
