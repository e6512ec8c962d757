"""The rule that makes one session of two versions of it, after a table was restored.

Both tables hold what one table held at the restore point. Since then, clients have renewed sessions
in the old table, and after the switch in the restored one.
"""

from dataclasses import replace

from domain.renewal import MAX_REMEMBERED
from domain.session import Session, TimeoutConfig


def are_versions_of_one(old: Session, restored: Session) -> bool:
    """Whether what never changes is the same: the ID, the agent, the user and the creation."""
    return (old.session_id, old.agent_id, old.user_id, old.created_at_ms) == (
        restored.session_id,
        restored.agent_id,
        restored.user_id,
        restored.created_at_ms,
    )


def join(old: Session, restored: Session, limits: TimeoutConfig) -> Session:
    """The restored session with what the old one knows besides; with these time limits.

    No instant and no count moves back. A renewal that both have seen, as a retry across the switch,
    counts once. The count is exact if neither version was renewed more than 31 times since they
    parted, since each remembers 32 renewals. Beyond that, it is at least that of the one with more.
    A session that was announced in either is over.
    """
    common = set(old.recent_renewals) & set(restored.recent_renewals)
    old_has_forgotten = len(old.recent_renewals) >= MAX_REMEMBERED
    if old_has_forgotten and not common:
        ahead = max(restored, old, key=lambda version: version.renewal_count)
        count, recent = ahead.renewal_count, ahead.recent_renewals
    else:
        seen = restored.recent_renewals
        since = _up_to_last_common(seen, common) if old_has_forgotten else seen
        only_restored = tuple(digest for digest in since if digest not in common)
        count = max(old.renewal_count + len(only_restored), restored.renewal_count)
        recent = (only_restored + old.recent_renewals)[:MAX_REMEMBERED]
    return replace(
        restored,
        last_activity_ms=max(old.last_activity_ms, restored.last_activity_ms),
        renewed_at_ms=max(old.renewed_at_ms, restored.renewed_at_ms),
        renewal_count=count,
        recent_renewals=recent,
        timeout_config=limits,
        announced_at_ms=_earlier(old.announced_at_ms, restored.announced_at_ms),
    )


def _earlier(*instants_ms: int | None) -> int | None:
    """The earliest of those that there are."""
    return min((each for each in instants_ms if each is not None), default=None)


def _up_to_last_common(recent: tuple[int, ...], common: set[int]) -> tuple[int, ...]:
    """Without those behind the last common one, which both had: the other version forgot them."""
    last = max(index for index, digest in enumerate(recent) if digest in common)
    return recent[: last + 1]
