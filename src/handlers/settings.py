"""The settings of the functions: read from the environment once, when they start."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Self

from domain.session import TimeoutConfig
from domain.timeout import MAX_DURATION_MINUTES, MAX_WARNING_MINUTES, TimeoutPolicy

SECONDS_PER_HOUR = 3600
MAX_RETENTION_HOURS = 365 * 24
MIN_SIGNING_KEY_CHARS = 32


class SettingsError(Exception):
    """The environment does not hold what the function needs; the text says what to set."""


@dataclass(frozen=True)
class Settings:
    """What the functions of the API need.

    ``retention_seconds`` is how long an expired session stays stored: until DynamoDB deletes
    it, it answers 410 and not 404.
    """

    sessions_table: str
    retention_seconds: int

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """The settings in ``SESSIONS_TABLE`` and ``RETENTION_HOURS``.

        Raises:
            SettingsError: one is missing or out of its range.
        """
        table = environment.get("SESSIONS_TABLE", "")
        if not re.fullmatch(r"[a-zA-Z0-9_.-]{3,255}", table):
            raise SettingsError(
                "SESSIONS_TABLE must name a DynamoDB table: 3 to 255 letters, digits, "
                f"'_', '-' or '.'; it is {table!r}"
            )
        hours = _whole(environment, "RETENTION_HOURS", MAX_RETENTION_HOURS, unit="hours", least=0)
        return cls(table, hours * SECONDS_PER_HOUR)


@dataclass(frozen=True)
class PublishingSettings:
    """Where expiries are announced, and where the records go that cannot be."""

    event_bus: str
    dead_letter_queue_url: str

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """The settings in ``EVENT_BUS_NAME`` and ``DEAD_LETTER_QUEUE_URL``.

        Raises:
            SettingsError: one is missing, or cannot be what it must be.
        """
        bus = environment.get("EVENT_BUS_NAME", "")
        if not re.fullmatch(r"[a-zA-Z0-9_.-]{1,128}", bus):
            raise SettingsError(
                "EVENT_BUS_NAME must name an event bus: 1 to 128 letters, digits, "
                f"'_', '-' or '.'; it is {bus!r}"
            )
        queue_url = environment.get("DEAD_LETTER_QUEUE_URL", "")
        if not queue_url:
            raise SettingsError("DEAD_LETTER_QUEUE_URL must be the URL of an SQS queue")
        return cls(bus, queue_url)


def timeout_policy_from(environment: Mapping[str, str]) -> TimeoutPolicy:
    """What clients may choose, and what those get who do not.

    Raises:
        SettingsError: a setting is missing, out of its range or at odds with another.
    """
    minutes = partial(_whole, environment, unit="minutes")
    least = minutes("MIN_TIMEOUT_MINUTES", MAX_DURATION_MINUTES)
    default = minutes("DEFAULT_TIMEOUT_MINUTES", MAX_DURATION_MINUTES)
    most = minutes("MAX_TIMEOUT_MINUTES", MAX_DURATION_MINUTES)
    duration = minutes("DEFAULT_MAX_DURATION_MINUTES", MAX_DURATION_MINUTES)
    warning = minutes("DEFAULT_WARNING_THRESHOLD_MINUTES", MAX_WARNING_MINUTES)
    for name, low, high_name, high in (
        ("MIN_TIMEOUT_MINUTES", least, "DEFAULT_TIMEOUT_MINUTES", default),
        ("DEFAULT_TIMEOUT_MINUTES", default, "MAX_TIMEOUT_MINUTES", most),
        ("DEFAULT_TIMEOUT_MINUTES", default, "DEFAULT_MAX_DURATION_MINUTES", duration),
    ):
        if low > high:
            raise SettingsError(f"{name} must be at most {high_name}, {high}; it is {low}")
    return TimeoutPolicy(TimeoutConfig(default, True, duration, warning), least, most)


def signing_key_from(environment: Mapping[str, str]) -> str:
    """The key that signs the cursors of lists: whoever has it can make one.

    Raises:
        SettingsError: ``SIGNING_KEY`` is missing or too short. The text does not tell it.
    """
    key = environment.get("SIGNING_KEY", "")
    if len(key) < MIN_SIGNING_KEY_CHARS:
        raise SettingsError(
            f"SIGNING_KEY must be {MIN_SIGNING_KEY_CHARS} characters or more; it has {len(key)}"
        )
    return key


def _whole(
    environment: Mapping[str, str], name: str, most: int, unit: str, *, least: int = 1
) -> int:
    value = environment.get(name, "")
    if not re.fullmatch("[0-9]{1,4}", value) or not least <= int(value) <= most:
        raise SettingsError(
            f"{name} must be a whole number of {unit} from {least} to {most}; it is {value!r}"
        )
    return int(value)
