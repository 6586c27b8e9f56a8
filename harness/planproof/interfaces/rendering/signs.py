"""The signs, words and colours that verdicts have wherever they are shown."""

from __future__ import annotations

from typing import Final, NamedTuple

from planproof.proof.verdict import Verdict


class Sign(NamedTuple):
    """How a verdict looks: its sign, its colour, and its name in running text."""

    sign: str
    colour: str
    name: str


# Worst first: the order in which a summary counts them.
VERDICTS: Final = {
    Verdict.FALSE_CLAIM: Sign("✗", "red", "false claim"),
    Verdict.STALE_CLAIM: Sign("~", "yellow", "stale"),
    Verdict.UNPROVED_CLAIM: Sign("?", "yellow", "unproved"),
    Verdict.READY_TO_TICK: Sign("+", "cyan", "ready to tick"),
    Verdict.DONE_EARLY: Sign("+", "cyan", "done early"),
    Verdict.OPEN: Sign("·", "dim", "open"),
    Verdict.DEFERRED: Sign("-", "dim", "deferred"),
    Verdict.VERIFIED: Sign("✓", "green", "verified"),
}
# Verdicts that do not stand out from the lines around them.
QUIET: Final = frozenset({Verdict.OPEN, Verdict.DEFERRED, Verdict.VERIFIED})


def word(verdict: Verdict) -> str:
    """A verdict's name at the end of an item's line: in capitals where somebody should act."""
    name = VERDICTS[verdict].name
    return name if verdict in QUIET else name.upper()
