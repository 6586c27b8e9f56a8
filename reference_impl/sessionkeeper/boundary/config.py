"""What can be set about session boundaries (S2.C.1 to S2.C.5)."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from sessionkeeper.errors import ConfigurationError


if TYPE_CHECKING:
    from collections.abc import Mapping

MODULE_SOURCE: Final = "session_manager"
"""The only source that a boundary event names (S2.B1.1.1)."""

SESSION_ID_PREFIX: Final = "sess_"
"""What every session id begins with."""

SYSTEM_PERFORMER: Final = "system"
"""Who performs a boundary that no human asked for (S2.B1.1.7)."""

DEFAULT_TIMEOUT_SECONDS: Final = 3600
"""After how many seconds the system ends a session, unless set otherwise (S2.C.4; KX.03)."""

MINIMUM_TIMEOUT_SECONDS: Final = 60
"""No smaller timeout is accepted, as in S1.IMPL_005."""

SETTLE_SECONDS: Final = 10.0
"""How long whoever begins a boundary may take to record it before others look what became of it."""

TIMEOUT_VARIABLE: Final = "SESSIONKEEPER_BOUNDARY_TIMEOUT_SECONDS"
"""The environment variable that :func:`get_timeout_seconds` reads."""


def get_timeout_seconds(environment: Mapping[str, str] = os.environ) -> int:
    """After how many seconds the system ends a session (S2.C.5).

    Args:
        environment: where ``SESSIONKEEPER_BOUNDARY_TIMEOUT_SECONDS`` is looked up.

    Raises:
        ConfigurationError: it is no whole number, or below the minimum.
    """
    text = environment.get(TIMEOUT_VARIABLE, "")
    if not text:
        return DEFAULT_TIMEOUT_SECONDS
    seconds = int(text) if text.isascii() and text.isdigit() else 0
    if seconds < MINIMUM_TIMEOUT_SECONDS:
        raise ConfigurationError(
            f"{TIMEOUT_VARIABLE} must be a whole number of at least {MINIMUM_TIMEOUT_SECONDS}, not {text!r}."
        )
    return seconds
