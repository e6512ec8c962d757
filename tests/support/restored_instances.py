"""Instances of SessionsFunction restored from one snapshot, imitated by forks after its import.

What SnapStart restores is the process as it was after the import, and a fork is a copy of that. One
thing differs: Python seeds ``random`` anew in a forked process. So its state is put back.
"""

import json
import multiprocessing
import random
import time
from multiprocessing.queues import SimpleQueue
from typing import Any

from handlers import sessions
from local.gateway import LambdaContext
from tests.support.api_events import api_event
from tests.support.sessions import AGENT_ID, USER_ID

CALLS = 20

Drawn = dict[str, list[Any]]


def draw(state: tuple[Any, ...], drawn: "SimpleQueue[Drawn]") -> None:
    """Create sessions without a database, and report all that was drawn at random for it."""
    random.setstate(state)
    pauses: list[float] = []
    setattr(time, "sleep", pauses.append)  # noqa: B010 - mypy knows it as a function of its own
    session_ids: list[str] = []
    sessions.table.client.meta.events.register(
        "provide-client-params.dynamodb.PutItem",
        lambda params, **_: session_ids.append(params["Item"]["sessionId"]["S"]),
    )
    retry_after = []
    for _ in range(CALLS):
        event = api_event("POST", body={"agentId": AGENT_ID, "userId": USER_ID})
        event["requestContext"]["timeEpoch"] = time.time_ns() // 1_000_000
        response = sessions.handler(event, LambdaContext("lambda-request", 12))
        retry_after.append(response["headers"]["Retry-After"])
    drawn.put({"pauses": pauses, "session IDs": session_ids, "Retry-After": retry_after})


if __name__ == "__main__":
    forks = multiprocessing.get_context("fork")
    queue: SimpleQueue[Drawn] = forks.SimpleQueue()
    for _ in range(2):
        instance = forks.Process(target=draw, args=(random.getstate(), queue))
        instance.start()
        print(json.dumps(queue.get()), flush=True)
        instance.join()
