"""Pages of other origins call the deployed API: what API Gateway tells their browsers."""

import pytest
import urllib3

from tests.support.api_events import SESSIONS
from tests.support.deployed_stack import DeployedStack

ORIGIN = "https://app.example.com"
SENT_BY_BROWSERS = ("authorization", "content-type", "idempotency-key", "x-api-key")


def preflight(stack: DeployedStack, method: str) -> urllib3.BaseHTTPResponse:
    """The answer to what a browser asks before it sends a request with these headers."""
    headers = {
        "Origin": ORIGIN,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": ",".join(SENT_BY_BROWSERS),
    }
    return stack.request("OPTIONS", f"{SESSIONS}/a-session", headers=headers)


def listed(response: urllib3.BaseHTTPResponse, header: str) -> set[str]:
    return {each.strip().lower() for each in response.headers.get(header, "").split(",")}


@pytest.mark.parametrize("method", ["DELETE", "GET", "PATCH", "POST"])
def test_a_browser_may_send_each_method_from_any_origin(stack: DeployedStack, method: str) -> None:
    response = preflight(stack, method)
    assert response.status == 204
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert method.lower() in listed(response, "Access-Control-Allow-Methods")


def test_a_browser_may_send_the_headers_of_the_contract(stack: DeployedStack) -> None:
    """By name: to a browser, ``*`` does not stand for ``Authorization``."""
    allowed = listed(preflight(stack, "POST"), "Access-Control-Allow-Headers")
    assert set(SENT_BY_BROWSERS) <= allowed


def test_a_page_may_read_the_answer_and_when_to_retry(stack: DeployedStack) -> None:
    response = stack.request("POST", f"{SESSIONS}/none/renew", headers={"Origin": ORIGIN})
    assert response.headers.get("Access-Control-Allow-Origin") == "*"
    assert "retry-after" in listed(response, "Access-Control-Expose-Headers")
