"""A correlation id: one name for one request, in every log line and every answer about it (S3.T008.3).

The document asks for it and gives it no source (K3.26): it comes from the caller's ``X-Correlation-ID`` if
that is harmless, and is made up otherwise.
"""

from __future__ import annotations

import contextlib
import contextvars
import re
import uuid
from typing import TYPE_CHECKING


if TYPE_CHECKING:
    from collections.abc import Iterator

HEADER = "X-Correlation-ID"
NONE = "-"
# Letters that can neither break a log line nor a header.
_HARMLESS = re.compile(r"[A-Za-z0-9._-]{1,64}")
_CURRENT: contextvars.ContextVar[str] = contextvars.ContextVar("correlation_id", default=NONE)


def current_correlation_id() -> str:
    """The id of the request being served here, or ``-`` outside of any."""
    return _CURRENT.get()


@contextlib.contextmanager
def correlation_scope(offered: str | None = None) -> Iterator[str]:
    """Serve one request under an id.

    Args:
        offered: the caller's id; used if it is 1 to 64 of ``A-Z a-z 0-9 . _ -``, replaced otherwise.

    Yields:
        The id.
    """
    name = offered if offered and _HARMLESS.fullmatch(offered) else uuid.uuid4().hex
    token = _CURRENT.set(name)
    try:
        yield name
    finally:
        _CURRENT.reset(token)
