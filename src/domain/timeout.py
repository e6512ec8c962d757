"""The time limits that a session may have, and the rule that changes them."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from domain.refusals import MaximumBelowTimeout
from domain.session import Outcome, Session, TimeoutConfig

MAX_DURATION_MINUTES = 43_200
"""The longest maximum duration that a deployment may allow: no session outlives 30 days."""

MAX_WARNING_MINUTES = 1440
"""The longest warning threshold, unless the deployment allows longer timeouts than that."""


@dataclass(frozen=True, slots=True)
class TimeoutChange:
    """The fields of a ``timeoutConfig`` that a client sent. Omitted fields are ``None``."""

    timeout_minutes: int | None = None
    auto_renew: bool | None = None
    max_duration_minutes: int | None = None
    warning_threshold_minutes: int | None = None

    @property
    def given(self) -> dict[str, Any]:
        """The fields that were sent, by name."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in values.items() if value is not None}

    def applied_to(self, config: TimeoutConfig) -> TimeoutConfig:
        """The configuration with the given fields replaced and the others as they are.

        Raises:
            MaximumBelowTimeout: the resulting limits contradict each other.
        """
        changed = replace(config, **self.given)
        if changed.max_duration_minutes < changed.timeout_minutes:
            raise MaximumBelowTimeout(changed.timeout_minutes, changed.max_duration_minutes)
        return changed

    def completed_by(self, default: TimeoutConfig) -> TimeoutConfig:
        """The configuration of a new session: the given fields, and defaults for the others.

        Of the timeout and the maximum duration, one that is omitted follows the one that is given
        where its default would contradict it.

        Raises:
            MaximumBelowTimeout: both are given, and contradict each other.
        """
        longest, shortest = default.max_duration_minutes, default.timeout_minutes
        if self.timeout_minutes is not None:
            longest = max(longest, self.timeout_minutes)
        if self.max_duration_minutes is not None:
            shortest = min(shortest, self.max_duration_minutes)
        return self.applied_to(
            replace(default, timeout_minutes=shortest, max_duration_minutes=longest)
        )


@dataclass(frozen=True, slots=True)
class TimeoutPolicy:
    """The limits that a deployment allows, and those it chooses for clients who send none.

    They are parameters of ``template.yaml``.
    """

    default: TimeoutConfig
    min_timeout_minutes: int
    max_timeout_minutes: int
    duration_limit_minutes: int

    @property
    def ranges(self) -> Mapping[str, tuple[int, int]]:
        """The least and the greatest value, in minutes, of each field of ``TimeoutChange``."""
        return {
            "timeout_minutes": (self.min_timeout_minutes, self.max_timeout_minutes),
            "max_duration_minutes": (self.min_timeout_minutes, self.duration_limit_minutes),
            "warning_threshold_minutes": (1, max(MAX_WARNING_MINUTES, self.max_timeout_minutes)),
        }


def impossible_limits(config: TimeoutConfig) -> list[str]:
    """Which of these limits no deployment allows, in words without their values."""
    most = MAX_DURATION_MINUTES
    allowed = {
        f"timeoutMinutes is not from 1 to {most}": 1 <= config.timeout_minutes <= most,
        f"maxDurationMinutes is not from 1 to {most}": 1 <= config.max_duration_minutes <= most,
        f"warningThresholdMinutes is not from 1 to {most}": (
            1 <= config.warning_threshold_minutes <= most
        ),
        "maxDurationMinutes is less than timeoutMinutes": (
            config.timeout_minutes <= config.max_duration_minutes
        ),
    }
    return [defect for defect, is_allowed in allowed.items() if not is_allowed]


def change_timeout(session: Session, change: TimeoutChange, now_ms: int) -> Outcome:
    """Replace the given limits of a live session, and move its expiry accordingly.

    The expiry becomes the last renewal plus the timeout, but never passes the maximum: activity
    that did not renew the session does not extend it by this way either. It may move earlier; if
    it is then not after now, the session has expired. Nothing is counted.

    Raises:
        SessionExpired: the session was no longer alive before the change.
        MaximumBelowTimeout: the new limits contradict those that stay.
    """
    at_ms = session.effective_ms(now_ms)
    session.require_alive(at_ms)
    changed = replace(session, timeout_config=change.applied_to(session.timeout_config))
    return Outcome(changed, at_ms, changed=changed != session)
