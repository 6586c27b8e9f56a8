"""The linter: contradictions and defects that a plan's own text shows.

``lint(plans)`` runs the rules; ``RULES`` lists them. A rule that cries wolf is worse than none, so rules
whose precision on real plans is below 95 % run only when they are asked for (``docs/precision.md``).
"""

from __future__ import annotations

from planproof.plan.lint.catalogue import RULES
from planproof.plan.lint.engine import Report, lint, worst
from planproof.plan.lint.finding import Confidence, Finding, Fix, Hit, Level, Place, Splice
from planproof.plan.lint.rule import Rule


__all__ = [
    "RULES",
    "Confidence",
    "Finding",
    "Fix",
    "Hit",
    "Level",
    "Place",
    "Report",
    "Rule",
    "Splice",
    "lint",
    "worst",
]
