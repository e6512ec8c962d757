"""The API as ``sam deploy`` deploys it, through API Gateway, on an emulator of AWS."""

import pytest

from tests.support.contract import OPENAPI, assert_schema
from tests.support.deployed_calls import CALLS
from tests.support.deployed_stack import DeployedStack


def test_every_operation_of_the_contract_is_called() -> None:
    operations = {
        (method.upper(), path) for path, methods in OPENAPI["paths"].items() for method in methods
    }
    assert operations <= {(call.method, call.path) for call in CALLS.values()}


@pytest.mark.parametrize("name", CALLS)
def test_a_call_is_answered_through_the_gateway(stack: DeployedStack, name: str) -> None:
    response = CALLS[name].make(stack)
    assert response.status == CALLS[name].status, response.data
    assert_schema(CALLS[name].schema, response.json())
