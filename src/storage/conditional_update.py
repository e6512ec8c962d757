"""A rule of the domain as conditional updates, without a read before them.

DynamoDB can add a value to a stored attribute and compare two stored attributes, but it has no
``min()``, no ``max()`` and no arithmetic in conditions. So one rule becomes several expressions.
The first needs to know nothing of the session, and is all that most calls need. The condition of
each expression holds only if the rule's outcome is what the expression writes. Property tests hold
the expressions to the rule.
"""

from collections.abc import Callable

from domain.refusals import SessionNotFound
from domain.session import Outcome, Session
from storage.catch_up import CATCH_UP, catch_up
from storage.item import session_of
from storage.recent_renewals import is_behind
from storage.table import ConditionalUpdate, SessionsTable

# What the first update checks although it does not use it: an item that is not a session stays as
# it is. See docs/architecture.md for what a condition cannot see.
IS_A_SESSION = (
    "attribute_type(agentId, :S)",
    "attribute_type(userId, :S)",
    "begins_with(metadata, :brace)",
    "attribute_type(createdAt, :N)",
    "renewalCount >= :zero",
    "timeoutMs > :zero",
    "timeoutSeconds > :zero",
    "attribute_type(timeoutConfig.timeoutMinutes, :N)",
    "attribute_type(timeoutConfig.autoRenew, :BOOL)",
    "attribute_type(timeoutConfig.maxDurationMinutes, :N)",
    "attribute_type(timeoutConfig.warningThresholdMinutes, :N)",
)
NOT_ANNOUNCED = "attribute_not_exists(announcedAt)"
"""The session is not marked as over: nobody is told, or about to be told, that it has expired."""

TYPES_AND_BOUNDS = {
    ":S": {"S": "S"},
    ":N": {"S": "N"},
    ":BOOL": {"S": "BOOL"},
    ":brace": {"S": "{"},
    ":zero": {"N": "0"},
}


UPDATES_WITHOUT_PAUSE = 4
"""More than a call needs that nobody meets: the first update, and the one that is due instead."""


def apply_rule(  # noqa: PLR0913, PLR0917 - the call, its rule and the rule's two forms
    table: SessionsTable,
    session_id: str,
    now_ms: int,
    rule: Callable[[Session], Outcome],
    first_update: ConditionalUpdate,
    next_update: Callable[[Session, Outcome], ConditionalUpdate],
) -> Outcome:
    """Change a session as the rule says: one update, and more only if the first is refused.

    The reply to a refused update brings the session as it is stored. The rule, applied to it, says
    why, or what outcome is due; ``next_update`` is the update that writes that outcome. Where
    others change the session before each update, this goes on until the table's deadline.

    Raises:
        SessionNotFound: there is no such session.
        SessionRefusal: whatever else the rule raises.
        StorageUnavailable: DynamoDB failed, or others came first until the deadline.
        InvalidItem: what is stored is not a session.
    """
    attempt = 0
    while True:
        update = first_update
        for _ in range(UPDATES_WITHOUT_PAUSE):
            result = table.update(session_id, update)
            if result.image is None:
                raise SessionNotFound(session_id)
            stored = session_of(result.image)
            if result.applied and update.expression is not CATCH_UP:
                # A call with a later clock may have come first: the answer is as of then.
                return Outcome(stored, stored.effective_ms(now_ms), changed=True)
            outcome = rule(stored)
            if not outcome.changed:
                return outcome
            behind = is_behind(result.image, stored)
            update = catch_up(result.image, stored) if behind else next_update(stored, outcome)
        table.pause(attempt)
        attempt += 1
