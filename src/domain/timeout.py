"""The time limits that a session may have, and the rule of their change."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from domain.errors import MaximumBelowTimeout, OutOfRange
from domain.session import Outcome, Session, TimeoutConfig

MAX_DURATION_MINUTES = 2880
"""The longest maximum duration: no session lives longer than two days."""

MAX_WARNING_MINUTES = 1440


@dataclass(frozen=True, slots=True)
class TimeoutChange:
    """The fields of a timeout configuration that a client gave; none where it gave none."""

    timeout_minutes: int | None = None
    auto_renew: bool | None = None
    max_duration_minutes: int | None = None
    warning_threshold_minutes: int | None = None

    @property
    def given(self) -> dict[str, Any]:
        """The fields that were given, by name."""
        fields = ((name, getattr(self, name)) for name in self.__slots__)
        return {name: value for name, value in fields if value is not None}

    def applied_to(self, config: TimeoutConfig) -> TimeoutConfig:
        """The configuration with the given fields replaced, and the others as they are.

        Raises:
            MaximumBelowTimeout: the two that come together do not fit each other.
        """
        changed = replace(config, **self.given)
        if changed.max_duration_minutes < changed.timeout_minutes:
            raise MaximumBelowTimeout(changed.timeout_minutes, changed.max_duration_minutes)
        return changed


@dataclass(frozen=True, slots=True)
class TimeoutPolicy:
    """What a deployment lets clients choose, and chooses for those who do not."""

    default: TimeoutConfig
    min_timeout_minutes: int
    max_timeout_minutes: int

    @property
    def ranges(self) -> Mapping[str, tuple[int, int]]:
        """The least and the most, in minutes, that each field may be."""
        return {
            "timeout_minutes": (self.min_timeout_minutes, self.max_timeout_minutes),
            "max_duration_minutes": (self.min_timeout_minutes, MAX_DURATION_MINUTES),
            "warning_threshold_minutes": (1, MAX_WARNING_MINUTES),
        }

    def check(self, change: TimeoutChange) -> None:
        """See that each given field is within its range.

        Raises:
            OutOfRange: one is not.
        """
        given = change.given
        for name, (least, most) in self.ranges.items():
            if name in given and not least <= given[name] <= most:
                raise OutOfRange(name, least, most)


def change_timeout(session: Session, change: TimeoutChange, now_ms: int) -> Outcome:
    """Replace the given limits of a live session, and set its expiry by them.

    The expiry becomes the last activity plus the timeout, and never passes the maximum. It may
    move earlier; where it is then not after now, the session has expired. Nothing is counted.

    Raises:
        SessionExpired: the session was not alive before.
        MaximumBelowTimeout: the new limits do not fit those that stay.
    """
    at_ms = session.judged_at_ms(now_ms)
    limited = replace(session, timeout_config=change.applied_to(session.timeout_config))
    changed = replace(limited, expires_at_ms=limited.latest_expiry_ms)
    return Outcome(changed, at_ms, changed=changed != session)
