"""All rules, by code."""

from __future__ import annotations

from planproof.plan.lint.rules import (
    claims,
    counts,
    dependencies,
    evidence,
    form,
    parallel,
    reach,
    references,
    upkeep,
    values,
    wording,
)
from planproof.plan.lint.rules.proof import RULES as PROOF_RULES


RULES = tuple(
    sorted(
        (
            *form.RULES,
            *dependencies.RULES,
            *reach.RULES,
            *parallel.RULES,
            *claims.RULES,
            *evidence.RULES,
            *counts.RULES,
            *references.RULES,
            *values.RULES,
            *upkeep.RULES,
            *wording.RULES,
            *PROOF_RULES,
        ),
        key=lambda rule: rule.code,
    )
)
