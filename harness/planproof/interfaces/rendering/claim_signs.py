"""The signs that claims have wherever they are shown; those of verdicts need all of proof and lie apart."""

from __future__ import annotations

from typing import Final

from planproof.plan.model import Claim


CLAIM_SIGNS: Final[dict[Claim, str]] = {
    Claim.DONE: "✓",
    Claim.OPEN: "·",
    Claim.IN_PROGRESS: "▸",
    Claim.PARTIAL: "◐",
    Claim.BLOCKED: "!",
    Claim.DEFERRED: "→",
    Claim.SKIPPED: "-",
    Claim.OPTIONAL: "○",
    Claim.NONE: " ",
}
