"""The session limit: never more than `SESSION_LIMIT` live sessions of one user, at any instant (S0).

>>> from sessionkeeper import Keeper, SystemClock, TokenMint, open_store
>>> keeper = Keeper(open_store("memory://", clock=SystemClock()), TokenMint(b"p" * 32))
>>> logins = [create_session_with_limit_enforcement(keeper, "ann") for _ in range(7)]
>>> len(get_user_sessions(keeper.store, "ann"))
5
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessionkeeper.identifiers import checked_policy, checked_user_id
from sessionkeeper.keeper import Keeper, Login
from sessionkeeper.model import Admission, LoginKind, Session, SessionID, WhenFull


if TYPE_CHECKING:
    from collections.abc import Mapping

    from sessionkeeper.store import SessionStore


def get_user_sessions(store: SessionStore, user_id: str) -> tuple[Session, ...]:
    """Return a user's live sessions, oldest first: one consistent picture, never an index (S0.T004).

    Args:
        store: where sessions are.
        user_id: whose.

    Raises:
        InvalidInputError: the user id has the wrong shape.
        StoreUnavailableError: the store does not answer; never an empty list in its place.
    """
    return store.sessions_of(checked_user_id(user_id))


def evict_oldest_session_atomic(
    store: SessionStore,
    newcomer: Session,
    *,
    replacing: SessionID = "",
    when_full: WhenFull = WhenFull.EVICT_OLDEST,
    replayable: bool = False,
) -> Admission:
    """Put a session in the place of the oldest, and of all excess, in one transaction (S0.T005).

    Each eviction takes a session away and puts its refresh token on the blocklist; the newcomer takes a
    vacated place in the same transaction, so that no instant shows one too many. Below the limit nobody
    leaves. One attempt.

    Args:
        store: where sessions are.
        newcomer: the session to put in.
        replacing: a session that ends in the same step.
        when_full: evict, or refuse.
        replayable: the newcomer's id follows from a request id.

    Raises:
        SessionLimitRaceError: the transaction was cancelled, with the reason; nothing was written (S0.T012).
        SessionLimitReachedError: the user is at the limit and the policy is to refuse.
        RequestReplayedError: this request's session has ended since.
        StoreUnavailableError: the store does not answer.
    """
    return store.create(newcomer, replacing=replacing, when_full=when_full, replayable=replayable)


def create_session_with_limit_enforcement(
    keeper: Keeper,
    user_id: str,
    *,
    login: LoginKind = LoginKind.DIRECT,
    request_id: str | None = None,
    replacing: SessionID = "",
    client: str = "",
    attributes: Mapping[str, str] | None = None,
    when_full: WhenFull = WhenFull.EVICT_OLDEST,
) -> Login:
    """Make a session for a user who has proved who they are; the oldest gives way at the limit (S0.T006).

    A caller that may have to repeat the call after a lost reply passes a ``request_id``: however often it is
    repeated, there is one session, one eviction, and the same tokens.

    Args:
        keeper: the store and the means to use it.
        user_id: for whom.
        login: the way in.
        request_id: names this request, the same in every repetition.
        replacing: a session that this login takes the place of, ended in the same step (ST4).
        client: to whom the refresh token is bound.
        attributes: small texts to keep with the session.
        when_full: evict, or refuse.

    Raises:
        InvalidInputError: an argument has the wrong shape.
        SessionLimitRaceError: every attempt lost to another change.
        SessionLimitReachedError: the user is at the limit and the policy is to refuse.
        RequestReplayedError: this request's session has ended since.
        StoreUnavailableError: the store does not answer; repeat with the same request id.
    """
    policy = checked_policy(when_full)
    newcomer, tokens = keeper.prepare(
        user_id, login, request_id=request_id, client=client, attributes=attributes
    )
    admission = keeper.patience.run(
        lambda: evict_oldest_session_atomic(
            keeper.store,
            newcomer,
            replacing=replacing,
            when_full=policy,
            replayable=request_id is not None,
        )
    )
    return Login(admission.session, tokens, admission.ended, admission.replayed)
