"""`SessionManager`: sessions are made, validated, refreshed, listed and ended, in time (S1.IMPL_003)."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from sessionkeeper.errors import (
    InvalidTokenError,
    SessionExpiredError,
    SessionForbiddenError,
    SessionLimitRaceError,
    SessionNotFoundError,
    StaleSessionError,
    TokenRevokedError,
)
from sessionkeeper.identifiers import checked_session_id, checked_user_id
from sessionkeeper.limit import create_session_with_limit_enforcement, get_user_sessions
from sessionkeeper.model import CleanupStatistics, LoginKind, Session, SessionID, WhenFull
from sessionkeeper.rotation import refresh_access_tokens
from sessionkeeper.tokens import hash_token, hashes_match, session_id_of


if TYPE_CHECKING:
    from collections.abc import Mapping

    from sessionkeeper.configuration import SessionSettings
    from sessionkeeper.keeper import Keeper, Login


_log = logging.getLogger(__name__)


class SessionManager:
    """The door to sessions for a program that has users.

    Every method may raise `StoreUnavailableError`; those that change something may raise
    `SessionLimitRaceError` once patience is at its end.

    Args:
        keeper: the store and the means to use it.
    """

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper

    @property
    def settings(self) -> SessionSettings:
        """The settings in force."""
        return self._keeper.settings

    def configure(self, settings: SessionSettings) -> None:
        """Put new settings in force: new sessions and every further access follow them (S1.SC-011).

        The absolute end of a session that exists stays where it was.
        """
        self._keeper = replace(self._keeper, settings=settings)

    def create(
        self,
        user_id: str,
        *,
        login: LoginKind = LoginKind.DIRECT,
        request_id: str | None = None,
        current_token: str | None = None,
        client: str = "",
        attributes: Mapping[str, str] | None = None,
        when_full: WhenFull = WhenFull.EVICT_OLDEST,
    ) -> Login:
        """Make a session for a user who has just proved who they are (S1.IMPL_003.AC1).

        Args:
            user_id: for whom.
            login: the way in.
            request_id: names this request, the same in every repetition.
            current_token: the access token that the client holds now, if any: its session ends in the same
                step and the new one has a new id (ST4). A token that opens nothing is ignored, never adopted
                (ST3).
            client: to whom the refresh token is bound.
            attributes: small texts to keep with the session.
            when_full: evict the oldest, or refuse.

        Raises:
            InvalidInputError: an argument has the wrong shape.
            SessionLimitReachedError: the user is at the limit and the policy is to refuse.
            RequestReplayedError: this request's session has ended since.
        """
        made = create_session_with_limit_enforcement(
            self._keeper,
            user_id,
            login=login,
            request_id=request_id,
            replacing=opened_by(self._keeper, current_token),
            client=client,
            attributes=attributes,
            when_full=when_full,
        )
        _log.info("session %s: created", made.session.session_id)
        for session in made.ended:
            _log.info("session %s: ended, it gave way to %s", session.session_id, made.session.session_id)
        return made

    def validate(self, access_token: str) -> Session:
        """Return the session that an access token opens, and note the use if sliding (S1.IMPL_003.AC2, AC3).

        Raises:
            InvalidTokenError: the token was never issued, or its session has ended and is gone.
            SessionExpiredError: the idle timeout or the absolute lifetime has passed.
            TokenRevokedError: the session ended while it was being validated.
        """
        keeper = self._keeper
        session = authenticate(keeper, access_token)
        now = keeper.clock.now()
        due = keeper.settings.sliding and now - session.last_used_at >= keeper.settings.touch_interval_seconds
        if not due:
            return session
        expires_at = min(now + keeper.settings.timeout_seconds, session.ends_at)
        try:
            return keeper.store.update(replace(session, last_used_at=now, expires_at=expires_at))
        except SessionNotFoundError as error:
            raise TokenRevokedError("The session ended while it was being used.") from error
        except (StaleSessionError, SessionLimitRaceError):
            return authenticate(
                keeper, access_token
            )  # somebody else has just noted a use, or rotated the tokens

    def refresh(self, refresh_token: str, *, client: str = "") -> Login:
        """Exchange a refresh token for the next pair; see `refresh_access_tokens` for the errors."""
        return refresh_access_tokens(self._keeper, refresh_token, client=client)

    def list_sessions(self, user_id: str) -> tuple[Session, ...]:
        """Return a user's live sessions, oldest first (ST12).

        Raises:
            InvalidInputError: the user id has the wrong shape.
        """
        return get_user_sessions(self._keeper.store, user_id)

    def revoke(self, user_id: str, session_id: SessionID) -> None:
        """End one of a user's own sessions; nothing of it validates once this has returned (ST10, ST12).

        Raises:
            InvalidInputError: an id has the wrong shape.
            SessionNotFoundError: there is no such live session.
            SessionForbiddenError: it is another user's.
        """
        session = self._keeper.store.read(checked_session_id(session_id))
        if session is None:
            raise SessionNotFoundError("There is no such session.")
        if session.user_id != checked_user_id(user_id):
            raise SessionForbiddenError("This session belongs to another user.")
        self._end(session_id)

    def logout(self, access_token: str) -> None:
        """End the session that an access token opens.

        Raises:
            AuthenticationError: the token opens nothing.
        """
        self._end(authenticate(self._keeper, access_token).session_id)

    def revoke_others(self, access_token: str) -> tuple[Session, ...]:
        """End all sessions of the token's user but the token's own, e.g. after a password change (ST11).

        Raises:
            AuthenticationError: the token opens nothing.
        """
        own = authenticate(self._keeper, access_token)
        return self._end_all(own.user_id, besides=own.session_id)

    def revoke_all(self, user_id: str) -> tuple[Session, ...]:
        """End every session of a user: none that was made before this returned is left (ST11).

        Raises:
            InvalidInputError: the user id has the wrong shape.
        """
        return self._end_all(checked_user_id(user_id))

    def revoke_everyone(self) -> int:
        """End every session of every user, for whoever runs the service; return how many (ST11, ASVS 7.4.5).

        None that was made before the call is left. One user after the other, each in one step: users who log
        in meanwhile may keep their new session.
        """
        return sum(len(self._end_all(user_id)) for user_id in self._keeper.store.users())

    def cleanup(self, batch: int = 100) -> CleanupStatistics:
        """Remove what has expired, at most ``batch`` users at a time (S1.IMPL_002.AC3)."""
        return self._keeper.store.cleanup(batch)

    def _end_all(self, user_id: str, *, besides: SessionID = "") -> tuple[Session, ...]:
        store = self._keeper.store
        ended = self._keeper.patience.run(lambda: store.delete_all(user_id, besides=besides))
        for session in ended:
            _log.info("session %s: ended by its user, with others", session.session_id)
        return ended

    def _end(self, session_id: SessionID) -> None:
        self._keeper.patience.run(lambda: self._keeper.store.delete(session_id))
        _log.info("session %s: ended by its user", session_id)


def authenticate(keeper: Keeper, access_token: str) -> Session:
    """Return the live session that an access token opens; nothing is written.

    Raises:
        InvalidTokenError: the token was never issued, or its session has ended and is gone.
        SessionExpiredError: the idle timeout or the absolute lifetime has passed.
    """
    session_id = session_id_of(access_token)
    session = keeper.store.find(session_id)
    if session is None or not hashes_match(session.access_hash, hash_token(access_token)):
        _log.info("session %s: a token that does not open it was refused", session_id)
        raise InvalidTokenError("This token opens no session.")
    if session.expired(keeper.clock.now()):
        _log.info("session %s: refused, it has expired", session_id)
        raise SessionExpiredError("The session has expired.")
    return session


def opened_by(keeper: Keeper, access_token: str | None) -> SessionID:
    """Return the id of the session that an access token opens, or an empty text where it opens none.

    For logins: whatever a client brought along is either a session that is really theirs, or nothing at all.
    """
    if access_token is None:
        return ""
    try:
        return authenticate(keeper, access_token).session_id
    except (InvalidTokenError, SessionExpiredError):
        return ""
