"""A stack with every limit set, and with tags."""

from pathlib import Path

import pytest

from local.template import Template
from tests.support.deployed_calls import CALLS
from tests.support.deployed_stack import DeployedStack
from tests.support.emulator import Emulator
from tests.support.sam import ARCHITECTURE, Sam

LIMITS = (
    "CreationThrottlingRateLimit=11",
    "HealthThrottlingRateLimit=12",
    "ListThrottlingRateLimit=13",
    "RenewalThrottlingRateLimit=14",
    "RenewReservedConcurrency=20",
    "SessionsReservedConcurrency=30",
    "MaxReadUnits=3000",
    "MaxWriteUnits=2000",
    "WarmReadUnits=13000",
    "WarmWriteUnits=5000",
)
TAGS = {"team": "sessions", "stage": "test"}


@pytest.fixture(scope="module")
def limited(
    built: Path,  # noqa: ARG001 - sam deploy deploys what was built
    emulator: Emulator,
    sam: Sam,
) -> DeployedStack:
    """A stack of its own."""
    stack = DeployedStack(emulator, sam, "limited")
    stack.deploy(ARCHITECTURE, *LIMITS, tags=TAGS)
    return stack


def unusual_answers(stack: DeployedStack) -> set[str]:
    """The calls that are not answered as they should be."""
    return {name for name, call in CALLS.items() if call.make(stack).status != call.status}


def test_a_stack_with_all_limits_answers_every_call(limited: DeployedStack) -> None:
    assert unusual_answers(limited) == set()


def test_the_throttled_routes_are_those_of_the_template(limited: DeployedStack) -> None:
    settings = Template().properties("SessionsApi")["RouteSettings"]
    assert limited.limited_routes() == settings.keys()


def test_the_stacks_tags_reach_what_it_is_made_of(limited: DeployedStack) -> None:
    names, client = limited.physical_ids, limited.emulator.client
    table = client("dynamodb").describe_table(TableName=names["SessionsTable"])["Table"]
    function = limited.live("RenewFunction")["FunctionArn"].removesuffix(":live")
    tagged = [
        client("dynamodb").list_tags_of_resource(ResourceArn=table["TableArn"])["Tags"],
        client("secretsmanager").describe_secret(SecretId=names["SigningKey"])["Tags"],
        client("iam").list_role_tags(RoleName=names["RenewFunctionRole"])["Tags"],
    ]
    by_key = [{each["Key"]: each["Value"] for each in tags} for tags in tagged]
    by_key.append(client("lambda").list_tags(Resource=function)["Tags"])
    by_key.append(client("sqs").list_queue_tags(QueueUrl=names["ExpiryDeadLetters"])["Tags"])
    assert [tags for tags in by_key if not tags.items() >= TAGS.items()] == []
