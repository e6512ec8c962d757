"""A deployment whose API has keys, which come from a secret of its operator's."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.api_events import SESSIONS
from tests.support.deployed_stack import DeployedStack
from tests.support.emulator import Emulator
from tests.support.sam import ARCHITECTURE, Sam
from tests.support.sessions import AGENT_ID, USER_ID

FIRST, SECOND = "the-key-of-yesterday", "the-key-of-tomorrow-"
BODY = {"agentId": AGENT_ID, "userId": USER_ID}


@pytest.fixture(scope="module")
def stack(
    built: Path,  # noqa: ARG001 - sam deploy deploys what was built
    emulator: Emulator,
    sam: Sam,
) -> DeployedStack:
    """A stack of its own, whose API has the first key."""
    secrets = emulator.client("secretsmanager")
    arn = secrets.create_secret(Name="api-keys", SecretString=f"{FIRST}\n")["ARN"]
    keyed = DeployedStack(emulator, sam, "keyed")
    keyed.deploy(ARCHITECTURE, f"ApiKeys={arn}")
    return keyed


def answer(stack: DeployedStack, method: str, path: str = "", key: str = "", **sent: Any) -> Any:
    """What the API answers a request with this key."""
    headers = {"X-API-KEY": key} if key else {}
    return stack.request(method, SESSIONS + path, headers=headers, **sent)


def test_only_a_key_of_the_secret_opens_the_api(stack: DeployedStack) -> None:
    statuses = {
        key: [
            answer(stack, "POST", key=key, json=BODY).status,
            answer(stack, "POST", "/nobodys/renew", key).status,
            answer(stack, "GET", "/health", key).status,
        ]
        for key in ("", SECOND, FIRST)
    }
    assert statuses == {"": [401] * 3, SECOND: [401] * 3, FIRST: [201, 404, 200]}
    assert answer(stack, "OPTIONS").status == 204
    assert "X-API-KEY" in stack.outputs["Access"]["OutputValue"]


def test_changed_secrets_reach_the_functions_with_their_version_ids(
    stack: DeployedStack,
) -> None:
    for _ in range(2):
        answer(stack, "POST", key=FIRST, json=BODY)
    cursor = answer(stack, "GET", "?limit=1", FIRST).json()["cursor"]
    secrets = stack.emulator.client("secretsmanager")
    keys = secrets.put_secret_value(SecretId="api-keys", SecretString=f"{FIRST}, {SECOND}")
    signing_key = secrets.put_secret_value(
        SecretId=stack.physical_ids["SigningKey"], SecretString="k" * 64
    )

    stack.deploy(
        ARCHITECTURE,
        f"ApiKeys={keys['ARN']}",
        f"ApiKeysVersion={keys['VersionId']}",
        f"SigningKeyVersion={signing_key['VersionId']}",
    )

    assert [answer(stack, "POST", "/nobodys/renew", key).status for key in (FIRST, SECOND)] == [
        404,
        404,
    ]
    assert answer(stack, "GET", f"?limit=1&cursor={cursor}", SECOND).status == 400
