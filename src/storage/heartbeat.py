"""The heartbeat as one conditional write: the stored form of ``domain.heartbeat.beat``.

With automatic renewal it is the renewal's own write, and one more clause. At the maximum, or
without automatic renewal, a second write moves the last activity.
"""

from domain import heartbeat as rule
from domain.session import Outcome, Session
from storage import renewal
from storage.change import Change, Write
from storage.table import SessionsTable, write_form

AUTO_RENEW = "timeoutConfig.autoRenew = :true"

ACTIVITY = write_form(
    f"SET {renewal.ACTIVE_NOW}",
    "expiresAt > :now",
    "lastActivity <= :now",
    "(timeoutConfig.autoRenew = :false OR expiresAt >= maxExpiresAt)",
    f"(timeoutConfig.autoRenew = :false OR {renewal.NOT_A_REPLAY})",
)
"""Activity that does not renew."""


def beat(table: SessionsTable, session_id: str, now_ms: int, heartbeat_id: str) -> Outcome:
    """Note activity in the session with this ID, or say why not, as the pure rule says.

    One write where it renews by a whole timeout and for each refusal, two otherwise; up to four
    where the session changes in between.

    Raises:
        SessionNotFound, SessionExpired: the rule refuses it.
        StorageUnavailable: DynamoDB failed, or the session changed under every write.
        InvalidItem: what is stored is not a session.
    """
    return Change(
        now_ms,
        lambda stored: rule.beat(stored, now_ms, heartbeat_id),
        first_write(table, now_ms, heartbeat_id),
        lambda stored, granted: write_of(table, stored, granted, heartbeat_id),
    ).make(table, session_id)


def first_write(table: SessionsTable, now_ms: int, heartbeat_id: str) -> Write:
    """The write that needs to know nothing of the session."""
    return _where_it_renews(renewal.write_by_timeout(table, now_ms, heartbeat_id))


def write_of(table: SessionsTable, stored: Session, granted: Outcome, heartbeat_id: str) -> Write:
    """The write that makes the stored session what the rule granted."""
    if granted.session.renewal_count > stored.renewal_count:
        return _where_it_renews(renewal.write_of(table, stored, granted, heartbeat_id))
    return ACTIVITY, {
        **renewal.active_at(table, granted.at_ms),
        ":false": {"BOOL": False},
        ":renewalId": {"S": heartbeat_id},
    }


def _where_it_renews(write: Write) -> Write:
    form, values = write
    condition = f"{form['ConditionExpression']} AND {AUTO_RENEW}"
    return {**form, "ConditionExpression": condition}, {**values, ":true": {"BOOL": True}}
