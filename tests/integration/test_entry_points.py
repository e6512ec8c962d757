"""Importing the code: only an entry point needs an environment, and it says what is missing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SRC = Path(__file__).parent.parent.parent / "src"
MODULES = [
    ".".join(file.relative_to(SRC).with_suffix("").parts)
    for file in sorted(SRC.glob("*/*.py"))
    if file.parent.name != "handlers" and file.stem != "__init__"
]


def python(code: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(SRC), "PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_no_other_module_needs_an_environment_or_has_an_effect() -> None:
    assert len(MODULES) > 20
    imports = f"import gc, threading, {', '.join(MODULES)}; from botocore.session import Session"
    sessions = "sum(isinstance(each, Session) for each in gc.get_objects())"
    run = python(f"{imports}; print({sessions}, threading.active_count())")
    assert (run.stdout, run.stderr) == ("0 1\n", "")


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("renew", "SESSIONS_TABLE"),
        ("sessions", "RETENTION_HOURS"),
        ("sessions", "MAX_TIMEOUT_MINUTES"),
        ("sessions", "SIGNING_KEY"),
        ("expiry", "EVENT_BUS_NAME"),
        ("expiry", "TIMER_QUEUE_URL"),
        ("expiry", "DEAD_LETTER_QUEUE_URL"),
        ("timer", "SESSIONS_TABLE"),
        ("timer", "EVENT_BUS_NAME"),
        ("timer", "TIMER_QUEUE_URL"),
        ("timer", "DEAD_LETTER_QUEUE_URL"),
    ],
)
def test_a_function_without_its_settings_does_not_start(module: str, name: str) -> None:
    run = python(f"import handlers.{module}", **{**os.environ, name: "", "PYTHONPATH": str(SRC)})
    assert run.returncode == 1
    assert f"SettingsError: {name} must " in run.stderr


@pytest.mark.parametrize("module", ["renew", "sessions", "expiry", "timer"])
def test_a_function_with_its_settings_starts(module: str) -> None:
    code = f"import handlers.{module}; print(callable(handlers.{module}.handler))"
    run = python(code, **{**os.environ, "PYTHONPATH": str(SRC)})
    assert (run.stdout, run.stderr) == ("True\n", "")
