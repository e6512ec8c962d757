"""What must be true of a run in simulated time, whatever went wrong in it."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise

from domain.session import MS_PER_MINUTE, MS_PER_SECOND, Session
from domain.session_json import SESSION_EXPIRED, SESSION_EXPIRING, rfc3339
from storage.item import session_of
from tests.support.timer_world import BATCHING_WINDOW_MS, VISIBILITY_MS, Published, State, World

ON_TIME_MS = 10 * MS_PER_SECOND
ON_TIME_AFTER_CHANGE_MS = 60 * MS_PER_SECOND
SKEW_MS = 1_000
"""How far a function's clock is off, one way or the other."""

RECOVERY_MS = VISIBILITY_MS + 60 * MS_PER_SECOND
"""So long after a fault, all messages were delivered again."""

WARNING, EXPIRY = "warning", "expiry"

INVOCATION_MS = 40 * MS_PER_SECOND
AFTER_CLOCK_MS = 16 * MS_PER_MINUTE
"""So long after a clock was wrong, the longest delay that was counted by it has ended."""


def violations(world: World, session_ids: Sequence[str]) -> list[str]:
    """Every claim that does not hold, in words."""
    found = [*_twice_going_on(world), *_warned_again(world)]
    found += [f"{each} is stored again after its deletion" for each in world.remnants]
    for session_id in session_ids:
        states = sorted(world.states[session_id], key=lambda state: state.at_ms)
        events = [each for each in world.published if each.session_id == session_id]
        expiries = [each for each in events if each.detail_type == SESSION_EXPIRED]
        warnings = [each for each in events if each.detail_type == SESSION_EXPIRING]
        for claim in (
            _announced(world, session_id, states, expiries),
            _final(world, session_id, expiries),
            _not_early(expiries, warnings, states),
            _on_time(world, session_id, states, expiries, warnings),
        ):
            found += [f"{session_id}: {each}" for each in claim]
    return found


def _announced(
    world: World, session_id: str, states: Sequence[State], expiries: Sequence[Published]
) -> Iterator[str]:
    """An expired session is announced, by one event ID; a deleted one is not."""
    if len({each.detail["eventId"] for each in expiries}) > 1:
        yield "its expiry has two event IDs"
    if len({each.detail["expiredAt"] for each in expiries}) > 1:
        yield "two expiries were announced"
    if not states:
        return
    last = states[-1]
    if last.session is None:
        before = states[-2].session
        late = [each for each in expiries if each.at_ms > last.at_ms + INVOCATION_MS]
        if late:
            yield f"announced {late[0].at_ms - last.at_ms} ms after its deletion"
        if expiries and before and before.expires_at_ms > last.at_ms + SKEW_MS:
            yield "announced though deleted in time"
        return
    if session_id not in world.removed:
        yield "DynamoDB has not removed it"
        return
    removed = session_of(world.removed[session_id])
    if not expiries:
        yield f"never announced; {_dead(world)}"
    elif expiries[0].detail["expiredAt"] != rfc3339(removed.expires_at_ms):
        yield "another expiry was announced than the last"
    due_ms = max(removed.expires_at_ms, last.at_ms)  # a change may have made it due
    if _is_undisturbed(world, session_id, due_ms) and len(expiries) != 1:
        yield f"announced {len(expiries)} times without a fault"


def _final(world: World, session_id: str, expiries: Sequence[Published]) -> Iterator[str]:
    """No call succeeds on a session after its announcement."""
    if not expiries:
        return
    announced_ms = expiries[0].at_ms
    for at_ms, called, kind in world.calls:
        if called == session_id and at_ms > announced_ms:
            yield f"a {kind} succeeded {at_ms - announced_ms} ms after the announcement"


def _not_early(
    expiries: Sequence[Published], warnings: Sequence[Published], states: Sequence[State]
) -> Iterator[str]:
    """Nothing is announced before its instant, and of each expiry one warning is enough."""
    by_expiry = {
        rfc3339(each.session.expires_at_ms): each.session for each in states if each.session
    }
    for event in expiries:
        expired = by_expiry.get(event.detail["expiredAt"])
        if expired is None:
            yield "an expiry was announced that it never had"
        elif event.at_ms < expired.expires_at_ms - SKEW_MS:
            yield f"announced {expired.expires_at_ms - event.at_ms} ms too early"
    for event in warnings:
        session = by_expiry.get(event.detail["expiresAt"])
        remaining_ms = event.detail["session"]["timeRemaining"]
        config = event.detail["session"]["timeoutConfig"]
        if session is None:
            yield "a warning names an expiry that it never had"
        elif event.at_ms < session.expires_at_ms - SKEW_MS - _threshold_ms(config):
            yield "warned too early"
        if not 0 < remaining_ms <= _threshold_ms(config):
            yield f"warned with {remaining_ms} ms left"


def _on_time(
    world: World,
    session_id: str,
    states: Sequence[State],
    expiries: Sequence[Published],
    warnings: Sequence[Published],
) -> Iterator[str]:
    """Warnings and expiries come within seconds; after a fault, once messages came again."""
    changes = [each.at_ms for each in states if each.by_change]
    for state, following in pairwise([*states, None]):
        if state is None or state.session is None:
            continue
        until_ms = following.at_ms if following else state.session.expires_at_ms + 10**9
        for what, due_ms, events in _due(state, state.session, expiries, warnings):
            recent = any(due_ms - ON_TIME_AFTER_CHANGE_MS < each <= due_ms for each in changes)
            limit_ms = due_ms + (ON_TIME_AFTER_CHANGE_MS if recent else ON_TIME_MS)
            if session_id in world.lost or _has_dead_letter(world, session_id):
                continue
            limit_ms = _recovered_ms(world, due_ms, limit_ms)
            if until_ms <= limit_ms + SKEW_MS:
                continue
            if (
                what == WARNING
                and state.session.expires_at_ms <= limit_ms + ON_TIME_AFTER_CHANGE_MS
            ):
                continue  # it may be too late for one
            if not any(each.at_ms <= limit_ms for each in events):
                late = [each.at_ms - due_ms for each in events]
                yield f"no {what} within {limit_ms - due_ms} ms of {due_ms}, but {late}"


def _due(
    state: State, session: Session, expiries: Sequence[Published], warnings: Sequence[Published]
) -> Iterator[tuple[str, int, list[Published]]]:
    """What is due of the session as it stands: its name, its instant, and its events."""
    expires_at_ms, warns_at_ms = session.expires_at_ms, session.warns_at_ms
    expiry = rfc3339(expires_at_ms)
    yield (
        EXPIRY,
        max(expires_at_ms, state.at_ms),
        [each for each in expiries if each.detail["expiredAt"] == expiry],
    )
    # A client's slow clock may leave a session within its threshold that is there already.
    is_left_there = not state.by_change and warns_at_ms is not None and warns_at_ms < state.at_ms
    if warns_at_ms is not None and not is_left_there:
        due_ms = max(warns_at_ms, state.at_ms)
        if due_ms + ON_TIME_AFTER_CHANGE_MS < expires_at_ms:
            matching = [each for each in warnings if each.detail["expiresAt"] == expiry]
            yield WARNING, due_ms, matching


def _recovered_ms(world: World, due_ms: int, limit_ms: int) -> int:
    """By when it must be done: soon after the last of the faults that are in the way has ended."""
    for fault in sorted(world.faults, key=lambda fault: fault.from_ms):
        is_clock = fault.kind.endswith("clock")
        recovered_ms = fault.to_ms + (AFTER_CLOCK_MS if is_clock else RECOVERY_MS)
        if fault.from_ms <= limit_ms and recovered_ms > due_ms:
            limit_ms = max(limit_ms, recovered_ms)
    return limit_ms


def _is_undisturbed(world: World, session_id: str, due_ms: int) -> bool:
    """Whether nothing that happened can have kept this session's timer from its work."""
    if session_id in world.lost or _has_dead_letter(world, session_id):
        return False
    return world.is_quiet(due_ms - RECOVERY_MS - BATCHING_WINDOW_MS, due_ms + ON_TIME_MS)


def _has_dead_letter(world: World, session_id: str) -> bool:
    bodies = [*world.queue.dead_letters(), *world.letters.bodies]
    return any(session_id in body for body in bodies) or any(
        session_id in json.dumps(each) for records in world.dropped for each in records
    )


def _twice_going_on(world: World) -> Iterator[str]:
    """At no quiet instant do two messages of a session go on later."""
    by_session = defaultdict(list)
    for each in world.handled:
        by_session[each.session_id].append(each)
    for session_id, handled in by_session.items():
        for instant_ms in {each.at_ms + MS_PER_MINUTE for each in handled}:
            if not world.is_quiet(instant_ms - RECOVERY_MS, instant_ms):
                continue
            alive = {
                each.message_id
                for each in handled
                if each.went_on and each.sent_at_ms <= instant_ms < each.at_ms
            }
            if len(alive) > 1:
                yield f"{session_id}: {len(alive)} timers were alive at once"


def _warned_again(world: World) -> Iterator[str]:
    """Without a fault, one warning of each expiry; another timer may warn after a change."""
    if world.faults:
        return
    warned = Counter(
        (each.session_id, each.detail["expiresAt"])
        for each in world.published
        if each.detail_type == SESSION_EXPIRING
    )
    for (session_id, expiry), times in warned.items():
        changed = any(each.by_change for each in world.states[session_id])
        if times > 1 and not changed:
            yield f"{session_id}: {times} warnings of {expiry}"


def _threshold_ms(config: dict[str, int]) -> int:
    return config["warningThresholdMinutes"] * MS_PER_MINUTE


def _dead(world: World) -> str:
    return f"{len(world.queue.dead_letters())} dead, {len(world.letters.bodies)} letters"
