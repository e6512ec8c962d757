"""The rule that makes one session of its versions in an old table and in a restored one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from hypothesis import example, given, settings
from hypothesis import strategies as st

from domain.heartbeat import record_heartbeat
from domain.refusals import SessionRefusal
from domain.renewal import MAX_REMEMBERED, renew, renewal_digest
from domain.session import Session
from domain.timeout import TimeoutChange, change_timeout
from domain.versions import are_versions_of_one, join
from tests.support.sessions import NOON_MS, minutes, remembering, session


@dataclass(frozen=True)
class Step:
    """A call on one version, so many seconds after noon."""

    kind: str
    name: str
    at_seconds: int

    def applied_to(self, stored: Session) -> Session:
        """The session after the call, whether or not it was refused."""
        now_ms = NOON_MS + 1000 * self.at_seconds
        calls: dict[str, Callable[[], Session]] = {
            "renewal": lambda: renew(stored, now_ms, self.name).session,
            "heartbeat": lambda: record_heartbeat(stored, now_ms, self.name).session,
            "limits": lambda: (
                change_timeout(stored, TimeoutChange(timeout_minutes=45), now_ms).session
            ),
        }
        try:
            return calls[self.kind]()
        except SessionRefusal:
            return stored


def after(stored: Session, steps: Sequence[Step]) -> Session:
    """The session after these calls, one after another."""
    for step in steps:
        stored = step.applied_to(stored)
    return stored


def steps(prefix: str, kinds: Sequence[str]) -> st.SearchStrategy[list[Step]]:
    """Up to twelve calls. Both versions may see some renewals: retries across the switch."""
    names = st.sampled_from([*(f"{prefix}-{n}" for n in range(9)), "both-1", "both-2"])
    step = st.builds(Step, st.sampled_from(kinds), names, st.integers(0, 1200))
    return st.lists(step, max_size=12)


SESSION_KINDS = ("renewal", "heartbeat")
ancestors = st.integers(0, MAX_REMEMBERED + 3).map(
    lambda count: session(**remembering(*(f"earlier-{n}" for n in range(count))))
)
ancestors = ancestors.map(
    lambda stored: replace(stored, recent_renewals=stored.recent_renewals[:MAX_REMEMBERED])
)
old_steps = steps("old", SESSION_KINDS)
restored_steps = steps("restored", SESSION_KINDS)


@settings(max_examples=500)
@given(ancestors, old_steps, restored_steps)
def test_each_renewal_of_either_version_is_counted_once(
    ancestor: Session, in_old: list[Step], in_restored: list[Step]
) -> None:
    old, restored = after(ancestor, in_old), after(ancestor, in_restored)
    joined = join(old, restored, restored.timeout_config)
    known = set(ancestor.recent_renewals)
    made = (set(old.recent_renewals) | set(restored.recent_renewals)) - known
    assert joined.renewal_count == ancestor.renewal_count + len(made)


@given(ancestors, old_steps, restored_steps)
def test_a_retry_of_either_versions_renewal_is_recognised(
    ancestor: Session, in_old: list[Step], in_restored: list[Step]
) -> None:
    old, restored = after(ancestor, in_old), after(ancestor, in_restored)
    joined = join(old, restored, restored.timeout_config)
    made = (set(old.recent_renewals) | set(restored.recent_renewals)) - set(
        ancestor.recent_renewals
    )
    assert made <= set(joined.recent_renewals)
    assert len(set(joined.recent_renewals)) == len(joined.recent_renewals) <= MAX_REMEMBERED


@given(ancestors, old_steps, restored_steps)
def test_no_instant_moves_back(
    ancestor: Session, in_old: list[Step], in_restored: list[Step]
) -> None:
    old, restored = after(ancestor, in_old), after(ancestor, in_restored)
    joined = join(old, restored, restored.timeout_config)
    for version in (old, restored):
        assert joined.expires_at_ms >= version.expires_at_ms
        assert joined.last_activity_ms >= version.last_activity_ms
        assert joined.renewal_count >= version.renewal_count


@given(ancestors, old_steps)
def test_a_restored_session_that_nobody_has_used_becomes_the_old_one(
    ancestor: Session, in_old: list[Step]
) -> None:
    old = after(ancestor, in_old)
    assert join(old, ancestor, old.timeout_config) == old


@given(ancestors, restored_steps)
def test_a_session_that_was_not_used_in_the_old_table_stays(
    ancestor: Session, in_restored: list[Step]
) -> None:
    restored = after(ancestor, in_restored)
    assert join(ancestor, restored, restored.timeout_config) == restored


@given(ancestors, old_steps, restored_steps)
def test_a_second_merge_changes_nothing(
    ancestor: Session, in_old: list[Step], in_restored: list[Step]
) -> None:
    old, restored = after(ancestor, in_old), after(ancestor, in_restored)
    joined = join(old, restored, restored.timeout_config)
    assert join(old, joined, joined.timeout_config) == joined


@given(ancestors, old_steps, restored_steps, steps("later", (*SESSION_KINDS, "limits")))
def test_a_merge_takes_nothing_back_of_what_came_after_the_one_before(
    ancestor: Session, in_old: list[Step], in_restored: list[Step], later: list[Step]
) -> None:
    old, restored = after(ancestor, in_old), after(ancestor, in_restored)
    used = after(join(old, restored, restored.timeout_config), later)
    assert join(old, used, used.timeout_config) == used


@given(st.integers(MAX_REMEMBERED, 3 * MAX_REMEMBERED))
@example(MAX_REMEMBERED)
def test_more_renewals_than_are_remembered_are_counted_by_the_old_version(count: int) -> None:
    ancestor = session(**remembering(*(f"earlier-{n}" for n in range(5))))
    old = after(ancestor, [Step("renewal", f"old-{n}", n) for n in range(count)])
    assert join(old, ancestor, old.timeout_config) == old


def test_the_time_limits_are_those_that_were_asked_for() -> None:
    old = session(timeout=30)
    restored = Step("limits", "", 0).applied_to(old)
    assert join(old, restored, old.timeout_config).timeout_ms == minutes(30)
    assert join(old, restored, restored.timeout_config).timeout_ms == minutes(45)


def test_metadata_is_the_restored_tables() -> None:
    old = session(metadata_json='{"damaged":true}', **remembering("r1"))
    joined = join(old, session(), old.timeout_config)
    assert joined.metadata_json == session().metadata_json
    assert joined.recent_renewals == (renewal_digest("r1"),)


def test_sessions_of_other_users_or_times_are_no_versions_of_one() -> None:
    assert are_versions_of_one(session(), session(**remembering("r1")))
    for other in (session("other"), session(created=-11), session(user_id="other")):
        assert not are_versions_of_one(session(), other)
