"""The example programs, as a reader runs them."""

import re
import subprocess
import sys
from typing import Any

import pytest
import urllib3

from tests.support.local_server import ROOT, Server
from tests.support.lossy_proxy import lossy_proxy
from tests.support.official_client import require_node_modules

PROGRAMS = {
    "Python": [sys.executable, "examples/messages.py"],
    "TypeScript": ["npx", "--no-install", "tsx", "examples/messages.ts"],
}


@pytest.fixture(params=sorted(PROGRAMS))
def program(request: pytest.FixtureRequest) -> list[str]:
    """The command of each."""
    if request.param == "TypeScript":
        require_node_modules()
    return PROGRAMS[request.param]


def channel_of_a_run(program: list[str], url: str) -> str:
    """Run the program against this URL; the channel that all of its messages are in."""
    run = subprocess.run([*program, url], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    (channel_id,) = set(re.findall(r"^channel (\S+)  session ", run.stdout, re.MULTILINE))
    return str(channel_id)


def sessions_of(server: Server, channel_id: str) -> list[dict[str, Any]]:
    """The live sessions whose metadata name the channel."""
    page = urllib3.request("GET", f"{server.url}/api/messaging/sessions").json()
    listed: list[dict[str, Any]] = page["sessions"]
    return [each for each in listed if each["metadata"].get("channelId") == channel_id]


def test_an_ended_session_is_followed_by_another_in_its_channel(
    server: Server, program: list[str]
) -> None:
    channel_id = channel_of_a_run(program, server.url)
    (session,) = sessions_of(server, channel_id)
    assert session["renewalCount"] == 1  # by the second message


def test_a_lost_answer_makes_no_second_session(server: Server, program: list[str]) -> None:
    with lossy_proxy(server.url) as proxy:
        channel_id = channel_of_a_run(program, proxy.url)
        assert proxy.lost_an_answer
    assert len(sessions_of(server, channel_id)) == 1
