"""Settings of the session timeouts: names, defaults, minimums (S1.IMPL_005); profiles of NIST SP 800-63B.

This is what the work plan calls the contract CE_CONFIG_SESSION: the keys of the ``session`` section.

=================================== ============== =========================================================
key                                 default        meaning
=================================== ============== =========================================================
session.timeout_seconds             3600           idle timeout; at least 60
session.cleanup_interval_seconds    300            pause between cleanups; at least 30
session.sliding                     true           whether use extends the idle timeout
session.touch_interval_seconds      0              how seldom use is written down; at most half the timeout
session.absolute_lifetime_seconds   2592000        end of a session whatever its use; at least the timeout
session.refresh_grace_seconds       10             how long a replaced refresh token yields its successor
=================================== ============== =========================================================

A cleanup interval longer than the timeout is allowed: an expired session never validates, cleaned up or not.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Final

from sessionkeeper.errors import ConfigurationError


MINIMUM_TIMEOUT: Final = 60
"""Shortest idle timeout in seconds (S1.IMPL_005.AC3)."""

MINIMUM_CLEANUP_INTERVAL: Final = 30
"""Shortest pause between cleanups in seconds (S1.IMPL_005.AC3)."""

LONGEST_LIFETIME: Final = 30 * 24 * 3600
"""Longest absolute lifetime in seconds: no longer than the blocklist remembers (S0.K3)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionSettings:
    """How long sessions live. All values in seconds.

    Attributes:
        timeout_seconds: idle timeout.
        cleanup_interval_seconds: pause between two cleanups of the middleware.
        sliding: whether use extends the idle timeout (the setting that S1.IMPL_003.AC3 presumes).
        touch_interval_seconds: use within this time of the last one that was written is not written again.
        absolute_lifetime_seconds: the end of every session, whatever its use (ST7).
        refresh_grace_seconds: how long a replaced refresh token still yields the same successor.

    Raises:
        ConfigurationError: a value is of the wrong type or out of range.
    """

    timeout_seconds: float = 3600
    cleanup_interval_seconds: float = 300
    sliding: bool = True
    touch_interval_seconds: float = 0
    absolute_lifetime_seconds: float = LONGEST_LIFETIME
    refresh_grace_seconds: float = 10

    def __post_init__(self) -> None:
        if type(self.sliding) is not bool:
            raise ConfigurationError("session.sliding must be true or false.")
        _bounded("timeout_seconds", self.timeout_seconds, MINIMUM_TIMEOUT, LONGEST_LIFETIME)
        _bounded(
            "cleanup_interval_seconds", self.cleanup_interval_seconds, MINIMUM_CLEANUP_INTERVAL, math.inf
        )
        _bounded("touch_interval_seconds", self.touch_interval_seconds, 0, self.timeout_seconds / 2)
        _bounded(
            "absolute_lifetime_seconds",
            self.absolute_lifetime_seconds,
            self.timeout_seconds,
            LONGEST_LIFETIME,
        )
        _bounded("refresh_grace_seconds", self.refresh_grace_seconds, 0, self.timeout_seconds)

    @classmethod
    def of(cls, configuration: Mapping[str, Any]) -> SessionSettings:
        """Read the ``session`` section of a configuration; absent keys keep their defaults.

        Args:
            configuration: e.g. ``{"session": {"timeout_seconds": 900}}``.

        Raises:
            ConfigurationError: the section is no mapping, a key is unknown, or a value is out of range.
        """
        section = configuration.get("session", {})
        if not isinstance(section, Mapping):
            raise ConfigurationError("The section session must hold keys and values.")
        unknown = sorted(str(key) for key in section if key not in {each.name for each in fields(cls)})
        if unknown:
            raise ConfigurationError(f"session.{unknown[0]} is not a setting.")
        return cls(**section)


def _bounded(name: str, value: object, lowest: float, highest: float) -> None:
    number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    if not number or not lowest <= value <= highest:  # type: ignore[operator]  # a number, as just seen
        bounds = f"at least {lowest:g}" + (f" and at most {highest:g}" if math.isfinite(highest) else "")
        raise ConfigurationError(f"session.{name} must be a number of seconds, {bounds}.")


_HOUR: Final = 3600
_DAY: Final = 24 * _HOUR

NIST_AAL1: Final = SessionSettings(timeout_seconds=30 * _DAY, absolute_lifetime_seconds=30 * _DAY)
"""Reauthentication after 30 days (ST8)."""

NIST_AAL2: Final = SessionSettings(timeout_seconds=_HOUR / 2, absolute_lifetime_seconds=12 * _HOUR)
"""Reauthentication after 12 hours, or half an hour without use: the stricter of the two revisions (ST8)."""

NIST_AAL3: Final = SessionSettings(timeout_seconds=_HOUR / 4, absolute_lifetime_seconds=12 * _HOUR)
"""Reauthentication after 12 hours, or a quarter of an hour without use (ST8)."""
