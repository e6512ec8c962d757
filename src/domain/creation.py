"""The rule of a creation."""

from dataclasses import dataclass

from domain.session import MS_PER_MINUTE, Session, TimeoutConfig
from domain.timeout import TimeoutChange

MAX_METADATA_BYTES = 10_240
"""The most metadata that a session may have, in bytes of compact UTF-8 JSON."""

MAX_METADATA_LEVELS = 100
"""How deep metadata may be nested. The metadata object itself is the first level."""

IDEMPOTENCY_LIFETIME_MS = 24 * 60 * MS_PER_MINUTE
"""How long a creation's idempotency key is recognised."""


@dataclass(frozen=True, slots=True)
class CreationRequest:
    """The session that a client asks for. The metadata is the text of a JSON object."""

    agent_id: str
    user_id: str
    metadata_json: str
    timeout: TimeoutChange


def create(
    request: CreationRequest, timeout_config: TimeoutConfig, session_id: str, now_ms: int
) -> Session:
    """A session that begins now, and expires a timeout later unless it is renewed."""
    return Session(
        session_id=session_id,
        agent_id=request.agent_id,
        user_id=request.user_id,
        metadata_json=request.metadata_json,
        created_at_ms=now_ms,
        last_activity_ms=now_ms,
        renewed_at_ms=now_ms,
        timeout_config=timeout_config,
        renewal_count=0,
        recent_renewals=(),
    )
