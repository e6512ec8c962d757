"""A change of a session as conditional writes, with no read before them.

DynamoDB can add a value to a stored attribute and compare two stored attributes, but has no
``min()``, no ``max()`` and no arithmetic in conditions. So a rule of the domain is written in
several forms. The first knows nothing of the session, and is all that most changes need. Each form
is one ``UpdateItem`` whose condition holds only where the rule's outcome is the form's (but for
``OVERTAKEN``, which can come to what another order of the calls gives): property tests hold them to
the rule.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from domain.errors import SessionNotFound
from domain.session import Outcome, Session
from storage.errors import StorageUnavailable
from storage.item import session_of
from storage.table import SessionsTable, WriteForm

MAX_WRITES = 4

# What a first write does not look at otherwise: an item that is not a session is left alone.
IS_A_SESSION = (
    "attribute_type(agentId, :S)",
    "attribute_type(userId, :S)",
    "begins_with(metadata, :brace)",
    "attribute_type(createdAt, :N)",
    "renewalCount >= :zero",
    "timeoutMs > :zero",
    "timeoutSeconds > :zero",
    "attribute_type(fullRenewalBase, :N)",
    "attribute_type(timeoutConfig.timeoutMinutes, :N)",
    "attribute_type(timeoutConfig.autoRenew, :BOOL)",
    "attribute_type(timeoutConfig.maxDurationMinutes, :N)",
    "attribute_type(timeoutConfig.warningThresholdMinutes, :N)",
)
TYPES_AND_BOUNDS = {
    ":S": {"S": "S"},
    ":N": {"S": "N"},
    ":BOOL": {"S": "BOOL"},
    ":brace": {"S": "{"},
    ":zero": {"N": "0"},
}

Write = tuple[WriteForm, Mapping[str, Any]]
"""A form and the values that go into it."""


@dataclass(frozen=True, slots=True)
class Change:
    """A rule of the domain at an instant, and the writes that do what it says.

    ``first_write`` knows nothing of the session. Where it is refused, the same reply has the
    session as it stands, and the rule says why: ``next_write`` is then the write that the rule's
    outcome is due.
    """

    now_ms: int
    rule: Callable[[Session], Outcome]
    first_write: Write
    next_write: Callable[[Session, Outcome], Write]

    def make(self, table: SessionsTable, session_id: str) -> Outcome:
        """Change the session with this ID, or say why not: one write, or up to four.

        Raises:
            SessionNotFound: there is no such session; beside it, whatever the rule raises.
            StorageUnavailable: DynamoDB failed, or the session changed under every write.
            InvalidItem: what is stored is not a session.
        """
        write, at_ms = self.first_write, self.now_ms
        for _ in range(MAX_WRITES):
            written = table.update(session_id, *write)
            if written.image is None:
                raise SessionNotFound(session_id)
            stored = session_of(written.image)
            if written.applied:
                # Another call may have come between: the answer is of the later instant.
                return Outcome(stored, max(at_ms, stored.last_activity_ms), changed=True)
            outcome = self.rule(stored)
            if not outcome.changed:
                return outcome
            at_ms = outcome.at_ms
            write = self.next_write(stored, outcome)
        raise StorageUnavailable(f"the session changed under each of {MAX_WRITES} writes")
