"""Linearizability: is there an order of these operations, each within its interval, that the model allows?

The search places an operation only when some reply forces it ("just in time", Lowe 2017, after Wing and Gong
1993), keeps every configuration that is left after each reply, and so fails at the first reply that no
order explains. ``docs/checker.md`` tells what makes it fast and why that is sound.
"""

from __future__ import annotations

from planproof.race.checker.judge import check
from planproof.race.checker.verdict import Verdict


__all__ = ["Verdict", "check"]
