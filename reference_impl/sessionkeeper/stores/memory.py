"""Sessions in this process's memory, behind one lock (S1.IMPL_002).

For tests and for programs of one process. Moving up is a change of one address: every store meets the same
protocol and passes the same conformance tests, see ``docs/api/sessions.md``.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from sessionkeeper.model import SESSION_LIMIT, Block, Session, SessionID
from sessionkeeper.rules import Change, Decision, Partition
from sessionkeeper.stores.base import TransactionalStore


if TYPE_CHECKING:
    from sessionkeeper.clock import Clock, Timestamp


T = TypeVar("T")


class InMemorySessionStore(TransactionalStore):
    """A store that is gone with its process; each step holds the one lock from picture to change.

    Args:
        clock: the time.
        limit: live sessions that one user may hold.
    """

    def __init__(self, *, clock: Clock, limit: int = SESSION_LIMIT) -> None:
        super().__init__(clock=clock, limit=limit)
        self._lock = threading.RLock()
        self._users: dict[str, dict[int, Session]] = {}
        self._owners: dict[SessionID, str] = {}
        self._blocks: dict[str, Block] = {}
        self._claims: dict[str, tuple[str, Timestamp]] = {}

    def _change(self, user_id: str, decide: Decision[T], *, guest: str = "") -> T:
        with self._lock:
            guests = self._partition(guest) if guest else ()
            change, result = decide(Partition(user_id, self._partition(user_id), self.block_of, guests))
            self._apply(change)
            return result

    def _apply(self, change: Change) -> None:
        for session in change.removes:
            self._take_away(session)
        for session in change.puts:
            if session.session_id in self._owners:
                self._take_away(self._sitting(session))
        for session in change.puts:
            self._users.setdefault(session.user_id, {})[session.slot] = _copy(session)
            self._owners[session.session_id] = session.user_id
        self._blocks.update({block.token_hash: block for block in change.blocks})

    def _sitting(self, session: Session) -> Session:
        return next(s for s in self._users[session.user_id].values() if s.session_id == session.session_id)

    def _take_away(self, session: Session) -> None:
        slots = self._users[session.user_id]
        del slots[session.slot]
        del self._owners[session.session_id]
        if not slots:
            del self._users[session.user_id]

    def _partition(self, user_id: str) -> tuple[Session, ...]:
        with self._lock:
            return tuple(_copy(session) for session in self._users.get(user_id, {}).values())

    def find(self, session_id: SessionID) -> Session | None:
        """Return a session, expired or not."""
        with self._lock:
            sessions = self._partition(self._owners.get(session_id, ""))
        return next((each for each in sessions if each.session_id == session_id), None)

    def block_of(self, token_hash: str) -> Block | None:
        """Return the blocklist entry of a refresh token's hash, or None (S0.T009)."""
        with self._lock:
            block = self._blocks.get(token_hash)
        return block if block is not None and block.expires_at > self._clock.now() else None

    def claim(self, key: str, owner: str, expires_at: Timestamp) -> bool:
        """Take a key that can be taken once, and say whether ``owner`` has it now."""
        with self._lock:
            return self._claims.setdefault(key, (owner, expires_at))[0] == owner

    def _expired_users(self, now: Timestamp, batch: int) -> list[str]:
        with self._lock:
            users = (
                user for user, slots in self._users.items() if any(s.expired(now) for s in slots.values())
            )
            return [user for user, _ in zip(users, range(batch), strict=False)]

    def _forget(self, now: Timestamp, batch: int) -> int:
        with self._lock:
            old = [key for key, block in self._blocks.items() if block.expires_at <= now][:batch]
            for key in old:
                del self._blocks[key]
            for key in [key for key, (_, until) in self._claims.items() if until <= now][:batch]:
                del self._claims[key]
            return len(old)

    def close(self) -> None:
        """Do nothing: there is nothing to give back."""


def _copy(session: Session) -> Session:
    """Return a session with attributes of its own: what is in the store changes by writing only."""
    return replace(session, attributes=dict(session.attributes)) if session.attributes else session
