"""What clients know of each session: how often it must have been counted, and how it last stood."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from soak.schedule import has_new_timeouts


@dataclass
class Account:
    """One session: its renewals and heartbeats answered 200, and how it last stood."""

    answered: int = 0
    renewal_count: int = 0
    expires_at: str = ""


@dataclass(frozen=True)
class Floor:
    """How a session stood when a call began: later answers must not fall behind it."""

    renewal_count: int
    expires_at: str


@dataclass
class Ledger:
    """The accounts of all sessions. Many clients write them."""

    session_ids: list[str]
    accounts: dict[str, Account] = field(init=False)

    def __post_init__(self) -> None:
        self.accounts = {session_id: Account() for session_id in self.session_ids}
        self._lock = threading.Lock()

    def count(self, session_id: str) -> None:
        """A renewal or a heartbeat was answered 200."""
        with self._lock:
            self.accounts[session_id].answered += 1

    def floor(self, session_id: str) -> Floor | None:
        """How the session stood in the latest answers; ``None`` for one that is not counted."""
        with self._lock:
            account = self.accounts.get(session_id)
            return None if account is None else Floor(account.renewal_count, account.expires_at)

    def compare(self, session_id: str, floor: Floor, body: Mapping[str, Any]) -> str:
        """What moved backwards in an answer since the call began; empty if nothing did."""
        count, expires_at = body["renewalCount"], body["expiresAt"]
        with self._lock:
            account = self.accounts[session_id]
            account.renewal_count = max(account.renewal_count, count)
            account.expires_at = max(account.expires_at, expires_at)
        if count < floor.renewal_count:
            return f"renewalCount went from {floor.renewal_count} to {count}"
        if expires_at < floor.expires_at and not has_new_timeouts(session_id):
            return f"expiresAt went from {floor.expires_at} to {expires_at}"
        return ""


@dataclass(frozen=True)
class CountOff:
    """A session whose count is not the number of its renewals and heartbeats answered 200."""

    session_id: str
    stored: int
    answered: int

    @property
    def too_many(self) -> int:
        """How many were counted twice, in balance."""
        return max(self.stored - self.answered, 0)

    @property
    def too_few(self) -> int:
        """How many were lost, in balance."""
        return max(self.answered - self.stored, 0)
