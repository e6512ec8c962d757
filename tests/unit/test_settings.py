"""Settings are read once, and a wrong one is said in full."""

import os
import subprocess
import sys

import pytest

from handlers.settings import Settings, SettingsError

GOOD = {"SESSIONS_TABLE": "sessions", "RETENTION_HOURS": "24"}


def test_the_settings_are_the_table_and_how_long_it_keeps_expired_sessions() -> None:
    assert Settings.from_environment(GOOD) == Settings("sessions", 24 * 3600)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SESSIONS_TABLE", None),
        ("SESSIONS_TABLE", ""),
        ("SESSIONS_TABLE", "ab"),
        ("SESSIONS_TABLE", "a table"),
        ("SESSIONS_TABLE", "x" * 256),
        ("RETENTION_HOURS", None),
        ("RETENTION_HOURS", ""),
        ("RETENTION_HOURS", "0"),
        ("RETENTION_HOURS", "8761"),
        ("RETENTION_HOURS", "-1"),
        ("RETENTION_HOURS", "1.5"),
        ("RETENTION_HOURS", "\u0661"),  # a digit, elsewhere
        ("RETENTION_HOURS", "a day"),
    ],
)
def test_a_missing_or_wrong_setting_is_named_with_its_value(name: str, value: str | None) -> None:
    environment = {**GOOD, name: value} if value is not None else GOOD.copy()
    if value is None:
        del environment[name]
    with pytest.raises(SettingsError, match=rf"^{name} must .*; it is {value or ''!r}$"):
        Settings.from_environment(environment)


def test_a_function_without_its_settings_does_not_start() -> None:
    environment = {**os.environ, "PYTHONPATH": "src", "SESSIONS_TABLE": ""}
    run = subprocess.run(
        [sys.executable, "-c", "import handlers.renew"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1
    assert "SettingsError: SESSIONS_TABLE must name a DynamoDB table" in run.stderr
