"""A heartbeat as a conditional update: ``domain.heartbeat``, in DynamoDB's expressions.

With automatic renewal it is the renewal's own update with one more clause. At the maximum, or
without automatic renewal, a second update moves the last activity.
"""

from dataclasses import replace

from domain import heartbeat as rule
from domain.session import Outcome, Session
from storage import renewal_update
from storage.attribute_values import number
from storage.conditional_update import NOT_ANNOUNCED, apply_rule
from storage.table import ConditionalUpdate, SessionsTable, update_expression

AUTO_RENEW = "timeoutConfig.autoRenew = :true"

ACTIVITY_ONLY = update_expression(
    "SET lastActivity = :now",
    "expiresAt > :now",
    "lastActivity <= :now",
    NOT_ANNOUNCED,
    "(timeoutConfig.autoRenew = :false OR expiresAt >= maxExpiresAt)",
    f"(timeoutConfig.autoRenew = :false OR ({' AND '.join(renewal_update.NOT_A_REPLAY)}))",
)
"""Activity that does not renew."""


def record_heartbeat(
    table: SessionsTable, session_id: str, now_ms: int, heartbeat_id: str
) -> Outcome:
    """Record activity in the session with this ID, or refuse to, as the rule says.

    One request where it renews by a whole timeout, changes nothing or is refused, two otherwise;
    more where others change the session meanwhile: see ``apply_rule``.

    Raises:
        SessionNotFound, SessionExpired: the rule refuses the heartbeat.
        StorageUnavailable: DynamoDB failed, or others came first until the deadline.
        InvalidItem: what is stored is not a session.
    """
    return apply_rule(
        table,
        session_id,
        now_ms,
        lambda stored: rule.record_heartbeat(stored, now_ms, heartbeat_id),
        first_update(table, now_ms, heartbeat_id),
        lambda stored, outcome: update_for(table, stored, outcome, heartbeat_id),
    )


def first_update(table: SessionsTable, now_ms: int, heartbeat_id: str) -> ConditionalUpdate:
    """The update that needs to know nothing of the session."""
    return _if_auto_renew(renewal_update.full_timeout_update(table, now_ms, heartbeat_id))


def update_for(
    table: SessionsTable, stored: Session, outcome: Outcome, heartbeat_id: str
) -> ConditionalUpdate:
    """The update that turns the stored session into the outcome."""
    if outcome.session.renewal_count > stored.renewal_count:
        return _if_auto_renew(renewal_update.update_for(table, stored, outcome, heartbeat_id))
    return ConditionalUpdate(
        ACTIVITY_ONLY,
        {
            ":now": number(outcome.at_ms),
            ":false": {"BOOL": False},
            **renewal_update.replay_values(heartbeat_id),
        },
    )


def _if_auto_renew(update: ConditionalUpdate) -> ConditionalUpdate:
    condition = f"{update.expression['ConditionExpression']} AND {AUTO_RENEW}"
    return replace(
        update,
        expression={**update.expression, "ConditionExpression": condition},
        values={**update.values, ":true": {"BOOL": True}},
    )
