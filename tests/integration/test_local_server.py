"""``make run``, as its user meets it."""

import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import boto3
import pytest
import urllib3

from local.__main__ import open_listener
from local.template import Template
from tests.support.contract import OPENAPI_FILE, assert_detail_schema, assert_schema
from tests.support.faulty_dynamodb import fail, faulty_dynamodb, succeed_in_html
from tests.support.local_server import ROOT, Server, serving, start

SCHEMATHESIS = ROOT / "tests" / "schemathesis.toml"
SEED = 20260131


def test_a_curl_line_is_printed_for_each_outcome_and_shows_it() -> None:
    with serving() as server:
        assert [status for status, _ in server.curls] == [201, 200, 200, 404, 410, 422]
        for status, line in server.curls:
            _, _, _, method, url, *sent = shlex.split(line)
            headers = {"Content-Type": "application/json"} if sent else {}
            response = urllib3.request(
                method, url, body=sent[-1] if sent else None, headers=headers
            )
            assert response.status == status
            assert_schema(
                {200: "SessionInfo", 201: "CreatedSession"}.get(status, "Error"), response.json()
            )


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_printed_lines_can_be_pasted_into_a_shell(server: Server) -> None:
    for status, line in server.curls:
        if status in (201, 404):
            pasted = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=True)
            assert pasted.stdout.startswith(f"HTTP/1.1 {status} ")


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_with_keys_the_printed_lines_take_one_from_the_shell() -> None:
    key = "a-key-that-is-not-printed"
    with serving(API_KEYS=key) as server:
        (renewal,) = (line for status, line in server.curls if status == 404)
        for sent, status in ((key, 404), ("", 401)):
            environment = {**os.environ, "API_KEY": sent}
            pasted = subprocess.run(
                ["sh", "-c", renewal], capture_output=True, text=True, check=True, env=environment
            )
            assert pasted.stdout.startswith(f"HTTP/1.1 {status} ")
        assert key not in server.stop() + renewal


def test_wrong_keys_do_not_open_the_server_but_end_it() -> None:
    with start({"API_KEYS": "short"}) as process:
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert errors.startswith("API_KEYS must hold 1 to 10 keys")
    assert errors.count("\n") == 1


def test_the_embedded_table_loses_no_renewal_of_64_at_once() -> None:
    with serving() as server, ThreadPoolExecutor(64) as threads:
        answers = list(threads.map(lambda _: server.renew("demo-live"), range(64)))
    assert Counter(answer.status for answer in answers) == {200: 64}
    counts = sorted(answer.json()["renewalCount"] for answer in answers)
    assert counts == list(range(1, 65))


def test_the_embedded_table_makes_one_session_of_64_deliveries_at_once() -> None:
    with serving() as server, ThreadPoolExecutor(64) as threads:
        answers = list(threads.map(lambda _: server.create(**{"Idempotency-Key": "a"}), range(64)))
    assert Counter(answer.status for answer in answers) == {201: 64}
    assert len({answer.json()["sessionId"] for answer in answers}) == 1


def test_a_retry_over_http_counts_once() -> None:
    with serving() as server:
        for _ in range(2):
            response = server.renew("demo-live", **{"Idempotency-Key": "a"})
            assert response.json()["renewalCount"] == 1


@pytest.mark.parametrize(
    "session_id", ["a%2Fb", "%27%22", "%00%0A", "%F0%9F%98%80", "%ff", "x" * 10_000]
)
def test_odd_ids_reach_the_function(server: Server, session_id: str) -> None:
    response = server.renew(session_id)
    assert response.status == 404
    assert response.json()["error"]["code"] == "SESSION_NOT_FOUND"


def test_other_methods_and_paths_are_refused_in_the_contracts_shape(
    server: Server,
) -> None:
    url = f"{server.url}/api/messaging/sessions/demo-live/renew"
    other_method = urllib3.request("GET", url)
    assert (other_method.status, other_method.headers["Allow"]) == (405, "POST")
    other_path = urllib3.request("POST", f"{url}s")
    assert other_path.status == 404
    health = f"{server.url}/api/messaging/sessions/health"
    assert urllib3.request("DELETE", health).headers["Allow"] == "GET"
    for response in (other_method, other_path):
        assert_schema("Error", response.json())


def test_a_browser_of_another_origin_may_call_it(server: Server) -> None:
    for method in ("GET", "POST", "PATCH", "DELETE"):
        preflight = urllib3.request(
            "OPTIONS",
            f"{server.url}/api/messaging/sessions/demo-live",
            headers={
                "Origin": "https://app.example.com",
                "Access-Control-Request-Method": method,
                "Access-Control-Request-Headers": (
                    "authorization,content-type,idempotency-key,x-api-key"
                ),
            },
        )
        assert preflight.status == 200
        assert preflight.headers["Access-Control-Allow-Origin"] == "*"


def test_the_documentation_is_a_page_that_needs_nothing_from_elsewhere(server: Server) -> None:
    page = urllib3.request("GET", f"{server.url}/docs").data.decode()
    sources = re.findall(r'(?:src|href|url)[=:] ?"(?!data:)([^"]+)"', page)
    assert sources
    for source in sources:
        assert urllib3.request("GET", server.url + source).status == 200
    described = urllib3.request("GET", f"{server.url}/docs/openapi.json").json()
    assert described["openapi"] == "3.1.0"


def test_each_request_is_one_line_and_ctrl_c_stops_cleanly() -> None:
    with serving() as server:
        server.renew("demo-live")
        server.renew("demo-expired%0A")
        server.renew("demo-expired")
        first, second, third, last = server.stop().splitlines()
        assert server.process.returncode == 0
    assert re.fullmatch(r"\S+  200 POST /api/.*/demo-live/renew  \d+\.\d ms", first)
    assert re.fullmatch(r"\S+  404 POST .*demo-expired%0A/renew  SESSION_NOT_FOUND .* ms", second)
    assert re.fullmatch(r"\S+  410 POST .*/demo-expired/renew  SESSION_EXPIRED .* ms", third)
    assert last == "Stopped"


def test_a_body_larger_than_api_gateway_takes_is_413(server: Server) -> None:
    url = f"{server.url}/api/messaging/sessions/demo-live/renew"
    assert urllib3.request("POST", url, body=b"x" * (10 * 1024 * 1024 + 1)).status == 413


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("PORT", "http", "PORT=http: Input should be a valid integer"),
        ("PORT", "65536", "PORT=65536: Input should be less than or equal to 65535"),
        ("SESSIONS_TABLE", "a b", "SESSIONS_TABLE must name a DynamoDB table"),
        ("RETENTION_HOURS", "8761", "RETENTION_HOURS must be a whole number of hours"),
        ("MIN_TIMEOUT_MINUTES", "31", "MIN_TIMEOUT_MINUTES must be at most DEFAULT_TIMEOUT_MIN"),
        ("SIGNING_KEY", "short", "SIGNING_KEY must be 32 characters or more"),
        ("AWS_ENDPOINT_URL_DYNAMODB", "localhost:8000", "AWS_ENDPOINT_URL_DYNAMODB=localhost:8000"),
        (
            "AWS_ENDPOINT_URL_DYNAMODB",
            "http://127.0.0.1:1",
            "AWS_ENDPOINT_URL_DYNAMODB=http://127.0.0.1:1 does not answer as DynamoDB",
        ),
    ],
)
def test_a_bad_setting_is_one_clear_line_and_a_failure(
    name: str, value: str, complaint: str
) -> None:
    process = start({name: value})
    output, errors = process.communicate(timeout=30)
    assert process.returncode == 1
    assert output == ""
    assert len(errors.splitlines()) == 1
    assert errors.startswith(complaint)


def test_a_port_in_use_is_one_clear_line_and_a_failure() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        process = start({"PORT": str(taken.getsockname()[1])})
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 1
    assert re.fullmatch(r"PORT=\d+: Address already in use\. Choose another.*\n", errors)


def test_an_answer_does_not_wait_for_an_acknowledgement() -> None:
    with open_listener(0) as listener, socket.create_connection(listener.getsockname()):
        accepted, _ = listener.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_another_dynamodb_keeps_its_sessions_and_servers_share_them(
    dynamodb_local_endpoint: str,
) -> None:
    environment = {
        "AWS_ENDPOINT_URL_DYNAMODB": dynamodb_local_endpoint,
        "SESSIONS_TABLE": f"shared-{uuid.uuid4()}",
    }
    with serving(**environment) as first, serving(**environment) as second:
        assert first.renew("demo-live").json()["renewalCount"] == 1
        assert second.renew("demo-live").json()["renewalCount"] == 2
        created = first.create().json()["sessionId"]
        assert second.renew(created).status == 200
    with serving(**environment) as restarted:
        assert restarted.renew("demo-live").json()["renewalCount"] == 3


def test_events_of_a_session_are_printed_when_they_are_due(ttl_endpoint: str) -> None:
    """The embedded table is looked through; DynamoDB Local has a stream that is read."""
    another = {"AWS_ENDPOINT_URL_DYNAMODB": ttl_endpoint}
    with serving() as embedded, serving(**another) as other:
        for server in (embedded, other):
            for kind, words in (("Expiring", "expires"), ("Expired", "expired")):
                line, _, detail = server.printed(f"  Session{kind} demo-leaving").partition("  {")
                pattern = rf"\d\d:\d\d:\d\d  Session{kind} demo-leaving: it {words} at \S+Z"
                assert re.fullmatch(pattern, line)
                assert_detail_schema(json.loads("{" + detail), f"Session{kind}")
            assert server.renew("demo-leaving").status == 410
            assert "410 POST" in server.stop()


def test_without_retention_no_expired_session_is_offered() -> None:
    with serving(RETENTION_HOURS="0") as server:
        assert [status for status, _ in server.curls] == [201, 200, 200, 404, 422]
        assert server.renew("demo-expired").status == 404
        assert server.renew("demo-leaving").status == 200


def test_a_table_without_a_stream_is_served_all_the_same(dynamodb_local_endpoint: str) -> None:
    client = boto3.client("dynamodb", endpoint_url=dynamodb_local_endpoint)
    Template().create_table(client, "no-stream", with_stream=False)
    another = {
        "AWS_ENDPOINT_URL_DYNAMODB": dynamodb_local_endpoint,
        "SESSIONS_TABLE": "no-stream",
    }
    with serving(**another) as server:
        assert server.renew("demo-live").status == 200


def test_a_table_without_the_indexes_is_one_clear_line_and_a_failure(
    dynamodb_local_endpoint: str,
) -> None:
    client = boto3.client("dynamodb", endpoint_url=dynamodb_local_endpoint)
    client.create_table(
        TableName="no-indexes",
        KeySchema=[{"AttributeName": "sessionId", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "sessionId", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    process = start(
        {"AWS_ENDPOINT_URL_DYNAMODB": dynamodb_local_endpoint, "SESSIONS_TABLE": "no-indexes"}
    )
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 1
    assert re.fullmatch(r"SESSIONS_TABLE=no-indexes: .* is not one of sessions\n", errors)


def test_two_servers_may_start_at_once(dynamodb_local_endpoint: str) -> None:
    environment = {
        "AWS_ENDPOINT_URL_DYNAMODB": dynamodb_local_endpoint,
        "SESSIONS_TABLE": f"shared-{uuid.uuid4()}",
    }
    processes = [start(environment) for _ in range(2)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("Serving ")
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=20)
        assert process.returncode == 0


def test_an_endpoint_that_is_not_dynamodb_is_one_clear_line_and_a_failure(
    dynamodb_local_endpoint: str,
) -> None:
    with faulty_dynamodb(dynamodb_local_endpoint) as not_dynamodb:
        not_dynamodb.faults = [succeed_in_html]
        process = start({"AWS_ENDPOINT_URL_DYNAMODB": not_dynamodb.endpoint})
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 1
    assert re.fullmatch(r"AWS_ENDPOINT_URL_DYNAMODB=\S+ does not answer as DynamoDB: .*\n", errors)


def test_a_client_that_hangs_up_is_one_line_in_the_log() -> None:
    with serving() as server:
        port = int(server.url.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nx")
        assert server.process.stdout is not None
        assert re.match(r"\S+  400 POST /x  ", server.process.stdout.readline())
        assert server.stop() == "Stopped\n"


def test_dynamodb_going_away_is_a_503_with_its_cause_in_the_log(
    dynamodb_local_endpoint: str,
) -> None:
    with faulty_dynamodb(dynamodb_local_endpoint) as dynamodb:
        table = f"gone-{uuid.uuid4()}"
        with serving(AWS_ENDPOINT_URL_DYNAMODB=dynamodb.endpoint, SESSIONS_TABLE=table) as server:
            dynamodb.faults = [fail]
            assert server.renew("demo-live").status == 503
            printed = server.stop()
    assert "(InternalServerError) when calling the UpdateItem operation" in printed
    assert "  503 POST " in printed


@pytest.mark.long
def test_whatever_schemathesis_sends_is_answered_by_the_contract(
    server: Server, tmp_path: Path
) -> None:
    print(f"schemathesis seed: {SEED}")
    run = subprocess.run(
        [
            *(Path(sys.executable).parent / "schemathesis", "--config-file", SCHEMATHESIS),
            *("run", OPENAPI_FILE, "--url", server.url, "--checks", "all"),
            # It creates again with one key after a deletion: the key then names what is gone.
            *("--exclude-checks", "ensure_resource_availability"),
            *("--seed", str(SEED), "--max-examples", "12", "--no-color"),
        ],
        cwd=tmp_path,  # it keeps a cache where it runs
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout
    assert "API Links:    6 covered / 6 selected" in run.stdout  # from a creation to its session
