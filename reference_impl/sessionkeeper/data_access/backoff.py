"""How long to wait between attempts: one schedule for the data layer and for the retry decorators.

Source: requirement rows S4.F.4 (1 s, 2 s, 4 s) and S4.F.5 (jitter). Two rows contradict each other there:
see docs/decisions/0050-contradictions-boundary-resilience-data.md, K4.03 and KX.04.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


class Chance(Protocol):
    """A source of chance; ``random.Random`` is one."""

    def random(self) -> float:
        """A number from 0 up to, but not including, 1."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """Waits that double, each lengthened by chance so that callers do not return in step.

    The wait before retry ``n`` (from 0) lies in ``[d, d * (1 + jitter))`` with
    ``d = min(base * 2**n, ceiling)``. With the defaults: 1-1.5 s, 2-3 s, 4-6 s.

    Attributes:
        retries: how many attempts follow the first one.
        base: seconds before the first retry.
        ceiling: no wait is longer than this many seconds, jitter aside.
        jitter: largest share by which chance lengthens a wait; 0 switches it off.
    """

    retries: int = 3
    base: float = 1.0
    ceiling: float = 20.0
    jitter: float = 0.5

    def __post_init__(self) -> None:
        if self.retries < 0 or self.base < 0 or self.ceiling < 0 or self.jitter < 0:
            raise ValueError("a backoff has no negative numbers")

    def delay(self, retry: int, chance: Chance) -> float:
        """Seconds to wait before retry number ``retry``, counted from 0."""
        # 2.0**1024 would overflow; by then the ceiling has long been reached.
        nominal = min(self.base * 2.0 ** min(retry, 64), self.ceiling)
        return nominal * (1.0 + self.jitter * chance.random())
