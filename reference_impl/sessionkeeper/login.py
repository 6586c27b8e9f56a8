"""The three ways in: anonymous, OAuth callback, magic link. Each ends in the wrapper that holds the limit."""

from __future__ import annotations

import base64
import hmac
import re
import secrets
from typing import TYPE_CHECKING, Final, Protocol

from sessionkeeper.errors import InvalidTokenError, LinkUsedError, SessionExpiredError
from sessionkeeper.identifiers import checked_request_id, checked_user_id
from sessionkeeper.limit import create_session_with_limit_enforcement
from sessionkeeper.manager import opened_by
from sessionkeeper.model import LoginKind
from sessionkeeper.tokens import hash_token


if TYPE_CHECKING:
    from sessionkeeper.clock import Timestamp
    from sessionkeeper.keeper import Keeper, Login


MAGIC_LINK_TTL: Final = 900.0
"""Seconds that a magic link can be used, once."""

OAUTH_STATE_TTL: Final = 600.0
"""Seconds that a user may take at the OAuth provider."""

_SEALED: Final = re.compile(r"([A-Za-z0-9_-]{1,900})\.([A-Za-z0-9_-]{43})", re.ASCII)


class OAuthProvider(Protocol):
    """An identity provider, as far as a callback needs it.

    Attributes:
        name: becomes the first half of the user id.
    """

    name: str

    def exchange(self, code: str) -> str:
        """Exchange an authorization code for the provider's own name of the user.

        Raises:
            AuthenticationError: the provider does not accept the code.
        """
        ...


def create_anonymous_session(
    keeper: Keeper, *, user_id: str | None = None, request_id: str | None = None, client: str = ""
) -> Login:
    """Make a session for somebody who has not said who they are (S0.T014).

    Args:
        keeper: the store and the means to use it.
        user_id: an anonymous user known from before; by default a new one.
        request_id: names this request, the same in every repetition. It must be hard to guess: nothing else
            tells its maker from anybody who repeats it.
        client: to whom the refresh token is bound.

    Raises:
        InvalidInputError: an argument has the wrong shape.
        SessionLimitRaceError: every attempt lost to another change.
        RequestReplayedError: this request's session has ended since.
        StoreUnavailableError: the store does not answer; repeat with the same request id.
    """
    if user_id is None:
        drawn = secrets.token_urlsafe(16)
        known = (
            drawn
            if request_id is None
            else keeper.mint.sign("anonymous", checked_request_id(request_id))[:22]
        )
        user_id = f"anonymous:{known}"
    return create_session_with_limit_enforcement(
        keeper, user_id, login=LoginKind.ANONYMOUS, request_id=request_id, client=client
    )


def begin_oauth(keeper: Keeper) -> str:
    """Return the ``state`` to send to the provider and to keep in the browser's cookie meanwhile."""
    return _sealed(keeper, "oauth", secrets.token_urlsafe(16), keeper.clock.now() + OAUTH_STATE_TTL)


def handle_oauth_callback(
    keeper: Keeper,
    provider: OAuthProvider,
    *,
    code: str,
    state: str,
    expected_state: str,
    current_token: str | None = None,
    request_id: str | None = None,
    client: str = "",
) -> Login:
    """Make a session for a user who comes back from an OAuth provider (S0.T015).

    Args:
        keeper: the store and the means to use it.
        provider: who vouches for the user.
        code: what the provider sent along.
        state: the state that came back.
        expected_state: the state that the browser kept in its cookie.
        current_token: access token of the session that the browser holds now; it ends in the same step (ST4).
        request_id: names this request, the same in every repetition.
        client: to whom the refresh token is bound.

    Raises:
        InvalidTokenError: the state is not the browser's, or not ours.
        SessionExpiredError: the state is too old.
        LinkUsedError: the state has been used.
        AuthenticationError: the provider does not accept the code.
        RequestReplayedError: this request's session has ended since.
        SessionLimitRaceError: every attempt lost to another change.
        StoreUnavailableError: the store does not answer; repeat with the same request id.
    """
    _opened(keeper, "oauth", expected_state)
    _, until = _opened(keeper, "oauth", state)
    if not hmac.compare_digest(state, expected_state):
        raise InvalidTokenError("This answer belongs to another browser.")
    _claim(keeper, "oauth", state, until, request_id)
    user_id = f"{provider.name}:{provider.exchange(code)}"
    return create_session_with_limit_enforcement(
        keeper,
        user_id,
        login=LoginKind.OAUTH,
        request_id=request_id,
        replacing=opened_by(keeper, current_token),
        client=client,
    )


def issue_magic_link_token(keeper: Keeper, user_id: str) -> str:
    """Return a token to send to a user by mail: it opens one session, once, within `MAGIC_LINK_TTL`.

    Raises:
        InvalidInputError: the user id has the wrong shape.
    """
    return _sealed(keeper, "magic", checked_user_id(user_id), keeper.clock.now() + MAGIC_LINK_TTL)


def verify_magic_link_token(
    keeper: Keeper,
    token: str,
    *,
    current_token: str | None = None,
    request_id: str | None = None,
    client: str = "",
) -> Login:
    """Make a session for a user who followed a magic link (S0.T016).

    The link is claimed before the session is made: of two who follow it at once, one gets in. A repetition
    with the same request id is the same visitor and gets the same session.

    Args:
        keeper: the store and the means to use it.
        token: what the link carried.
        current_token: access token of the session that the browser holds now; it ends in the same step (ST4).
        request_id: names this request, the same in every repetition.
        client: to whom the refresh token is bound.

    Raises:
        InvalidTokenError: the token is not ours.
        SessionExpiredError: the token is too old.
        LinkUsedError: the token has been used.
        RequestReplayedError: this request's session has ended since.
        SessionLimitRaceError: every attempt lost to another change.
        StoreUnavailableError: the store does not answer; repeat with the same request id.
    """
    user_id, until = _opened(keeper, "magic", token)
    _claim(keeper, "magic", token, until, request_id)
    return create_session_with_limit_enforcement(
        keeper,
        user_id,
        login=LoginKind.MAGIC_LINK,
        request_id=request_id,
        replacing=opened_by(keeper, current_token),
        client=client,
    )


def _sealed(keeper: Keeper, purpose: str, subject: str, until: Timestamp) -> str:
    payload = f"{int(until)}\n{secrets.token_urlsafe(16)}\n{subject}"
    body = base64.urlsafe_b64encode(payload.encode()).rstrip(b"=").decode()
    return f"{body}.{keeper.mint.sign(purpose, body)}"


def _opened(keeper: Keeper, purpose: str, sealed: object) -> tuple[str, Timestamp]:
    """Return the subject of a token of ours and when it ends; nothing unsigned is believed."""
    shape = _SEALED.fullmatch(sealed) if isinstance(sealed, str) else None
    if shape is None or not hmac.compare_digest(shape[2], keeper.mint.sign(purpose, shape[1])):
        raise InvalidTokenError("This link is not one of ours.")
    payload = base64.urlsafe_b64decode(shape[1] + "=" * (-len(shape[1]) % 4)).decode()
    until, _, subject = payload.split("\n", 2)
    if keeper.clock.now() >= float(until):
        raise SessionExpiredError("This link is too old.")
    return subject, float(until)


def _claim(keeper: Keeper, purpose: str, sealed: str, until: Timestamp, request_id: str | None) -> None:
    owner = secrets.token_urlsafe(16) if request_id is None else hash_token(checked_request_id(request_id))
    key = f"{purpose}#{hash_token(sealed)}"
    if not keeper.patience.run(lambda: keeper.store.claim(key, owner, until)):
        raise LinkUsedError("This link has been used.")
