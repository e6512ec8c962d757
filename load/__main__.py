"""Put load on a deployment, and leave locust's report of it: ``make load URL=https://...``."""

import argparse
import json
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from load.checks import SESSIONS

LOCUSTFILE = Path(__file__).parent / "locustfile.py"

LIMITS = {"users": (1, 500), "seconds": (5, 3600), "rate": (1, 1000)}
RAMP_SECONDS = 5
STOP_SECONDS = 20
"""How long requests under way may take to end, and sessions to be deleted."""


def main() -> int:
    """Run locust. Returns 0 if no request failed."""
    options = _options()
    problem = problem_of(options.url)
    if problem:
        print(f"{options.url} does not answer as the API does: {problem}", file=sys.stderr)
        return 2
    run_id = str(uuid.uuid4())
    print(
        f"{options.users} users, about {options.rate} requests a second, for {options.seconds} s\n"
        f"The agentId of all sessions: {run_id}\n"
        "Ctrl-C ends the load early and deletes its sessions.",
        flush=True,
    )
    # Locust gets Ctrl-C as well, and its report is to be waited for.
    signal.signal(signal.SIGINT, lambda *_: None)
    run = subprocess.run(
        [
            *(sys.executable, "-m", "locust", f"--locustfile={LOCUSTFILE}", "--headless"),
            *(f"--host={options.url}", f"--users={options.users}"),
            f"--spawn-rate={max(1, options.users / RAMP_SECONDS)}",
            *(f"--run-time={options.seconds}s", f"--stop-timeout={STOP_SECONDS}"),
            *(f"--html={options.report}", "--only-summary", "--loglevel=WARNING"),
        ],
        env=os.environ
        | {"LOAD_RUN_ID": run_id, "LOAD_USERS": f"{options.users}", "LOAD_RATE": f"{options.rate}"},
        check=False,
    )
    if options.report.exists():
        print(f"Report: {options.report.resolve()}")
    return run.returncode


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="make load", usage="make load URL=https://... [USERS=10] [SECONDS=60] [RATE=20]"
    )
    parser.add_argument("--url", type=_base_url, default="", help="where the API is")
    for name, (least, most) in LIMITS.items():
        parser.add_argument(f"--{name}", type=_number(name, least, most), required=True)
    parser.add_argument("--report", type=Path, required=True, help="the file to write")
    options = parser.parse_args()
    if not options.url:
        parser.error("URL is missing: it is the stack's output ApiUrl, or http://localhost:3000")
    return options


def _base_url(text: str) -> str:
    """The URL without a slash at its end; what is before the API's paths."""
    if not text:
        return ""
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise argparse.ArgumentTypeError(f"URL must begin with http:// or https://; it is {text}")
    if parts.query or parts.fragment or "@" in parts.netloc:
        raise argparse.ArgumentTypeError("URL must be no more than scheme, host and path")
    return text.rstrip("/").removesuffix(SESSIONS)


def _number(name: str, least: int, most: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not (text.isascii() and text.isdigit() and least <= int(text) <= most):
            raise argparse.ArgumentTypeError(f"{name.upper()} must be from {least} to {most}")
        return int(text)

    return parse


def problem_of(url: str) -> str | None:
    """Why the API's health call fails; ``None`` if it does not."""
    headers = {"X-API-KEY": os.environ["API_KEY"]} if os.environ.get("API_KEY") else {}
    try:
        with urlopen(Request(f"{url}{SESSIONS}/health", headers=headers), timeout=15) as response:
            body = json.load(response)
    except HTTPError as error:
        return f"status {error.code} for {SESSIONS}/health"
    except URLError as error:
        return str(error.reason)
    except (OSError, ValueError, HTTPException) as error:
        return str(error) or type(error).__name__
    is_healthy = isinstance(body, dict) and body.get("status") == "healthy"
    return None if is_healthy else f"{SESSIONS}/health does not say that it is healthy"


if __name__ == "__main__":
    sys.exit(main())
