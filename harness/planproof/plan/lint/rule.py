"""A rule: a code, a name, a level, and a function over one plan or over all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from planproof.plan.lint.finding import Hit, Level


if TYPE_CHECKING:
    from planproof.plan.lint.view import PlanView

PlanCheck = Callable[["PlanView"], Iterable[Hit]]
WorkspaceCheck = Callable[[Sequence["PlanView"]], Iterable[tuple["PlanView", Hit]]]

FAMILIES = {
    "1": "form",
    "2": "dependencies",
    "3": "parallel",
    "4": "claims",
    "5": "counts and references",
    "6": "proof",
}


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of the linter.

    Attributes:
        code: ``PP`` and three digits; stable for ever.
        name: a few words with hyphens.
        level: of all its findings.
        default: whether it runs when nothing is selected.
        check: yields hits of one plan; None for a rule of another scope.
        check_all: yields hits over all plans together; None for a rule of one plan.
    """

    code: str
    name: str
    level: Level
    default: bool = True
    check: PlanCheck | None = None
    check_all: WorkspaceCheck | None = None

    @property
    def family(self) -> str:
        """The family's name, from the first digit of the code."""
        return FAMILIES[self.code[2]]


def rule(
    code: str,
    name: str,
    level: Literal["error", "warning", "info"],
    *,
    default: bool = True,
) -> Callable[[PlanCheck], Rule]:
    """Turn a function over one plan into a rule.

    Args:
        code: ``PP`` and three digits.
        name: a few words with hyphens.
        level: of all its findings.
        default: False for a rule whose precision on real plans is below 95 %, or that is a matter of taste.
    """

    def wrap(check: PlanCheck) -> Rule:
        return Rule(code, name, Level(level), default, check=check)

    return wrap


def workspace_rule(
    code: str,
    name: str,
    level: Literal["error", "warning", "info"],
    *,
    default: bool = True,
) -> Callable[[WorkspaceCheck], Rule]:
    """Turn a function over all plans into a rule; arguments as for :func:`rule`."""

    def wrap(check: WorkspaceCheck) -> Rule:
        return Rule(code, name, Level(level), default, check_all=check)

    return wrap
