"""Which kind of item an id, a topic or a place makes."""

from __future__ import annotations

import re
from typing import Final

from planproof.plan.model import Kind


(
    TASK,
    STEP,
    CRITERION,
    ACCEPTANCE,
    SCENARIO,
    COVERAGE,
    CONTRACT,
    INVARIANT,
    DELIVERABLE,
    REQUIREMENT,
    STORY,
    INDEPENDENT_TEST,
    RISK,
    DETAIL,
    NOTE,
    META,
) = Kind
"""Its members by name: asked of their class each costs five times as much, and every item asks several."""

PREFIX_KINDS: Final = {
    "AC": Kind.ACCEPTANCE,
    "SC": Kind.SCENARIO,
    "COV": Kind.COVERAGE,
    "CE": Kind.CONTRACT,
    "FR": Kind.REQUIREMENT,
    "NFR": Kind.REQUIREMENT,
    "REQ": Kind.REQUIREMENT,
    "REQUIREMENT": Kind.REQUIREMENT,
    "INV": Kind.INVARIANT,
    "CHK": Kind.CRITERION,
    "US": Kind.STORY,
    "STORY": Kind.STORY,
    "RISK": Kind.RISK,
}
TOPIC_KINDS: Final = {
    "criteria": Kind.CRITERION,
    "acceptance": Kind.ACCEPTANCE,
    "deliverables": Kind.DELIVERABLE,
    "scenarios": Kind.SCENARIO,
    "coverage": Kind.COVERAGE,
    "contracts": Kind.CONTRACT,
    "invariants": Kind.INVARIANT,
    "requirements": Kind.REQUIREMENT,
    "next": Kind.TASK,
    "testing": Kind.NOTE,
    "risks": Kind.RISK,
    "notes": Kind.NOTE,
}
REFERENCE_TOPICS: Final = frozenset({"markers", "parallel", "dependencies", "summary"})
"""Lists below these name tasks that stand elsewhere."""

_FIRST: Final = frozenset(sign for name in PREFIX_KINDS for sign in (name[0], name[0].lower()))
"""What these letters begin with."""
_LETTERS: Final = re.compile(r"[A-Za-z]+")
_INVARIANT: Final = re.compile(r"\binvariants?\b", re.IGNORECASE)


def kind_of_name(name: str) -> Kind | None:
    """The kind that an id's letters stand for; None for those of plain tasks."""
    if name[:1] not in _FIRST:
        return None
    found = _LETTERS.match(name)
    return PREFIX_KINDS.get(found[0].upper()) if found else None


def speaks_of_invariant(text: str) -> bool:
    """Whether a statement is about an invariant by its first words."""
    return _INVARIANT.search(text, 0, 60) is not None
