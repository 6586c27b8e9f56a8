"""Where the log of a session lies (S2.C.18). A user id is a name that a user chose: it never becomes a path.

An id of ASCII letters, digits, ``_``, ``-`` and ``.`` (not in front) is its own directory name. In any other,
each byte of its UTF-8 form that is none of these becomes ``%XX``, and so does a dot in front; a name that
would be too long for a file system ends in its hash instead. Different ids have different directories.
"""

from __future__ import annotations

import hashlib
import string
from pathlib import Path
from typing import Final

from sessionkeeper.boundary.idgen import is_valid_session_id
from sessionkeeper.errors import InvalidInputError


_KEPT: Final = frozenset((string.ascii_letters + string.digits + "_-.").encode())
_LONGEST: Final = 200
_HEAD: Final = 100


def user_directory_name(user_id: str) -> str:
    """The directory name of a user.

    Raises:
        InvalidInputError: the id is empty or is no text that UTF-8 can hold.
    """
    try:
        data = user_id.encode()
    except UnicodeEncodeError as error:
        raise InvalidInputError("A user id must be text that UTF-8 can hold.") from error
    if not data:
        raise InvalidInputError("A user id must not be empty.")
    name = "".join(
        chr(byte) if byte in _KEPT and not (place == 0 and byte == ord(".")) else f"%{byte:02X}"
        for place, byte in enumerate(data)
    )
    if len(name) <= _LONGEST:
        return name
    # The sign before the hash occurs in no other name.
    return f"{name[:_HEAD]}~{hashlib.sha256(data).hexdigest()}"


def session_directory(user_id: str, *, root: Path = Path("logs")) -> Path:
    """The directory that holds the logs of a user's sessions; errors as of :func:`user_directory_name`."""
    return root / "users" / user_directory_name(user_id) / "sessions"


def session_log_path(user_id: str, session_id: str, *, root: Path = Path("logs")) -> Path:
    """Where the log of a session lies: ``<root>/users/<user>/sessions/<session>.jsonl``.

    Raises:
        InvalidInputError: the session id is none of ours, or the user id can not be one.
    """
    if not is_valid_session_id(session_id):
        raise InvalidInputError("The session id is malformed.")
    return session_directory(user_id, root=root) / f"{session_id}.jsonl"
