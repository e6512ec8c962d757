"""The published client of elizaOS, which people use, on this API."""

import boto3
import pytest

from tests.support.local_server import Server, serving
from tests.support.official_client import ClientError, OfficialClient
from tests.support.sessions import AGENT_ID, USER_ID, as_of_now, session
from tests.support.tables import create_table, put_all

NEW_SESSION = {"agentId": AGENT_ID, "userId": USER_ID, "metadata": {"channelId": "a-channel"}}
OF_SESSIONS = {"checkHealth", "createSession", "getSession", "listSessions", "deleteSession"}
OF_MESSAGES = {"sendMessage", "sendMessageSync", "getMessages"}


@pytest.fixture
def client(server: Server) -> OfficialClient:
    """The client of the server."""
    return OfficialClient(server.url)


def test_these_tests_call_every_method_of_the_client(client: OfficialClient) -> None:
    assert client.methods() == OF_SESSIONS | OF_MESSAGES


def test_the_client_reads_what_it_created(client: OfficialClient) -> None:
    created = client.call("createSession", NEW_SESSION)
    read = client.call("getSession", created["sessionId"])
    assert created["metadata"] == {"channelId": "a-channel"}
    assert created.items() <= read.items()


def test_the_client_sends_its_key_to_a_server_that_wants_one() -> None:
    key = "the-key-of-an-application"
    with serving(API_KEYS=f"the-key-of-yesterday {key}") as server:
        refused = OfficialClient(server.url, "the-key-of-nobody").call("getSession", "demo-live")
        read = OfficialClient(server.url, key).call("getSession", "demo-live")
    assert (refused.status, refused.code) == (401, "UNAUTHORIZED")
    assert read["sessionId"] == "demo-live"


def test_the_client_may_send_members_that_the_api_does_not_know(client: OfficialClient) -> None:
    created = client.call("createSession", {**NEW_SESSION, "channelId": "a-channel"})
    assert created["metadata"] == {"channelId": "a-channel"}


def test_the_client_may_send_null_for_optional_members(client: OfficialClient) -> None:
    nulls = {"metadata": None, "timeoutConfig": None}
    assert client.call("createSession", {**NEW_SESSION, **nulls})["metadata"] == {}


def test_the_client_deletes_a_session(client: OfficialClient) -> None:
    session_id = client.call("createSession", NEW_SESSION)["sessionId"]
    # It takes an answer with `success` for an envelope, and returns the `data` that is not there.
    assert client.call("deleteSession", session_id) is None
    assert client.call("getSession", session_id).status == 404


def test_the_client_reads_the_health(client: OfficialClient) -> None:
    health = client.call("checkHealth")
    assert health["status"] == "healthy"
    assert health["activeSessions"] > 0


def test_the_client_tells_expired_from_unknown(client: OfficialClient) -> None:
    expired, unknown = (client.call("getSession", each) for each in ("demo-expired", "unknown"))
    assert (expired.status, expired.code) == (410, "SESSION_EXPIRED")
    assert (unknown.status, unknown.code) == (404, "SESSION_NOT_FOUND")


def test_the_clients_error_names_the_wrong_field(client: OfficialClient) -> None:
    error = client.call("createSession", {**NEW_SESSION, "agentId": "me"})
    assert (error.status, error.code) == (400, "VALIDATION_ERROR")
    assert "agentId" in error.message
    assert error.details


@pytest.mark.parametrize("method", sorted(OF_MESSAGES))
def test_the_client_learns_that_messages_are_not_here(client: OfficialClient, method: str) -> None:
    error = client.call(method, "demo-live", {"content": "Hello"})
    assert isinstance(error, ClientError)
    assert (error.status, error.code) == (404, "ROUTE_NOT_FOUND")


def test_the_client_lists_120_sessions_among_300_expired(dynamodb_local_endpoint: str) -> None:
    table = create_table(boto3.client("dynamodb", endpoint_url=dynamodb_local_endpoint))
    live = [as_of_now(session(f"live-{n}")) for n in range(120)]
    expired = [as_of_now(session(f"expired-{n}", expires=-1)) for n in range(300)]
    put_all(table, [*live, *expired])
    another = {"AWS_ENDPOINT_URL_DYNAMODB": dynamodb_local_endpoint, "SESSIONS_TABLE": table.name}
    with serving(**another) as server:
        listed = OfficialClient(server.url).call("listSessions")["sessions"]
    found = {each["sessionId"] for each in listed}
    assert {each.session_id for each in live} <= found
    assert not {each.session_id for each in expired} & found
