"""`SessionDoor`: who comes in, by the cookie that the request brings; guessing is noticed here (ST20)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from starlette.requests import Request  # noqa: TC002 -- the framework reads it at run time
from starlette.responses import Response  # noqa: TC002 -- likewise

from sessionkeeper.cookies import ACCESS_COOKIE, REFRESH_COOKIE, farewell_headers, token_headers, token_in
from sessionkeeper.errors import InvalidTokenError
from sessionkeeper.guessing import GuessGuard
from sessionkeeper.manager import SessionManager


if TYPE_CHECKING:
    from collections.abc import Callable

    from sessionkeeper.keeper import Keeper, Login
    from sessionkeeper.model import Session


T = TypeVar("T")

GUESSES: Final = 100
"""Unknown tokens that one address may present in a minute: many users can share one, and each may hold a
token of a session that has ended since."""


class SessionDoor:
    """What the routes of a service stand behind.

        @app.get("/orders")
        def orders(session: Annotated[Session, Depends(door.session)]): ...

    Args:
        keeper: the store and the means to use it.
        guard: who notices guessing; by default one of its own.

    Attributes:
        keeper: as given.
        manager: the manager of its sessions.
    """

    def __init__(self, keeper: Keeper, guard: GuessGuard | None = None) -> None:
        self.keeper = keeper
        self.manager = SessionManager(keeper)
        self._guard = guard or GuessGuard(keeper.clock, guesses=GUESSES)

    def session(self, request: Request) -> Session:
        """Return the live session that the request's cookie opens, and note the use: a dependency.

        Raises:
            AuthenticationError: it brings no token, or one that opens nothing.
            TooManyGuessesError: its source has presented too many unknown tokens.
        """
        return self.watched(request, self.token(request), self.manager.validate)

    def token(self, request: Request, name: str = ACCESS_COOKIE) -> str:
        """Return the token that a request brings; what it is worth, the store says.

        Raises:
            InvalidTokenError: it brings none.
        """
        token = self.token_if_any(request, name)
        if token is None:
            raise InvalidTokenError("The request brings no token.")
        return token

    def token_if_any(self, request: Request, name: str = ACCESS_COOKIE) -> str | None:
        """Return the token that a request brings, or None."""
        return token_in(request.headers.get("Cookie", ""), name)

    def refreshed(self, request: Request) -> Login:
        """Exchange the refresh token of a request's cookie; errors as of `refresh_access_tokens`."""
        return self.watched(request, self.token(request, REFRESH_COOKIE), self.manager.refresh)

    def watched(self, request: Request, token: str, attempt: Callable[[str], T]) -> T:
        """Try a token; one that nobody ever got counts against the address that the request came from.

        Raises:
            TooManyGuessesError: that address has presented too many; nothing was tried.
            SessionKeeperError: what the attempt raised.
        """
        source = request.client.host if request.client is not None else ""
        return self._guard.watch(source, lambda: attempt(token), token=token)


def give_tokens(response: Response, login: Login) -> None:
    """Put the tokens of a login into the cookies of a response (ST16, ST17)."""
    for name, value in token_headers(login.tokens):
        response.headers.append(name, value)


def take_tokens_back(response: Response) -> None:
    """Take the cookies back: only after a logout, never after a failure, which may be another tab's gain."""
    for name, value in farewell_headers():
        response.headers.append(name, value)
