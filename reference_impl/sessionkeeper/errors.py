"""Everything that can go wrong and is not a bug: one class each, all under `SessionKeeperError`.

An error says three things to whoever catches it: a stable ``code`` for programs, one sentence for people,
and whether the same call may be made again (``retriable``). ``http_status`` is what a boundary answers; which
document asked for which status, and what was decided where they disagree, stands in
``docs/decisions/0040-contradictions-sessions.md``.
"""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar


class SessionKeeperError(Exception):
    """Base of all errors of this package.

    Attributes:
        code: stable name for programs, e.g. ``session_limit_race``.
        http_status: what an HTTP boundary answers.
        retriable: True where the same call, with the same request id, may succeed later.
    """

    code: ClassVar[str] = "session_keeper_error"
    http_status: ClassVar[int] = 500
    retriable: ClassVar[bool] = False

    def __reduce__(self) -> tuple[object, ...]:
        """Cross a process boundary whole: by default the sentence would be passed as the only argument."""
        return _rebuilt, (type(self), self.args, self.__dict__)


def _rebuilt(
    kind: type[SessionKeeperError], arguments: tuple[object, ...], state: dict[str, object]
) -> SessionKeeperError:
    error = kind.__new__(kind, *arguments)
    error.__dict__.update(state)
    return error


class InvalidInputError(SessionKeeperError):
    """An id, token, attribute or setting of the wrong shape: refused before any look-up (ST18)."""

    code = "invalid_input"
    http_status = 400


class ConfigurationError(InvalidInputError):
    """A setting below its minimum, of the wrong type, or unknown (S1.IMPL_005.AC3)."""

    code = "invalid_configuration"
    http_status = 500


class SessionNotFoundError(SessionKeeperError):
    """No live session has this id: never made, ended, or expired and cleaned up (S2.B5.2)."""

    code = "session_not_found"
    http_status = 404


class SessionForbiddenError(SessionKeeperError):
    """The session belongs to another user (S2.B5.3)."""

    code = "session_user_mismatch"
    http_status = 403


class StaleSessionError(SessionKeeperError):
    """Somebody else changed the session since it was read: read it again, then decide again."""

    code = "stale_session"
    http_status = 409
    retriable = True


class RequestReplayedError(SessionKeeperError):
    """A request id was used again after its session had ended or its tokens had moved on."""

    code = "request_replayed"
    http_status = 409


class SessionLimitReachedError(SessionKeeperError):
    """The user holds as many sessions as allowed and the policy is to refuse.

    It is not a failed authentication: it must never count towards locking an account (keycloak#44474).
    """

    code = "session_limit_reached"
    http_status = 409


class AuthenticationError(SessionKeeperError):
    """Base of all reasons why a token does not open anything; every one answers 401 (S0.US2.IT)."""

    code = "not_authenticated"
    http_status = 401


class InvalidTokenError(AuthenticationError):
    """A token that was never issued, or whose secret half is wrong. Unknown ids are never adopted (ST3)."""

    code = "invalid_token"


class SessionExpiredError(AuthenticationError):
    """The idle timeout or the absolute lifetime has passed (S1.SC-006, ST6, ST7)."""

    code = "session_expired"


class TokenRevokedError(AuthenticationError):
    """The token is on the blocklist: its session was evicted, revoked or replaced (S0.T010)."""

    code = "token_revoked"


class TokenReuseError(AuthenticationError):
    """A refresh token came back after its grace window: the whole family is revoked now (ST13)."""

    code = "token_reused"


class ClientMismatchError(SessionKeeperError):
    """A refresh token was presented by another client than the one it was issued to (ST14)."""

    code = "client_mismatch"
    http_status = 400


class LinkUsedError(AuthenticationError):
    """A magic link or an OAuth state that has been used already: each opens one session, once."""

    code = "link_used"


class TooManyGuessesError(SessionKeeperError):
    """A source presented too many unknown tokens and has to wait (ST20).

    Attributes:
        retry_after: seconds to wait, for ``Retry-After``.
    """

    code = "too_many_guesses"
    http_status = 429
    retriable = True

    def __init__(self, message: str, *, retry_after: int = 1) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class RaceReason(StrEnum):
    """Why a store cancelled a change, and hence what the next attempt must do.

    ``EVICTED_MEANWHILE`` and ``SLOT_TAKEN`` ask for a fresh look at the sessions, the rest for a repeat.
    """

    EVICTED_MEANWHILE = "evicted_meanwhile"
    SLOT_TAKEN = "slot_taken"
    CONFLICT = "transaction_conflict"
    THROTTLED = "throttled"
    BUSY = "store_busy"


class SessionLimitRaceError(SessionKeeperError):
    """A concurrent change won; nothing was written; try again (S0.T002, S0.T012).

    Attributes:
        user_id: whose sessions were being changed.
        reason: which cancellation reason the store gave.
        retry_after: seconds to wait before the next attempt, for ``Retry-After``.
    """

    code = "session_limit_race"
    http_status = 503
    retriable = True

    def __init__(self, user_id: str, reason: RaceReason, *, retry_after: int = 1) -> None:
        super().__init__(f"Another change to this user's sessions came first ({reason.value}); try again.")
        self.user_id = user_id
        self.reason = reason
        self.retry_after = retry_after


class StoreDefectError(SessionKeeperError):
    """The store says that the request itself is wrong: a bug of this package, never worth repeating."""

    code = "store_defect"


class StoreUnavailableError(SessionKeeperError):
    """The store is down, too slow, or the reply was lost.

    The outcome may be unknown. A caller that passed a request id repeats the call with the same one and gets
    one session and one eviction, whether or not the first attempt had been committed.

    Attributes:
        retry_after: seconds to wait before the next attempt, for ``Retry-After``.
    """

    code = "store_unavailable"
    http_status = 503
    retriable = True
    retry_after = 1
