"""Cutting the checks of a run into shards, one for each machine of a CI's matrix.

Every machine cuts by itself, so the cut depends only on what all of them see: the checks and the durations
that were recorded when the matrix began. A check that no shard ran is unproved after the merge, never green.
"""

from __future__ import annotations

import heapq
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from planproof.errors import ConfigError


if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .model import Check


MOST: Final = 1000
_FORM: Final = re.compile(r"(\d{1,4})/(\d{1,4})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Shard:
    """Number ``index`` (from 1) of ``count`` shards."""

    index: int
    count: int

    @classmethod
    def parse(cls, text: str) -> Shard:
        """Read ``2/8``.

        Raises:
            ConfigError: it is not of that form, or not within it.
        """
        found = _FORM.fullmatch(text.strip())
        shard = cls(int(found[1]), int(found[2])) if found else cls(0, 0)
        if not 1 <= shard.index <= shard.count <= MOST:
            raise ConfigError(
                f"a shard is written like 2/8, the first number at most the second, not {text!r}"
            )
        return shard

    def of(self, checks: Sequence[Check], seconds: Mapping[str, float]) -> list[Check]:
        """The checks of this shard: longest first, each to the shard that has least to do (Graham, 1969).

        Args:
            checks: all checks of the run; their order does not matter.
            seconds: last duration by key of check; what was never run counts as the mean.
        """
        known = [seconds[one.key] for one in checks if one.key in seconds]
        usual = sum(known) / len(known) if known else 1.0
        costs = sorted(
            ((seconds.get(one.key, usual), one.key, one) for one in checks),
            key=lambda cost: (-cost[0], cost[1]),
        )
        loads = [(0.0, number) for number in range(1, self.count + 1)]
        mine = []
        for cost, _, one in costs:
            load, number = heapq.heappop(loads)
            heapq.heappush(loads, (load + cost, number))
            if number == self.index:
                mine.append(one)
        return mine
