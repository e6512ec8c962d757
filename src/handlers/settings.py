"""The settings of a function: read from its environment once, when it starts."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

SECONDS_PER_HOUR = 3600
MAX_RETENTION_HOURS = 365 * 24


class SettingsError(Exception):
    """The environment does not hold what the function needs; the text says what to set."""


@dataclass(frozen=True)
class Settings:
    """What a deployment decides.

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
        hours = environment.get("RETENTION_HOURS", "")
        if not re.fullmatch("[0-9]{1,4}", hours) or not 1 <= int(hours) <= MAX_RETENTION_HOURS:
            raise SettingsError(
                "RETENTION_HOURS must be a whole number of hours from 1 to "
                f"{MAX_RETENTION_HOURS}; it is {hours!r}"
            )
        return cls(table, int(hours) * SECONDS_PER_HOUR)
