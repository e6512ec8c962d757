"""Sessions to make claims about."""

from dataclasses import replace
from typing import Any

from domain.renewal import renewal_digest
from domain.session import MS_PER_MINUTE, Session, TimeoutConfig
from domain.timeout import TimeoutPolicy
from runtime.clock import epoch_ms

AGENT_ID = "7b0f7a5e-53c7-4d0f-9a43-1f6a3c0d9f11"
USER_ID = "f3d0b8f2-8f8e-4a43-9a5b-6a2f3c1e7d22"
NOON_MS = 4_102_488_000_000
"""The instant that stands for now: 2100-01-01, 12:00. Later than any clock that deletes by TTL."""

POLICY = TimeoutPolicy(TimeoutConfig(30, True, 720, 5), 5, 1440, 2880)
"""The template's own defaults."""

SIGNING_KEY = "a key that signs the cursors of tests"


def minutes(count: float) -> int:
    """So many minutes, in milliseconds."""
    return int(count * MS_PER_MINUTE)


def session(  # noqa: PLR0913 - what a claim may be about
    session_id: str = "a-session",
    *,
    created: float = -10,
    active: float = -10,
    expires: float = 20,
    timeout: int = 30,
    maximum: int = 720,
    warning: int = 5,
    **fields: Any,
) -> Session:
    """A session with its times in minutes from noon: by default live and 10 minutes old."""
    return Session(
        session_id=session_id,
        created_at_ms=NOON_MS + minutes(created),
        last_activity_ms=NOON_MS + minutes(active),
        renewed_at_ms=NOON_MS + minutes(expires - timeout),
        timeout_config=TimeoutConfig(
            timeout_minutes=timeout,
            auto_renew=fields.pop("auto_renew", True),
            max_duration_minutes=maximum,
            warning_threshold_minutes=warning,
        ),
        **{
            "agent_id": AGENT_ID,
            "user_id": USER_ID,
            "metadata_json": '{"channel":"web"}',
            "renewal_count": 0,
            "recent_renewals": (),
            **fields,
        },
    )


def remembering(*renewal_ids: str) -> dict[str, Any]:
    """The fields of a session that these renewals made, the latest first."""
    return {
        "renewal_count": len(renewal_ids),
        "recent_renewals": tuple(renewal_digest(each) for each in renewal_ids),
    }


def as_of_now(stored: Session) -> Session:
    """The session moved from noon to now: for what has a clock of its own."""
    shift_ms = epoch_ms() - NOON_MS
    return replace(
        stored,
        created_at_ms=stored.created_at_ms + shift_ms,
        last_activity_ms=stored.last_activity_ms + shift_ms,
        renewed_at_ms=stored.renewed_at_ms + shift_ms,
    )
