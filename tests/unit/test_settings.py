"""Settings are read once, and a wrong one is said in full."""

import os
import subprocess
import sys

import pytest

from domain.session import TimeoutConfig
from domain.timeout import TimeoutPolicy
from handlers.settings import (
    PublishingSettings,
    Settings,
    SettingsError,
    signing_key_from,
    timeout_policy_from,
)

GOOD = {"SESSIONS_TABLE": "sessions", "RETENTION_HOURS": "24"}
LIMITS = {
    "DEFAULT_TIMEOUT_MINUTES": "30",
    "MIN_TIMEOUT_MINUTES": "5",
    "MAX_TIMEOUT_MINUTES": "1440",
    "DEFAULT_MAX_DURATION_MINUTES": "720",
    "DEFAULT_WARNING_THRESHOLD_MINUTES": "6",
}


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
        ("RETENTION_HOURS", "-0"),
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


def test_expired_sessions_need_not_be_kept() -> None:
    assert Settings.from_environment({**GOOD, "RETENTION_HOURS": "0"}).retention_seconds == 0


def test_the_settings_of_publishing_are_a_bus_and_a_queue() -> None:
    environment = {"EVENT_BUS_NAME": "platform", "DEAD_LETTER_QUEUE_URL": "https://sqs/queue"}
    settings = PublishingSettings.from_environment(environment)
    assert settings == PublishingSettings("platform", "https://sqs/queue")


@pytest.mark.parametrize("name", ["", "a bus", "arn:aws:events:::event-bus/b", "x" * 129])
def test_a_bus_of_no_possible_name_is_named(name: str) -> None:
    with pytest.raises(SettingsError, match=rf"^EVENT_BUS_NAME must .*; it is {name!r}$"):
        PublishingSettings.from_environment({"EVENT_BUS_NAME": name})


def test_the_policy_is_the_defaults_and_the_range_of_the_timeout() -> None:
    assert timeout_policy_from(LIMITS) == TimeoutPolicy(TimeoutConfig(30, True, 720, 6), 5, 1440)


@pytest.mark.parametrize("name", LIMITS)
@pytest.mark.parametrize("value", ["", "0", "2881", "-1", "1.5", "half an hour", "\u0661"])
def test_a_limit_that_is_no_number_in_its_range_is_named_with_its_value(
    name: str, value: str
) -> None:
    with pytest.raises(
        SettingsError, match=rf"^{name} must be a whole number .*; it is {value!r}$"
    ):
        timeout_policy_from({**LIMITS, name: value})


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("MIN_TIMEOUT_MINUTES", "31", "must be at most DEFAULT_TIMEOUT_MINUTES, 30; it is 31"),
        ("MAX_TIMEOUT_MINUTES", "29", "DEFAULT_TIMEOUT_MINUTES must be at most MAX_TIMEOUT_MIN"),
        ("DEFAULT_TIMEOUT_MINUTES", "721", "must be at most DEFAULT_MAX_DURATION_MINUTES, 720"),
        ("DEFAULT_MAX_DURATION_MINUTES", "29", "DEFAULT_MAX_DURATION_MINUTES, 29; it is 30"),
        ("DEFAULT_WARNING_THRESHOLD_MINUTES", "1441", "from 1 to 1440; it is '1441'"),
    ],
)
def test_limits_that_make_no_sense_together_are_named(
    name: str, value: str, complaint: str
) -> None:
    with pytest.raises(SettingsError, match=complaint):
        timeout_policy_from({**LIMITS, name: value})


def test_the_signing_key_is_long_and_a_wrong_one_is_not_told() -> None:
    assert signing_key_from({"SIGNING_KEY": "k" * 32}) == "k" * 32
    for short in ("", "hush" * 7):
        with pytest.raises(SettingsError, match=f"32 characters or more; it has {len(short)}$"):
            signing_key_from({"SIGNING_KEY": short})


@pytest.mark.parametrize(
    ("module", "name", "complaint"),
    [
        ("renew", "SESSIONS_TABLE", "SESSIONS_TABLE must name a DynamoDB table"),
        ("sessions", "RETENTION_HOURS", "RETENTION_HOURS must be a whole number"),
        ("sessions", "MAX_TIMEOUT_MINUTES", "MAX_TIMEOUT_MINUTES must be a whole number"),
        ("sessions", "SIGNING_KEY", "SIGNING_KEY must be 32 characters"),
        ("expiry", "EVENT_BUS_NAME", "EVENT_BUS_NAME must name an event bus"),
        ("expiry", "DEAD_LETTER_QUEUE_URL", "DEAD_LETTER_QUEUE_URL must be the URL"),
    ],
)
def test_a_function_without_its_settings_does_not_start(
    module: str, name: str, complaint: str
) -> None:
    environment = {**os.environ, "PYTHONPATH": "src", name: ""}
    run = subprocess.run(
        [sys.executable, "-c", f"import handlers.{module}"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1
    assert f"SettingsError: {complaint}" in run.stderr
