"""Tokens: how they are made, what is kept of them, how two are compared.

A token is ``SESSION_ID.SECRET``. The first half (128 random bits) says where to look and opens nothing; the
second half carries 256 bits. A store keeps the SHA-256 of the whole: enough for a secret that cannot be
guessed (ST5).

Successors are *derived*, not drawn: the refresh token that follows another is ``HMAC-SHA-256(pepper,
token)``. Whoever holds the pepper can give the same answer to the same question twice, so a grace window and
a repeated request need no token at rest anywhere. The price: who steals the pepper *and* a refresh token can
follow that one family forward, until both use it and reuse detection ends it. The pepper has 256 bits, lives
in a secret store, and is the same for all processes.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from sessionkeeper.errors import ConfigurationError, InvalidTokenError


if TYPE_CHECKING:
    from sessionkeeper.model import SessionID


SECRET_BYTES: Final = 32
"""Random bytes in a secret: 256 bits, twice what ASVS 7.2.3 asks for (ST1)."""

ID_BYTES: Final = 16
"""Random bytes in a session id."""

_TOKEN = re.compile(r"([A-Za-z0-9_-]{22})\.([A-Za-z0-9_-]{43})", re.ASCII)


@dataclass(frozen=True, slots=True)
class TokenPair:
    """What a client holds. Neither token is ever printed by this class, so neither reaches a log by accident.

    Attributes:
        access: opens the session; dies with every refresh.
        refresh: buys the next pair, once.
    """

    access: str = field(repr=False)
    refresh: str = field(repr=False)


def hash_token(token: str) -> str:
    """Return the SHA-256 of a token in hexadecimal: the only thing that a store ever sees of it (S0.K2)."""
    return hashlib.sha256(token.encode()).hexdigest()


def hashes_match(one: str, other: str) -> bool:
    """Compare two hashes in a time that does not depend on where they differ."""
    return hmac.compare_digest(one.encode(), other.encode())


def session_id_of(token: object) -> SessionID:
    """Return the session that a token names; length and alphabet are checked before any look-up (ST18).

    Raises:
        InvalidTokenError: where the token has not the shape of one.
    """
    shape = _TOKEN.fullmatch(token) if isinstance(token, str) else None
    if shape is None:
        raise InvalidTokenError("This is not a token: it has the wrong length or alphabet.")
    return shape.group(1)


class TokenMint:
    """Makes session ids and tokens.

    Args:
        pepper: at least 32 secret bytes, the same in every process that shares a store.

    Raises:
        ConfigurationError: where the pepper is too short.
    """

    def __init__(self, pepper: bytes) -> None:
        if len(pepper) < SECRET_BYTES:
            raise ConfigurationError(f"The pepper must be at least {SECRET_BYTES} secret bytes.")
        self._pepper = pepper

    def fresh(self) -> tuple[SessionID, TokenPair]:
        """Draw a new session id and its first pair from the system's random source (ST1)."""
        session_id = secrets.token_urlsafe(ID_BYTES)
        return session_id, self._pair(f"{session_id}.{secrets.token_urlsafe(SECRET_BYTES)}")

    def for_request(self, user_id: str, request_id: str) -> tuple[SessionID, TokenPair]:
        """Return the session id and pair that belong to a request: the same for its every repetition.

        The request id need not be secret, the pepper is; but only its maker may be let in with it, which is
        why the user who has just proved who they are is part of the question.
        """
        question = f"{len(user_id)}:{user_id}{request_id}"
        session_id = _text(self._derive(b"session id", question)[:ID_BYTES])
        return session_id, self._pair(f"{session_id}.{_text(self._derive(b'first refresh', question))}")

    def successor(self, refresh: str) -> TokenPair:
        """Return the pair that follows a refresh token: always the same one.

        Raises:
            InvalidTokenError: where the token has not the shape of one.
        """
        session_id = session_id_of(refresh)
        return self._pair(f"{session_id}.{_text(self._derive(b'next refresh', refresh))}")

    def sign(self, purpose: str, text: str) -> str:
        """Return a signature of ``text`` that holds for one purpose only."""
        return _text(self._derive(b"sign " + purpose.encode(), text))

    def _pair(self, refresh: str) -> TokenPair:
        session_id = refresh.partition(".")[0]
        return TokenPair(f"{session_id}.{_text(self._derive(b'access', refresh))}", refresh)

    def _derive(self, purpose: bytes, text: str) -> bytes:
        return hmac.digest(self._pepper, purpose + b"\0" + text.encode(), hashlib.sha256)


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
