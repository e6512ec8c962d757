"""``make load``, against the server of ``make run``."""

import re
import subprocess
from pathlib import Path

import pytest
import urllib3

from tests.support.local_server import ROOT, Server, serving
from tests.support.tables import skip_or_fail

PYTHON = ROOT / ".venv-load" / "bin" / "python"
LIST = "/api/messaging/sessions?agentId="


def load(url: str, report: Path) -> "subprocess.CompletedProcess[str]":
    if not PYTHON.exists():
        skip_or_fail("locust is not installed: run make e2e")
    options = {"url": url, "report": report, "users": 5, "seconds": 5, "rate": 20}
    return subprocess.run(
        [PYTHON, "-m", "load", *(f"--{name}={value}" for name, value in options.items())],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_a_load_leaves_a_report_and_no_session(tmp_path: Path) -> None:
    report = tmp_path / "load-report.html"
    with serving() as server:
        run = load(server.url, report)
        assert run.returncode == 0, run.stderr
        assert "/sessions/{sessionId}/renew" in report.read_text()
        assert str(report) in run.stdout
        assert left_by(run.stdout, server) == []


def left_by(printed: str, server: Server) -> object:
    """The sessions that are left of a run."""
    run_id = re.search("agentId of all sessions: (.*)", printed)
    assert run_id
    return urllib3.request("GET", f"{server.url}{LIST}{run_id[1]}").json()["sessions"]


@pytest.mark.parametrize(
    ("url", "said"),
    [("ftp://localhost", "must begin with http://"), ("http://localhost:1", "does not answer")],
)
def test_a_load_on_no_api_does_not_begin(tmp_path: Path, url: str, said: str) -> None:
    report = tmp_path / "load-report.html"
    run = load(url, report)
    assert (run.returncode, report.exists()) == (2, False)
    assert said in run.stderr
