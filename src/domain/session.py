"""A session between a user and an agent, and what is true of it at an instant."""

from dataclasses import dataclass

from domain.refusals import SessionExpired

MS_PER_SECOND = 1000
MS_PER_MINUTE = 60 * MS_PER_SECOND


@dataclass(frozen=True, slots=True)
class TimeoutConfig:
    """The time limits of one session: the contract's ``timeoutConfig``."""

    timeout_minutes: int
    auto_renew: bool
    max_duration_minutes: int
    warning_threshold_minutes: int


@dataclass(frozen=True, slots=True)
class Session:
    """A session as it is stored. Instants are epoch milliseconds.

    ``metadata_json`` is the client's metadata as the text of a JSON object. It is passed through
    unparsed, so that it comes back exactly as it was sent. ``renewed_at_ms`` is when the session
    was last renewed, or created. ``recent_renewals`` are the digests of the latest renewals, at
    most 32, the latest first. ``announced_at_ms`` is when it was decided to announce the expiry:
    from then on the session is over, whatever a clock says.
    """

    session_id: str
    agent_id: str
    user_id: str
    metadata_json: str
    created_at_ms: int
    last_activity_ms: int
    renewed_at_ms: int
    timeout_config: TimeoutConfig
    renewal_count: int
    recent_renewals: tuple[int, ...]
    announced_at_ms: int | None = None

    @property
    def timeout_ms(self) -> int:
        """How long the session lives without a renewal."""
        return self.timeout_config.timeout_minutes * MS_PER_MINUTE

    @property
    def max_expires_at_ms(self) -> int:
        """The maximum: no renewal moves the expiry past it."""
        return self.created_at_ms + self.timeout_config.max_duration_minutes * MS_PER_MINUTE

    @property
    def full_renewal_until_ms(self) -> int:
        """The last instant at which a renewal can still add a whole timeout."""
        return self.max_expires_at_ms - self.timeout_ms

    @property
    def expires_at_ms(self) -> int:
        """The last renewal plus the timeout, but never past the maximum."""
        return min(self.renewed_at_ms + self.timeout_ms, self.max_expires_at_ms)

    @property
    def warns_at_ms(self) -> int | None:
        """When time alone brings the session within its warning threshold.

        ``None`` where the last renewal left it there already: the threshold is as long as the
        timeout, or the maximum is near.
        """
        threshold_ms = self.timeout_config.warning_threshold_minutes * MS_PER_MINUTE
        warns_at_ms = self.expires_at_ms - threshold_ms
        return warns_at_ms if warns_at_ms > self.renewed_at_ms else None

    def effective_ms(self, now_ms: int) -> int:
        """The instant that a call at ``now_ms`` counts as: never before the last activity.

        Lambda clocks differ. A session that was active later than ``now_ms`` is judged at that
        later instant, so that none of its times ever moves back.
        """
        return max(now_ms, self.last_activity_ms)

    def is_alive(self, at_ms: int) -> bool:
        """Whether the expiry is ahead and unannounced. A stored session may well be past it."""
        return at_ms < self.expires_at_ms and self.announced_at_ms is None

    def require_alive(self, at_ms: int) -> None:
        """Refuse a session that has expired. Every rule asks this before anything else.

        Raises:
            SessionExpired: the session is not alive at this instant.
        """
        if not self.is_alive(at_ms):
            raise SessionExpired(self.session_id, self.expires_at_ms)

    def time_remaining_ms(self, at_ms: int) -> int:
        """Milliseconds until the expiry; negative once it has passed."""
        return self.expires_at_ms - at_ms

    def is_near_expiration(self, at_ms: int) -> bool:
        """Alive, with no more time left than the warning threshold."""
        threshold_ms = self.timeout_config.warning_threshold_minutes * MS_PER_MINUTE
        return 0 < self.time_remaining_ms(at_ms) <= threshold_ms


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A session, and the instant (epoch milliseconds) at which it stood so."""

    session: Session
    at_ms: int


@dataclass(frozen=True, slots=True)
class Outcome(Snapshot):
    """What a call made of a session: the session as it now stands, at the call's instant.

    ``changed`` is false where there was nothing to do. For a renewal, that is a replay.
    """

    changed: bool


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose sessions are meant: a user's, an agent's, those between both, or everyone's."""

    user_id: str | None = None
    agent_id: str | None = None


def snapshot(session: Session, now_ms: int) -> Snapshot:
    """A live session as it stands now.

    Raises:
        SessionExpired: it is no longer alive.
    """
    at_ms = session.effective_ms(now_ms)
    session.require_alive(at_ms)
    return Snapshot(session, at_ms)
