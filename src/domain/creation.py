"""The rule of a creation."""

from dataclasses import dataclass, replace

from domain.session import MS_PER_MINUTE, Session, TimeoutConfig
from domain.timeout import TimeoutChange

MAX_METADATA_BYTES = 10_240
"""The most metadata a session may have, in bytes of compact JSON in UTF-8."""

KEY_LIFETIME_MS = 24 * 60 * MS_PER_MINUTE
"""How long a creation's idempotency key is remembered."""


@dataclass(frozen=True, slots=True)
class Creation:
    """What a client asks for, and for whom."""

    agent_id: str
    user_id: str
    metadata_json: str
    timeout: TimeoutChange


def create(
    creation: Creation, timeout_config: TimeoutConfig, session_id: str, now_ms: int
) -> Session:
    """A session that begins now, and expires after its first timeout."""
    session = Session(
        session_id=session_id,
        agent_id=creation.agent_id,
        user_id=creation.user_id,
        metadata_json=creation.metadata_json,
        created_at_ms=now_ms,
        last_activity_ms=now_ms,
        expires_at_ms=now_ms,
        timeout_config=timeout_config,
        renewal_count=0,
        last_renewal_id=None,
    )
    return replace(session, expires_at_ms=session.latest_expiry_ms)
