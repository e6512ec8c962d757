"""What can be told of a session."""

import pytest

from domain.session import is_possible_session_id
from tests.sessions import NOON_MS, minutes, session


def test_the_time_remaining_is_counted_to_the_expiry() -> None:
    assert session(expires=20).time_remaining_ms(NOON_MS) == minutes(20)


@pytest.mark.parametrize(
    ("remaining_ms", "near"),
    [(0, False), (1, True), (minutes(5), True), (minutes(5) + 1, False)],
)
def test_near_expiration_is_within_the_warning_threshold(remaining_ms: int, near: bool) -> None:
    now_ms = session().expires_at_ms - remaining_ms
    assert session(warning=5).is_near_expiration(now_ms) is near


def test_a_whole_timeout_fits_until_the_maximum_less_the_timeout() -> None:
    assert session(created=0, maximum=720, timeout=30).full_renewal_until_ms == (
        NOON_MS + minutes(690)
    )


@pytest.mark.parametrize(
    "session_id",
    ["a", "a/b", "'; DROP", "\x00\n", "\u202e", "😀" * 512, "x" * 2048, " "],
)
def test_a_session_may_have_any_id_of_1_to_2048_bytes(session_id: str) -> None:
    assert is_possible_session_id(session_id)


@pytest.mark.parametrize(
    "session_id",
    ["", "x" * 2049, "é" * 1025, "😀" * 513, "\ud800", "x" * 10_000_000],
    ids=["empty", "ascii", "two-bytes", "four-bytes", "lone-surrogate", "ten-megabytes"],
)
def test_no_session_has_an_id_that_is_empty_too_long_or_not_unicode(session_id: str) -> None:
    assert not is_possible_session_id(session_id)
