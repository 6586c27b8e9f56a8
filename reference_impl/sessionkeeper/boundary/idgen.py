"""Ids of sessions and of records (S2.C.6 to S2.C.8)."""

from __future__ import annotations

import re
import secrets
import uuid
from typing import Final

from sessionkeeper.boundary.config import SESSION_ID_PREFIX


_RANDOM_BYTES: Final = 32  # 256 bits (ST1)
SESSION_ID_PATTERN: Final = rf"^{SESSION_ID_PREFIX}[A-Za-z0-9_-]{{43}}$"
"""What every id that was ever handed out looks like."""
_SESSION_ID: Final = re.compile(SESSION_ID_PATTERN)


def generate_session_id() -> str:
    """A new session id: the prefix and 256 bits of chance in base64url."""
    return SESSION_ID_PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)


def is_valid_session_id(session_id: str) -> bool:
    """Whether a text could be one of our ids; says nothing about whether it is one (ST18)."""
    return _SESSION_ID.fullmatch(session_id) is not None


def generate_record_id() -> str:
    """A new record id, a UUID of version 4 (S2.B1.1.5)."""
    return str(uuid.uuid4())
