"""Untrusted input is checked here, before any look-up (ST18): user ids, request ids, attributes, clients."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping
from typing import Final

from sessionkeeper.errors import InvalidInputError
from sessionkeeper.model import LoginKind, WhenFull


LONGEST_USER_ID: Final = 256
"""Bytes of UTF-8 in a user id: well within a DynamoDB key and a PostgreSQL index entry."""

LARGEST_ATTRIBUTES: Final = 16 * 1024
"""Bytes that a session's attributes may take as JSON: far below the 400 KB of a DynamoDB item."""

LONGEST_CLIENT: Final = 200
"""Characters in the name of a client."""

_REQUEST_ID = re.compile(r"[!-~]{1,200}", re.ASCII)
_SESSION_ID = re.compile(r"[A-Za-z0-9_-]{22}", re.ASCII)


def checked_user_id(user_id: object) -> str:
    """Return a user id in Unicode's composed form, so that one name is one user however it was typed.

    Raises:
        InvalidInputError: it is no text, empty, too long, or holds control characters or lone surrogates.
    """
    if not isinstance(user_id, str) or not user_id.strip():
        raise InvalidInputError("A user id must be a text that is not empty.")
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in user_id):
        raise InvalidInputError("A user id must not hold control characters or lone surrogates.")
    composed = unicodedata.normalize("NFC", user_id)
    if len(composed.encode()) > LONGEST_USER_ID:
        raise InvalidInputError(f"A user id must not be longer than {LONGEST_USER_ID} bytes.")
    return composed


def checked_session_id(session_id: object) -> str:
    """Return a session id that has the shape of one.

    Raises:
        InvalidInputError: it has not.
    """
    if not isinstance(session_id, str) or _SESSION_ID.fullmatch(session_id) is None:
        raise InvalidInputError("A session id has 22 characters of A-Z, a-z, 0-9, - and _.")
    return session_id


def checked_request_id(request_id: object) -> str:
    """Return a request id that has the shape of one.

    Raises:
        InvalidInputError: it is no text of 1 to 200 printable ASCII characters without spaces.
    """
    if not isinstance(request_id, str) or _REQUEST_ID.fullmatch(request_id) is None:
        raise InvalidInputError("A request id has 1 to 200 printable ASCII characters and no spaces.")
    return request_id


def checked_attributes(attributes: Mapping[str, str] | None) -> dict[str, str]:
    """Return a copy of a session's attributes. Any name will do: no store takes it for a word of its own.

    Raises:
        InvalidInputError: a name or value is no text, cannot be encoded, or all together are too large.
    """
    if attributes is not None and not isinstance(attributes, Mapping):
        raise InvalidInputError("Attributes must be names and values.")
    copy = dict(attributes or {})
    texts: list[object] = [*copy, *copy.values()]
    if not all(isinstance(text, str) and text.isprintable() for text in texts):
        raise InvalidInputError("Attributes must have printable texts as names and values.")
    if len(json.dumps(copy)) > LARGEST_ATTRIBUTES:
        raise InvalidInputError(f"A session's attributes must not take more than {LARGEST_ATTRIBUTES} bytes.")
    return copy


def checked_login(login: str) -> LoginKind:
    """Return a way in, given as such or by its name.

    Raises:
        InvalidInputError: there is no such way in.
    """
    try:
        return LoginKind(login)
    except ValueError:
        raise InvalidInputError(f"A login is one of {', '.join(LoginKind)}.") from None


def checked_policy(when_full: str) -> WhenFull:
    """Return what happens to a newcomer when the user is at the limit, given as such or by its name.

    Raises:
        InvalidInputError: there is no such policy.
    """
    try:
        return WhenFull(when_full)
    except ValueError:
        raise InvalidInputError(f"At the limit one of these happens: {', '.join(WhenFull)}.") from None


def checked_client(client: object) -> str:
    """Return the name of a client, possibly empty.

    Raises:
        InvalidInputError: it is no printable text of at most 200 characters.
    """
    if not isinstance(client, str) or not client.isprintable() or len(client) > LONGEST_CLIENT:
        raise InvalidInputError(f"A client must be a printable text of at most {LONGEST_CLIENT} characters.")
    return client
