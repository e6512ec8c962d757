"""A session between a user and an agent, and what can be told of it at an instant."""

from dataclasses import dataclass

from domain.errors import SessionExpired

MS_PER_SECOND = 1000
MS_PER_MINUTE = 60 * MS_PER_SECOND

MAX_SESSION_ID_BYTES = 2048
"""The longest session ID, in bytes of UTF-8: DynamoDB's limit for a partition key."""

RESERVED_ID_PREFIX = "idempotency-key "
"""No session's ID begins so: it is for what is stored beside the sessions."""


@dataclass(frozen=True, slots=True)
class TimeoutConfig:
    """The time limits of one session, as its creator chose them."""

    timeout_minutes: int
    auto_renew: bool
    max_duration_minutes: int
    warning_threshold_minutes: int


@dataclass(frozen=True, slots=True)
class Session:
    """A session as it stands. Instants are epoch milliseconds.

    ``metadata_json`` is the client's metadata as the JSON text of an object: it is handed
    through unread, so it comes back exactly as it went in.
    """

    session_id: str
    agent_id: str
    user_id: str
    metadata_json: str
    created_at_ms: int
    last_activity_ms: int
    expires_at_ms: int
    timeout_config: TimeoutConfig
    renewal_count: int
    last_renewal_id: str | None

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
    def latest_expiry_ms(self) -> int:
        """The latest expiry that a session with this activity can have."""
        return min(self.last_activity_ms + self.timeout_ms, self.max_expires_at_ms)

    def has_expired(self, now_ms: int) -> bool:
        """A session is dead from its expiry on, whether or not it is still stored."""
        return now_ms >= self.expires_at_ms

    def judged_at_ms(self, now_ms: int) -> int:
        """The instant at which a call on the session is judged, if the session is alive then.

        The clocks of two servers differ: a session that was active later than ``now_ms`` is
        judged at that later instant, so that no instant in it ever moves back.

        Raises:
            SessionExpired: the expiry is not after the instant. It is looked at before all else.
        """
        at_ms = max(now_ms, self.last_activity_ms)
        if self.has_expired(at_ms):
            raise SessionExpired(self.session_id, self.expires_at_ms)
        return at_ms

    def time_remaining_ms(self, now_ms: int) -> int:
        """Milliseconds until the expiry; negative once it has passed."""
        return self.expires_at_ms - now_ms

    def is_near_expiration(self, now_ms: int) -> bool:
        """Alive, and with no more time left than the warning threshold."""
        threshold_ms = self.timeout_config.warning_threshold_minutes * MS_PER_MINUTE
        return 0 < self.time_remaining_ms(now_ms) <= threshold_ms


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a call on a session came to: the session as it then stands.

    ``at_ms`` is the instant it was judged at. ``changed`` is false where there was nothing to
    do: for a renewal, that is a replay.
    """

    session: Session
    at_ms: int
    changed: bool


def is_possible_session_id(session_id: str) -> bool:
    """Whether a session could have this ID: 1 to 2,048 bytes of valid UTF-8, and not reserved.

    A lone surrogate, which JSON can spell and UTF-8 cannot, is in no session's ID.
    """
    if not 0 < len(session_id) <= MAX_SESSION_ID_BYTES:
        return False
    if session_id.startswith(RESERVED_ID_PREFIX):
        return False
    try:
        return len(session_id.encode()) <= MAX_SESSION_ID_BYTES
    except UnicodeEncodeError:
        return False
