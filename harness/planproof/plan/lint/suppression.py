"""Comments in a plan that silence a rule: ``<!-- planproof: ignore PP401 because the branch is merged -->``.

On a line of its own such a comment speaks for the next line that is not empty, else for its own line.
``ignore-file`` speaks for the whole file. Every comment gives a reason.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple


if TYPE_CHECKING:
    from collections.abc import Iterator

    from planproof.plan.lint.view import PlanView

_COMMENT = re.compile(
    r"<!--\s*planproof:\s*(?P<verb>ignore(?:-file)?)\b[\s=\[(:]*"
    r"(?P<codes>PP\d{1,3}(?:[\s,]+PP\d{1,3})*)?[\])]*(?P<rest>[^\n]*?)-->"
)
_BEGUN = re.compile(r"<!--\s*planproof:\s*ignore(?:-file)?\b[\s=\[(:]*(?:PP\d{1,3}(?:[\s,]+PP\d{1,3})*)?")
_LEAD = re.compile(r"^[\s:;,\u2013\u2014-]*(?:because\b|reason\b)?[\s:=\"'\u2013\u2014-]*", re.IGNORECASE)


class Suppression(NamedTuple):
    """One comment that silences rules.

    Attributes:
        line: where the comment stands.
        target: the line that it speaks for; None for the whole file.
        codes: codes, or beginnings of codes.
        reason: why, empty where the comment gives none.
    """

    line: int
    target: int | None
    codes: tuple[str, ...]
    reason: str

    def covers(self, code: str, lines: set[int]) -> bool:
        """Whether a finding with this code that rests on these lines is silenced."""
        return any(code.startswith(own) for own in self.codes) and (
            self.target is None or self.target in lines
        )


def suppressions(view: PlanView) -> list[Suppression]:
    """All such comments outside fences, in the order of the file."""
    found: list[Suppression] = []
    for line, match in _comments(view):
        alone = view.line(line).strip() == match[0].strip()
        target = None if match["verb"] == "ignore-file" else _following(view, line) if alone else line
        codes = tuple(re.findall(r"PP\d+", match["codes"] or ""))
        reason = _LEAD.sub("", match["rest"]).strip(" \"'\t")
        found.append(Suppression(line, target, codes, reason))
    return found


def _comments(view: PlanView) -> Iterator[tuple[int, re.Match[str]]]:
    """Comments that silence, with their lines; thousands that nothing closes cost little."""
    text, reached = "", 0
    for line, begun in view.comments(_BEGUN, "planproof:"):
        if begun.string is not text:
            text, reached = begun.string, 0
        closed = text.find("-->", begun.end(), text.find("\n", begun.end()) + 1 or len(text))
        found = _COMMENT.match(text, begun.start()) if closed >= 0 and begun.start() >= reached else None
        if found is not None:
            reached = found.end()
            yield line, found


def _following(view: PlanView, line: int) -> int:
    """The next line that is neither empty nor such a comment itself."""
    number = line + 1
    while number <= view.line_count:
        text = view.line(number).strip()
        if text and not text.startswith("<!-- planproof:"):
            return number
        number += 1
    return line
