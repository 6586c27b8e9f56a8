"""Tokens on their way to a browser and back: header fields that keep them where they belong (ST16, ST17)."""

from __future__ import annotations

from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING, Final


if TYPE_CHECKING:
    from sessionkeeper.tokens import TokenPair


ACCESS_COOKIE: Final = "__Host-id"
"""Cookie of the access token. The prefix binds it to this host, to HTTPS and to the path ``/``."""

REFRESH_COOKIE: Final = "__Secure-rt"
"""Cookie of the refresh token: sent to `REFRESH_PATH` only, which the stronger prefix would not allow."""

REFRESH_PATH: Final = "/session/refresh"
"""Where the refresh token is sent, and nowhere else."""

_ALWAYS: Final = "Secure; HttpOnly; SameSite=Strict"


def token_headers(tokens: TokenPair) -> tuple[tuple[str, str], ...]:
    """Return the header fields of a response that gives out tokens: two cookies, not to be stored.

    The cookies have no lifetime of their own: they end with the browser, the session ends on the server.
    """
    return (
        ("Set-Cookie", f"{ACCESS_COOKIE}={tokens.access}; Path=/; {_ALWAYS}"),
        ("Set-Cookie", f"{REFRESH_COOKIE}={tokens.refresh}; Path={REFRESH_PATH}; {_ALWAYS}"),
        ("Cache-Control", "no-store"),
    )


def farewell_headers() -> tuple[tuple[str, str], ...]:
    """Return the header fields of a response to a logout: both cookies are taken back."""
    return (
        ("Set-Cookie", f"{ACCESS_COOKIE}=; Path=/; Max-Age=0; {_ALWAYS}"),
        ("Set-Cookie", f"{REFRESH_COOKIE}=; Path={REFRESH_PATH}; Max-Age=0; {_ALWAYS}"),
        ("Cache-Control", "no-store"),
    )


def token_in(cookie_header: str, name: str = ACCESS_COOKIE) -> str | None:
    """Return the token that a request's ``Cookie`` field carries, or None. What it is worth, the store says.

    Args:
        cookie_header: the value of the field.
        name: `ACCESS_COOKIE` or `REFRESH_COOKIE`.
    """
    try:
        morsel = SimpleCookie(cookie_header).get(name)
    except CookieError:
        return None
    return morsel.value if morsel is not None else None
