"""The nouns: a session, what ended it, what a change to a user's sessions consists of."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from enum import StrEnum
from operator import attrgetter
from typing import TYPE_CHECKING, Final, TypeAlias

from sessionkeeper.drafts import changer_of, maker_of


if TYPE_CHECKING:
    from collections.abc import Mapping

    from sessionkeeper.clock import Timestamp


SessionID: TypeAlias = str
"""The public name of a session, 22 characters of base64url; it opens nothing by itself (S1.IMPL_001.D2)."""

SESSION_LIMIT: Final = 5
"""Live sessions that one user may hold (S0.K1)."""

BLOCKLIST_TTL: Final = 30 * 24 * 3600.0
"""Seconds that a blocked token is remembered: as long as a session can live (S0.K3)."""


class LoginKind(StrEnum):
    """The way in by which a session was made (S0.T014-T016)."""

    ANONYMOUS = "anonymous"
    OAUTH = "oauth"
    MAGIC_LINK = "magic_link"
    DIRECT = "direct"


class EndReason(StrEnum):
    """Why a refresh token opens nothing any more."""

    EVICTED = "evicted"
    REVOKED = "revoked"
    REPLACED = "replaced"
    EXPIRED = "expired"
    ROTATED = "rotated"
    REUSED = "reused"


class WhenFull(StrEnum):
    """What happens to a newcomer when the user holds as many sessions as allowed (KX.02)."""

    EVICT_OLDEST = "evict_oldest"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Session:
    """One login of one user. The store sees hashes only, never a token.

    Attributes:
        session_id: public name; safe to list, to log and to revoke by.
        user_id: whose session it is.
        login: the way in.
        created_at: when it was made; the oldest is evicted first, ties broken by ``session_id``.
        last_used_at: last access that was written down (S1.SC-007).
        expires_at: idle timeout; moves forward with use if sliding, never past ``ends_at``.
        ends_at: absolute lifetime; never moves (ST7).
        access_hash: SHA-256 of the access token, hexadecimal.
        refresh_hash: SHA-256 of the refresh token, hexadecimal; the blocklist is keyed by it.
        previous_hash: the refresh token that the present one replaced, or empty.
        rotated_at: when that happened; the grace window counts from here.
        client: to whom the refresh token was issued, or empty (ST14).
        attributes: small strings that belong to the session.
        slot: the user's place that it sits in; two sessions never share one, and there are only ``limit``.
        version: raised by every change; a writer must have seen the latest.
    """

    session_id: SessionID
    user_id: str
    login: LoginKind
    created_at: Timestamp
    last_used_at: Timestamp
    expires_at: Timestamp
    ends_at: Timestamp
    access_hash: str = field(repr=False)
    refresh_hash: str = field(repr=False)
    previous_hash: str = field(default="", repr=False)
    rotated_at: Timestamp = 0.0
    client: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict, hash=False)
    slot: int = 0
    version: int = 1

    def expired(self, now: Timestamp) -> bool:
        """Say whether the idle timeout or the absolute lifetime has passed at ``now``."""
        return now >= self.expires_at or now >= self.ends_at

    @property
    def age(self) -> tuple[Timestamp, SessionID]:
        """The order of eviction: the smallest goes first (keycloak#38016)."""
        return (self.created_at, self.session_id)

    def seated(self, slot: int) -> Session:
        """Return this session in a slot."""
        return self if slot == self.slot else make_session(*_ALL_BUT_THE_SEAT(self), slot, self.version)


make_session: Final = maker_of(Session)
"""Makes a session of all its values, in the order of the fields."""

changed: Final = changer_of(Session)
"""Makes a session of another one and of the values that differ, by name."""

_ALL_BUT_THE_SEAT: Final = attrgetter(*[each.name for each in fields(Session)][:-2])


@dataclass(frozen=True, slots=True)
class Block:
    """One entry of the blocklist: this refresh token opens nothing, until ``expires_at`` (S0.K2, S0.K3)."""

    token_hash: str
    reason: EndReason
    user_id: str
    session_id: SessionID
    blocked_at: Timestamp
    expires_at: Timestamp

    @classmethod
    def of(cls, session: Session, reason: EndReason, now: Timestamp) -> Block:
        """Block the present refresh token of ``session``."""
        return make_block(
            session.refresh_hash, reason, session.user_id, session.session_id, now, now + BLOCKLIST_TTL
        )


make_block: Final = maker_of(Block)
"""Makes a blocklist entry of all its values, in the order of the fields."""


@dataclass(frozen=True, slots=True)
class Admission:
    """What making a session did.

    Attributes:
        session: the new session, as stored.
        ended: sessions that left in the same step: the expired, the replaced, then the evicted, oldest first.
        replayed: True where the same request had made it before and nothing was done now.
    """

    session: Session
    ended: tuple[Session, ...] = ()
    replayed: bool = False


class RotationOutcome(StrEnum):
    """What became of a refresh token that was presented."""

    ROTATED = "rotated"
    REPEATED = "repeated"
    REUSED = "reused"


@dataclass(frozen=True, slots=True)
class Rotation:
    """What presenting a refresh token did: the outcome, and the session as it is (or was, if revoked)."""

    outcome: RotationOutcome
    session: Session


@dataclass(frozen=True, slots=True)
class CleanupStatistics:
    """What one cleanup removed (S1.IMPL_004.AC3)."""

    sessions: int = 0
    blocks: int = 0


def block_key(token_hash: str) -> str:
    """Return the partition key of a blocklist entry; its sort key is ``BLOCK`` (S0.K2)."""
    return f"BLOCK#refresh#{token_hash}"


BLOCK_SORT_KEY: Final = "BLOCK"
"""Sort key of every blocklist entry (S0.K2)."""
