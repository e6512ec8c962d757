"""The settings of the functions, a class each. An entry point reads them once, at its start."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Self

from domain.session import TimeoutConfig
from domain.timeout import MAX_DURATION_MINUTES, MAX_WARNING_MINUTES, TimeoutPolicy

SECONDS_PER_HOUR = 3600
MAX_RETENTION_HOURS = 365 * 24
MIN_SIGNING_KEY_CHARS = 32
MAX_API_KEYS = 10
NO_API_KEYS = "none"
"""What the template says where everybody may call. No key is as short."""
API_KEY = re.compile(r"[A-Za-z0-9._~+/=-]{16,128}")

Environment = Mapping[str, str]


class SettingsError(Exception):
    """The environment lacks what the function needs; the text says what to set."""


@dataclass(frozen=True)
class RenewSettings:
    """What RenewFunction needs.

    ``retention_seconds`` is how long an expired session stays stored. Until DynamoDB deletes it,
    it answers 410; afterwards, 404.
    """

    sessions_table: str
    retention_seconds: int
    api_keys: tuple[str, ...] = field(repr=False)

    @classmethod
    def from_environment(cls, environment: Environment) -> Self:
        """The settings in ``SESSIONS_TABLE``, ``RETENTION_HOURS`` and, if it is set, ``API_KEYS``.

        Raises:
            SettingsError: one is missing, out of range or not possible.
        """
        return cls(
            _table_setting(environment), _retention_setting(environment), _api_keys(environment)
        )


@dataclass(frozen=True)
class SessionsSettings:
    """What SessionsFunction needs.

    ``signing_key`` signs the cursors of lists and keys the IDs of idempotency records.
    """

    sessions_table: str
    retention_seconds: int
    timeout_policy: TimeoutPolicy
    signing_key: str = field(repr=False)
    api_keys: tuple[str, ...] = field(repr=False)
    health_is_public: bool

    @classmethod
    def from_environment(cls, environment: Environment) -> Self:
        """The settings in the variables that the template gives to SessionsFunction.

        Raises:
            SettingsError: one is missing, out of range, or contradicts another.
        """
        return cls(
            _table_setting(environment),
            _retention_setting(environment),
            _timeout_policy(environment),
            _signing_key(environment),
            _api_keys(environment),
            _switch(environment, "PUBLIC_HEALTH"),
        )


@dataclass(frozen=True)
class ExpirySettings:
    """What ExpiryFunction needs: where to publish, and where to keep what cannot be published.

    New sessions' timers are started by messages to ``timer_queue_url``.
    """

    event_bus: str
    timer_queue_url: str
    dead_letter_queue_url: str

    @classmethod
    def from_environment(cls, environment: Environment) -> Self:
        """The settings in ``EVENT_BUS_NAME``, ``TIMER_QUEUE_URL`` and ``DEAD_LETTER_QUEUE_URL``.

        Raises:
            SettingsError: one is missing or not possible.
        """
        return cls(
            _bus_setting(environment),
            _queue_setting(environment, "TIMER_QUEUE_URL"),
            _queue_setting(environment, "DEAD_LETTER_QUEUE_URL"),
        )


@dataclass(frozen=True)
class TimerSettings:
    """What TimerFunction needs: the sessions, where to publish, its queue and its dead letters."""

    sessions_table: str
    event_bus: str
    timer_queue_url: str
    dead_letter_queue_url: str

    @classmethod
    def from_environment(cls, environment: Environment) -> Self:
        """The settings in ``SESSIONS_TABLE``, and in the variables of ``ExpirySettings``.

        Raises:
            SettingsError: one is missing or not possible.
        """
        return cls(
            _table_setting(environment),
            _bus_setting(environment),
            _queue_setting(environment, "TIMER_QUEUE_URL"),
            _queue_setting(environment, "DEAD_LETTER_QUEUE_URL"),
        )


def _bus_setting(environment: Environment) -> str:
    bus = environment.get("EVENT_BUS_NAME", "")
    if not re.fullmatch(r"[a-zA-Z0-9_.-]{1,128}", bus):
        raise SettingsError(
            "EVENT_BUS_NAME must name an event bus: 1 to 128 letters, digits, "
            f"'_', '-' or '.'; it is {bus!r}"
        )
    return bus


def _queue_setting(environment: Environment, name: str) -> str:
    queue_url = environment.get(name, "")
    if not queue_url:
        raise SettingsError(f"{name} must be the URL of an SQS queue")
    return queue_url


def _table_setting(environment: Environment) -> str:
    table = environment.get("SESSIONS_TABLE", "")
    if not re.fullmatch(r"[a-zA-Z0-9_.-]{3,255}", table):
        raise SettingsError(
            "SESSIONS_TABLE must name a DynamoDB table: 3 to 255 letters, digits, "
            f"'_', '-' or '.'; it is {table!r}"
        )
    return table


def _retention_setting(environment: Environment) -> int:
    hours = int_setting(environment, "RETENTION_HOURS", 0, MAX_RETENTION_HOURS, unit="hours")
    return hours * SECONDS_PER_HOUR


def _timeout_policy(environment: Environment) -> TimeoutPolicy:
    minutes = partial(int_setting, environment, least=1, unit="minutes")
    least = minutes("MIN_TIMEOUT_MINUTES", most=MAX_DURATION_MINUTES)
    default = minutes("DEFAULT_TIMEOUT_MINUTES", most=MAX_DURATION_MINUTES)
    most = minutes("MAX_TIMEOUT_MINUTES", most=MAX_DURATION_MINUTES)
    duration = minutes("DEFAULT_MAX_DURATION_MINUTES", most=MAX_DURATION_MINUTES)
    limit = minutes("MAX_DURATION_LIMIT_MINUTES", most=MAX_DURATION_MINUTES)
    warning = minutes("DEFAULT_WARNING_THRESHOLD_MINUTES", most=MAX_WARNING_MINUTES)
    for name, low, high_name, high in (
        ("MIN_TIMEOUT_MINUTES", least, "DEFAULT_TIMEOUT_MINUTES", default),
        ("DEFAULT_TIMEOUT_MINUTES", default, "MAX_TIMEOUT_MINUTES", most),
        ("DEFAULT_TIMEOUT_MINUTES", default, "DEFAULT_MAX_DURATION_MINUTES", duration),
        ("DEFAULT_MAX_DURATION_MINUTES", duration, "MAX_DURATION_LIMIT_MINUTES", limit),
        ("MAX_TIMEOUT_MINUTES", most, "MAX_DURATION_LIMIT_MINUTES", limit),
    ):
        if low > high:
            raise SettingsError(f"{name} must be at most {high_name}, {high}; it is {low}")
    limits = TimeoutConfig(
        timeout_minutes=default,
        auto_renew=True,
        max_duration_minutes=duration,
        warning_threshold_minutes=warning,
    )
    return TimeoutPolicy(limits, least, most, limit)


def _signing_key(environment: Environment) -> str:
    key = environment.get("SIGNING_KEY", "")
    if len(key) < MIN_SIGNING_KEY_CHARS:  # the text does not reveal it
        raise SettingsError(
            f"SIGNING_KEY must be {MIN_SIGNING_KEY_CHARS} characters or more; it has {len(key)}"
        )
    return key


def _api_keys(environment: Environment) -> tuple[str, ...]:
    """The keys, separated by white space or commas.

    There are none if the variable says so or is not set. One that is empty is a mistake: it must
    not open the API to everybody.
    """
    text = environment.get("API_KEYS", NO_API_KEYS)
    if text == NO_API_KEYS:
        return ()
    keys = tuple(re.split(r"[\s,]+", text.strip(" \t\r\n,")))
    if len(keys) > MAX_API_KEYS or not all(map(API_KEY.fullmatch, keys)):  # reveals none
        raise SettingsError(
            f"API_KEYS must hold 1 to {MAX_API_KEYS} keys, separated by white space or commas, "
            "each of 16 to 128 letters, digits, '-', '.', '_', '~', '+', '/' or '='"
        )
    return keys


def _switch(environment: Environment, name: str) -> bool:
    value = environment.get(name, "")
    if value not in ("on", "off"):
        raise SettingsError(f"{name} must be on or off; it is {value!r}")
    return value == "on"


def int_setting(environment: Environment, name: str, least: int, most: int, *, unit: str) -> int:
    """The integer in the variable.

    Raises:
        SettingsError: it is missing, not an integer, or out of range.
    """
    value = environment.get(name, "")
    if not re.fullmatch("[0-9]{1,5}", value) or not least <= int(value) <= most:
        raise SettingsError(
            f"{name} must be a whole number of {unit} from {least} to {most}; it is {value!r}"
        )
    return int(value)
