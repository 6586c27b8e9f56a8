"""The law, written once: pure decisions over one user's sessions, the same for every store.

A rule looks at a `Partition` (all sessions of one user, as one consistent picture) and returns a `Change`
and what to tell the caller. It performs no input or output. A store's whole duty is to take the picture,
apply the change, and let nobody else's change come between the two. That is why "never more than the limit"
needs one proof per store (is picture-and-change atomic?) and not one per operation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar

from sessionkeeper.errors import (
    AuthenticationError,
    ClientMismatchError,
    InvalidTokenError,
    RequestReplayedError,
    SessionExpiredError,
    SessionLimitReachedError,
    SessionNotFoundError,
    StaleSessionError,
    TokenRevokedError,
)
from sessionkeeper.identifiers import checked_attributes
from sessionkeeper.model import (
    Admission,
    Block,
    EndReason,
    Rotation,
    RotationOutcome,
    Session,
    SessionID,
    WhenFull,
    changed,
)
from sessionkeeper.tokens import hashes_match


if TYPE_CHECKING:
    from sessionkeeper.clock import Timestamp


T = TypeVar("T")

_AGE: Final = attrgetter("created_at", "session_id")  # `Session.age`, asked for without a call


@dataclass(frozen=True, slots=True)
class Partition:
    """All sessions of one user at one instant, expired ones included.

    Attributes:
        user_id: whose sessions.
        sessions: the sessions, in any order.
        blocked: looks a refresh token's hash up in the blocklist, inside the same transaction.
        guests: sessions of a second user that the same transaction may end (a login that replaces an
            anonymous one).
    """

    user_id: str
    sessions: tuple[Session, ...]
    blocked: Callable[[str], Block | None]
    guests: tuple[Session, ...] = ()

    def find(self, session_id: SessionID) -> Session | None:
        """Return the session of that id, expired or not."""
        for each in self.sessions:
            if each.session_id == session_id:
                return each
        return None

    def live(self, now: Timestamp) -> tuple[Session, ...]:
        """Return the sessions that have not expired, oldest first."""
        return tuple(_by_age([each for each in self.sessions if not each.expired(now)]))


@dataclass(frozen=True, slots=True)
class Change:
    """What a rule wants written, all of it or nothing.

    Attributes:
        puts: sessions to write, new ones and new versions of old ones.
        removes: sessions to take away.
        blocks: blocklist entries to add.
        whole: True where the rule rests on everything it saw and not only on what it rewrites, so that a
            store without locks must also check that the rest has stayed as it was.
    """

    puts: tuple[Session, ...] = ()
    removes: tuple[Session, ...] = ()
    blocks: tuple[Block, ...] = ()
    whole: bool = False

    def __bool__(self) -> bool:
        return bool(self.puts or self.removes or self.blocks)


NOTHING = Change()


def _by_age(sessions: list[Session]) -> list[Session]:
    sessions.sort(key=_AGE)
    return sessions


Decision: TypeAlias = Callable[[Partition], tuple[Change, T]]


def ending(
    leaving: list[tuple[Session, EndReason]],
    now: Timestamp,
    *,
    puts: tuple[Session, ...] = (),
    whole: bool = False,
) -> Change:
    """Return the change that ends sessions: whatever ends one also blocks its token, without exception."""
    return Change(
        puts=puts,
        removes=tuple([session for session, _ in leaving]),
        blocks=tuple([Block.of(session, reason, now) for session, reason in leaving]),
        whole=whole,
    )


def admit(
    newcomer: Session,
    *,
    limit: int,
    now: Timestamp,
    replacing: SessionID = "",
    when_full: WhenFull = WhenFull.EVICT_OLDEST,
    replayable: bool = False,
) -> Decision[Admission]:
    """Let a new session in and make room for it, in one step (S0.T005, S0.T006).

    Args:
        newcomer: the session to make; its slot is chosen here.
        limit: live sessions that the user may hold afterwards.
        now: the time of the decision.
        replacing: a session that ends in the same step because the user logged in from it (ST4).
        when_full: evict the oldest, and all excess, or refuse.
        replayable: True where the newcomer's id follows from a request id, so that it may have been made
            before.
    """

    def decide(partition: Partition) -> tuple[Change, Admission]:
        earlier = partition.find(newcomer.session_id)
        if earlier is not None:
            return NOTHING, _replay(earlier, newcomer, now)
        if replayable and partition.blocked(newcomer.refresh_hash):
            raise RequestReplayedError("The session that this request made has ended since.")
        leaving, staying = _make_room(partition, limit, now, replacing, when_full)
        ended = tuple([session for session, _ in leaving])
        moved, slot = _seat(staying, ended, limit, newcomer.user_id)
        seated = newcomer.seated(slot)
        evicting = bool(leaving) and leaving[-1][1] is EndReason.EVICTED
        return ending(leaving, now, puts=(*moved, seated), whole=evicting), Admission(seated, ended)

    return decide


def _replay(earlier: Session, newcomer: Session, now: Timestamp) -> Admission:
    if earlier.refresh_hash != newcomer.refresh_hash or earlier.expired(now):
        raise RequestReplayedError(
            "The tokens that this request was answered with are no longer the present ones."
        )
    return Admission(earlier, replayed=True)


def _make_room(
    partition: Partition, limit: int, now: Timestamp, replacing: SessionID, when_full: WhenFull
) -> tuple[list[tuple[Session, EndReason]], list[Session]]:
    """Say who leaves and why, and who stays: expired ones leave first, then the replaced, then the oldest."""
    staying = _by_age([each for each in partition.sessions if not each.expired(now)])
    leaving: list[tuple[Session, EndReason]] = []
    if len(staying) < len(partition.sessions):
        leaving = [(each, EndReason.EXPIRED) for each in partition.sessions if each.expired(now)]
    if replacing:
        replaced = [s for s in (*partition.sessions, *partition.guests) if s.session_id == replacing]
        leaving += [(each, EndReason.REPLACED) for each in replaced if not each.expired(now)]
        staying = [each for each in staying if each.session_id != replacing]
    excess = len(staying) - (limit - 1)
    if excess <= 0:
        return leaving, staying
    if when_full == WhenFull.REFUSE:
        raise SessionLimitReachedError(f"This user already holds {len(staying)} of {limit} sessions.")
    leaving += [(each, EndReason.EVICTED) for each in staying[:excess]]
    return leaving, staying[excess:]


def _seat(
    staying: list[Session], leaving: tuple[Session, ...], limit: int, user_id: str
) -> tuple[list[Session], int]:
    """Return who must move, and a slot for the newcomer.

    Nobody may sit at or beyond ``limit``: with only that many slots, one more session has no place to exist.
    Sessions end up outside when the limit was higher before. A slot that somebody leaves is preferred for the
    newcomer: on a store without locks the two then meet in one conditional write.
    """
    taken = {session.slot for session in staying}
    free = [slot for slot in range(limit) if slot not in taken]
    if len(free) > 1:
        vacated = {session.slot for session in leaving if session.user_id == user_id}
        free.sort(key=lambda slot: slot not in vacated)
    outside = [session for session in staying if session.slot >= limit]
    moved = [
        changed(session, slot=place, version=session.version + 1)
        for session, place in zip(outside, free[1:], strict=False)
    ]
    return moved, free[0]


def evict(*, keep: int, now: Timestamp) -> Decision[tuple[Session, ...]]:
    """End the oldest sessions until ``keep`` live ones remain; expired ones leave too (S0.T005)."""

    def decide(partition: Partition) -> tuple[Change, tuple[Session, ...]]:
        live = partition.live(now)
        excess = live[: max(0, len(live) - keep)]
        expired = [(each, EndReason.EXPIRED) for each in partition.sessions if each.expired(now)]
        leaving = [*expired, *((each, EndReason.EVICTED) for each in excess)]
        return ending(leaving, now, whole=bool(excess)), excess

    return decide


def end(
    which: Callable[[Session], bool], reason: EndReason, *, now: Timestamp, whole: bool = True
) -> Decision[tuple[Session, ...]]:
    """End every session that ``which`` picks; return those still live, oldest first (ST10, ST11)."""

    def decide(partition: Partition) -> tuple[Change, tuple[Session, ...]]:
        picked = [(each, reason) for each in partition.sessions if which(each)]
        was_live = tuple(each for each in partition.live(now) if which(each))
        return ending(picked, now, whole=whole), was_live

    return decide


def expire(*, now: Timestamp) -> Decision[tuple[Session, ...]]:
    """End what has expired, judged inside the transaction: one just extended stays (spring-session#93)."""

    def decide(partition: Partition) -> tuple[Change, tuple[Session, ...]]:
        gone = [(each, EndReason.EXPIRED) for each in partition.sessions if each.expired(now)]
        return ending(gone, now), tuple(session for session, _ in gone)

    return decide


def update(session: Session, *, now: Timestamp) -> Decision[Session]:
    """Write what a caller may change: last use, idle expiry (within the absolute lifetime) and attributes.

    A session that is gone is not made again (django#21608), and a version that was not seen is not
    overwritten.
    """
    attributes = checked_attributes(session.attributes)

    def decide(partition: Partition) -> tuple[Change, Session]:
        stored = partition.find(session.session_id)
        if stored is None or stored.expired(now):
            raise SessionNotFoundError("The session has ended; it is not made again.")
        if stored.version != session.version:
            raise StaleSessionError("The session has changed since it was read.")
        written = changed(
            stored,
            last_used_at=max(session.last_used_at, stored.last_used_at),
            expires_at=min(session.expires_at, stored.ends_at),
            attributes=attributes,
            version=stored.version + 1,
        )
        return Change(puts=(written,)), written

    return decide


@dataclass(frozen=True, slots=True)
class Presented:
    """A refresh token at the door, as hashes, with the pair that would follow it.

    Attributes:
        session_id: the session that the token names.
        token_hash: hash of the token itself.
        next_access_hash: hash of the access token that follows.
        next_refresh_hash: hash of the refresh token that follows.
        client: who presents it.
        grace: seconds after a rotation in which the replaced token still yields the same successor.
        timeout: idle timeout in seconds; a rotation counts as use.
    """

    session_id: SessionID
    token_hash: str
    next_access_hash: str
    next_refresh_hash: str
    client: str = ""
    grace: float = 0.0
    timeout: float = 3600.0


def rotate(presented: Presented, *, now: Timestamp) -> Decision[Rotation]:
    """Exchange a refresh token for its successor: read and claim in one step (ST13, CVE-2026-1035).

    The present token is rotated. The one before it, within the grace window, yields the same successor again
    and writes nothing. Any other token that this session once had is a replay: the session ends. A token
    that it never had changes nothing, or knowing a session's public id would be enough to end it.
    """

    def decide(partition: Partition) -> tuple[Change, Rotation]:
        session = partition.find(presented.session_id)
        if session is None:
            raise refusal(partition.blocked(presented.token_hash))
        if session.expired(now):
            raise SessionExpiredError("The session has expired.")
        if hashes_match(session.refresh_hash, presented.token_hash):
            return _rotated(session, presented, now)
        # Either way: the clock of the machine that rotated may be ahead of this one's by a little.
        in_grace = abs(now - session.rotated_at) < presented.grace
        if in_grace and hashes_match(session.previous_hash, presented.token_hash):
            return NOTHING, _repeated(session, presented)
        if partition.blocked(presented.token_hash) is None:
            raise refusal(None)
        return ending([(session, EndReason.REUSED)], now), Rotation(RotationOutcome.REUSED, session)

    return decide


def _rotated(session: Session, presented: Presented, now: Timestamp) -> tuple[Change, Rotation]:
    _check_client(session, presented)
    successor = changed(
        session,
        access_hash=presented.next_access_hash,
        refresh_hash=presented.next_refresh_hash,
        previous_hash=session.refresh_hash,
        rotated_at=now,
        last_used_at=max(now, session.last_used_at),
        expires_at=min(max(session.expires_at, now + presented.timeout), session.ends_at),
        version=session.version + 1,
    )
    retired = Block.of(session, EndReason.ROTATED, now)
    return Change(puts=(successor,), blocks=(retired,)), Rotation(RotationOutcome.ROTATED, successor)


def _repeated(session: Session, presented: Presented) -> Rotation:
    _check_client(session, presented)
    if not hashes_match(session.refresh_hash, presented.next_refresh_hash):
        raise RequestReplayedError(
            "The pepper has changed since: the same successor cannot be derived again."
        )
    return Rotation(RotationOutcome.REPEATED, session)


def _check_client(session: Session, presented: Presented) -> None:
    if session.client != presented.client:
        raise ClientMismatchError("This refresh token was issued to another client.")


def refusal(block: Block | None) -> AuthenticationError:
    """Return the error for a token that opens nothing, by what the blocklist says of it."""
    if block is None:
        return InvalidTokenError("This token was never issued, or nobody remembers it.")
    if block.reason is EndReason.EXPIRED:
        return SessionExpiredError("The session has expired.")
    return TokenRevokedError(f"The session of this token has ended ({block.reason.value}).")
