"""The page of the local server, as far as a browser is not needed: see tests/e2e/test_page.py."""

import re

import urllib3

from local.demo import AGENT_ID, USER_ID
from local.gateway import REFRESH_HEADER
from local.page import PAGE_FILE, content_security_policy
from tests.support.local_server import Server, serving

PAGE = PAGE_FILE.read_text()
SESSIONS = "/api/messaging/sessions"


def test_the_page_is_at_the_root(server: Server) -> None:
    answer = urllib3.request("GET", f"{server.url}/")
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.data.decode() == PAGE


def test_a_browser_may_run_the_pages_own_script_alone(server: Server) -> None:
    policy = urllib3.request("GET", f"{server.url}/").headers["Content-Security-Policy"]
    assert policy == content_security_policy(PAGE)
    assert "default-src 'none'; script-src 'sha256-" in policy
    script = policy.split("script-src ")[1].split(";")[0]
    assert "unsafe" not in script


def test_the_page_names_nothing_from_elsewhere() -> None:
    named = re.findall(
        r"""(?:src|href|url|@import)\s*[=(]?\s*["']?((?:https?:)?//[^"')\s]+)""", PAGE
    )
    assert named == []


def test_the_page_makes_no_html_of_texts() -> None:
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", PAGE)


def test_the_pages_sessions_are_of_the_demos_user_and_agent() -> None:
    assert f'const USER_ID = "{USER_ID}"' in PAGE
    assert f'const AGENT_ID = "{AGENT_ID}"' in PAGE


def test_other_origins_may_call_the_api_but_not_read_the_events(server: Server) -> None:
    headers = {"Origin": "https://app.example.com"}
    for path, allowed in ((SESSIONS, "*"), ("/docs", "*"), ("/", None), ("/events", None)):
        answer = urllib3.request(
            "GET", server.url + path, headers=headers, preload_content=False, timeout=5
        )
        assert answer.headers.get("Access-Control-Allow-Origin") == allowed
        answer.close()


def test_what_the_page_reads_by_itself_is_not_logged() -> None:
    with serving() as server:
        for path in ("", "/demo-live", "/demo-unknown"):
            urllib3.request("GET", server.url + SESSIONS + path, headers={REFRESH_HEADER: "1"})
        urllib3.request("GET", f"{server.url}/")
        assert server.stop() == "Stopped\n"


def test_ctrl_c_stops_the_server_though_browsers_are_connected() -> None:
    with serving() as server:
        browsers = [
            urllib3.request("GET", f"{server.url}/events", preload_content=False, timeout=20)
            for _ in range(5)
        ]
        for browser in browsers:
            assert browser.readline() == b":\n"
        assert server.stop() == "Stopped\n"
        assert server.process.returncode == 0


def test_each_change_of_a_session_is_told(server: Server) -> None:
    feed = urllib3.request("GET", f"{server.url}/events", preload_content=False, timeout=20)
    assert feed.readline() == b":\n"
    created = server.create().json()["sessionId"]
    server.renew(created)
    server.renew("demo-unknown")  # changes nothing
    urllib3.request("DELETE", f"{server.url}{SESSIONS}/{created}")
    lines = []
    while "event: deleted" not in lines:
        lines.append(feed.readline().decode().strip())
    changes = [line for line in lines if line.startswith(("event: changed", 'data: "'))]
    assert changes == ["event: changed", f'data: "{created}"'] * 2
    assert feed.readline().decode() == f'data: "{created}"\n'
