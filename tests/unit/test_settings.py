"""The settings of the functions, and what is said of a wrong one."""

from collections.abc import Callable

import pytest

from domain.session import TimeoutConfig
from domain.timeout import TimeoutPolicy
from runtime.settings import (
    ExpirySettings,
    RenewSettings,
    SessionsSettings,
    SettingsError,
    TimerSettings,
)

RENEW = {"SESSIONS_TABLE": "sessions", "RETENTION_HOURS": "24"}
LIMITS = {
    "DEFAULT_TIMEOUT_MINUTES": "30",
    "MIN_TIMEOUT_MINUTES": "5",
    "MAX_TIMEOUT_MINUTES": "1440",
    "DEFAULT_MAX_DURATION_MINUTES": "720",
    "MAX_DURATION_LIMIT_MINUTES": "2880",
    "DEFAULT_WARNING_THRESHOLD_MINUTES": "6",
}
KEY = {"SIGNING_KEY": "k" * 32, "PUBLIC_HEALTH": "off"}
EXPIRY = {
    "EVENT_BUS_NAME": "platform",
    "TIMER_QUEUE_URL": "https://sqs/timers",
    "DEAD_LETTER_QUEUE_URL": "https://sqs/dead-letters",
}
TIMER = {**EXPIRY, "SESSIONS_TABLE": "sessions"}
FUNCTIONS: list[tuple[Callable[[dict[str, str]], object], dict[str, str]]] = [
    (RenewSettings.from_environment, RENEW),
    (SessionsSettings.from_environment, {**RENEW, **LIMITS, **KEY}),
    (ExpirySettings.from_environment, EXPIRY),
    (TimerSettings.from_environment, TIMER),
]
NEEDED = [(read, good, name) for read, good in FUNCTIONS for name in good]


def test_a_renewal_needs_the_table_and_its_retention() -> None:
    assert RenewSettings.from_environment(RENEW) == RenewSettings("sessions", 24 * 3600, ())


def test_the_other_calls_also_need_limits_and_a_signing_key() -> None:
    policy = TimeoutPolicy(TimeoutConfig(30, True, 720, 6), 5, 1440, 2880)
    settings = SessionsSettings.from_environment({**RENEW, **LIMITS, **KEY})
    assert settings == SessionsSettings("sessions", 24 * 3600, policy, "k" * 32, (), False)


def test_expiries_need_a_bus_and_two_queues() -> None:
    expected = ExpirySettings("platform", "https://sqs/timers", "https://sqs/dead-letters")
    assert ExpirySettings.from_environment(EXPIRY) == expected


def test_timers_need_the_table_as_well() -> None:
    settings = TimerSettings.from_environment(TIMER)
    assert settings == TimerSettings(
        "sessions", "platform", "https://sqs/timers", "https://sqs/dead-letters"
    )


@pytest.mark.parametrize(("read", "good", "name"), NEEDED, ids=[name for *_, name in NEEDED])
def test_a_missing_setting_is_named(
    read: Callable[[dict[str, str]], object], good: dict[str, str], name: str
) -> None:
    with pytest.raises(SettingsError, match=f"^{name} must "):
        read({each: value for each, value in good.items() if each != name})


@pytest.mark.parametrize("table", ["", "ab", "a table", "x" * 256])
def test_a_table_of_no_possible_name_is_shown(table: str) -> None:
    with pytest.raises(SettingsError, match=rf"^SESSIONS_TABLE must .*; it is {table!r}$"):
        RenewSettings.from_environment({**RENEW, "SESSIONS_TABLE": table})


# The last is a digit, but not an ASCII one.
@pytest.mark.parametrize("hours", ["", "-0", "8761", "-1", "1.5", "a day", "\u0661"])
def test_a_retention_that_is_no_number_in_range_is_shown(hours: str) -> None:
    with pytest.raises(SettingsError, match=rf"^RETENTION_HOURS must .*; it is {hours!r}$"):
        RenewSettings.from_environment({**RENEW, "RETENTION_HOURS": hours})


def test_the_retention_may_be_none_at_all() -> None:
    settings = RenewSettings.from_environment({**RENEW, "RETENTION_HOURS": "0"})
    assert settings.retention_seconds == 0


@pytest.mark.parametrize("name", ["a bus", "arn:aws:events:::event-bus/b", "x" * 129])
def test_a_bus_of_no_possible_name_is_shown(name: str) -> None:
    with pytest.raises(SettingsError, match=rf"^EVENT_BUS_NAME must .*; it is {name!r}$"):
        ExpirySettings.from_environment({**EXPIRY, "EVENT_BUS_NAME": name})


@pytest.mark.parametrize("name", LIMITS)
@pytest.mark.parametrize("value", ["0", "43201", "1.5", "half an hour"])
def test_a_limit_that_is_no_number_in_range_is_shown(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=rf"^{name} must be a whole .*; it is {value!r}$"):
        SessionsSettings.from_environment({**RENEW, **KEY, **LIMITS, name: value})


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("MIN_TIMEOUT_MINUTES", "31", "must be at most DEFAULT_TIMEOUT_MINUTES, 30; it is 31"),
        ("MAX_TIMEOUT_MINUTES", "29", "DEFAULT_TIMEOUT_MINUTES must be at most MAX_TIMEOUT_MIN"),
        ("DEFAULT_TIMEOUT_MINUTES", "721", "must be at most DEFAULT_MAX_DURATION_MINUTES, 720"),
        ("MAX_DURATION_LIMIT_MINUTES", "719", "DEFAULT_MAX_DURATION_MINUTES must be at most MAX_D"),
        ("MAX_DURATION_LIMIT_MINUTES", "1439", "MAX_TIMEOUT_MINUTES must be at most MAX_DURATION"),
        ("DEFAULT_WARNING_THRESHOLD_MINUTES", "1441", "from 1 to 1440; it is '1441'"),
    ],
)
def test_limits_that_contradict_each_other_are_named(name: str, value: str, complaint: str) -> None:
    with pytest.raises(SettingsError, match=complaint):
        SessionsSettings.from_environment({**RENEW, **KEY, **LIMITS, name: value})


def test_a_deployment_may_allow_sessions_of_thirty_days() -> None:
    longest = {"MAX_TIMEOUT_MINUTES": "43200", "MAX_DURATION_LIMIT_MINUTES": "43200"}
    settings = SessionsSettings.from_environment({**RENEW, **KEY, **LIMITS, **longest})
    assert settings.timeout_policy.ranges == {
        "timeout_minutes": (5, 43_200),
        "max_duration_minutes": (5, 43_200),
        "warning_threshold_minutes": (1, 43_200),
    }


def test_a_short_signing_key_is_not_shown() -> None:
    environment = {**RENEW, **LIMITS, "SIGNING_KEY": "hush" * 7}
    with pytest.raises(SettingsError, match=r"32 characters or more; it has 28$"):
        SessionsSettings.from_environment(environment)


@pytest.mark.parametrize("text", ["k" * 16, f" {'k' * 16}\n", f"{'k' * 16},"])
def test_one_api_key_may_have_white_space_and_commas_around_it(text: str) -> None:
    assert RenewSettings.from_environment({**RENEW, "API_KEYS": text}).api_keys == ("k" * 16,)


@pytest.mark.parametrize("said", [{}, {"API_KEYS": "none"}], ids=["nothing", "none"])
def test_there_are_no_api_keys_where_none_is_said(said: dict[str, str]) -> None:
    assert RenewSettings.from_environment({**RENEW, **said}).api_keys == ()


@pytest.mark.parametrize("between", [" ", ",", ", ", "\n", "\r\n\r\n"])
def test_several_api_keys_are_valid_at_once(between: str) -> None:
    keys = ("a-first-key-of-many", "Second.Key_~+/=" + "x" * 20)
    settings = SessionsSettings.from_environment(
        {**RENEW, **LIMITS, **KEY, "API_KEYS": between.join(keys)}
    )
    assert settings.api_keys == keys


WRONG_KEYS = {
    "empty": "",
    "blank": " , ",
    "short": "k" * 15,
    "long": "k" * 129,
    "one of two": f"{'k' * 16} short",
    "JSON": '{"key": "kkkkkkkkkkkkkkkkkkkk"}',
    "not ASCII": "é" * 16,
    "eleven": ",".join(f"key-{n}-of-many-keys" for n in range(11)),
}


@pytest.mark.parametrize("text", WRONG_KEYS.values(), ids=WRONG_KEYS)
def test_a_wrong_api_key_opens_nothing_and_is_not_shown(text: str) -> None:
    with pytest.raises(SettingsError, match=r"^API_KEYS must hold 1 to 10 keys") as refused:
        RenewSettings.from_environment({**RENEW, "API_KEYS": text})
    assert "kkk" not in str(refused.value)


@pytest.mark.parametrize(("value", "is_public"), [("on", True), ("off", False)])
def test_health_may_be_public(value: str, is_public: bool) -> None:
    environment = {**RENEW, **LIMITS, **KEY, "PUBLIC_HEALTH": value}
    assert SessionsSettings.from_environment(environment).health_is_public is is_public


def test_settings_do_not_show_their_secrets() -> None:
    secrets = {"SIGNING_KEY": "a-signing-key-" * 3, "API_KEYS": "an-api-key-of-somebody"}
    environment = {**RENEW, **LIMITS, **KEY, **secrets}
    for read in (RenewSettings.from_environment, SessionsSettings.from_environment):
        assert not [each for each in secrets.values() if each in repr(read(environment))]
