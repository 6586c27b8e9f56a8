"""The failure as one HTML file that needs nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING


if TYPE_CHECKING:
    from planproof.race.checker.verdict import Verdict
    from planproof.race.history.operation import History


def html_of(history: History, verdict: Verdict, *, title: str | None = None, steps: int = 60) -> str:
    """The failure page."""
    raise NotImplementedError
