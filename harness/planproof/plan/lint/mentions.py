"""Which tasks a piece of text names, ranges included."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING


if TYPE_CHECKING:
    from planproof.plan.lint.view import PlanView
    from planproof.plan.model import Item

ID = r"[A-Z][A-Z0-9]{0,9}[-_]?\d+(?:[.-]\d+)*[a-z]?"
_RANGE = re.compile(rf"\b({ID})\s*(?:-|–|—|\.\.\.?|…|\bto\b|\bthrough\b)\s*({ID}|\d+)\b")
_ONE = re.compile(rf"\b{ID}\b")
_TAIL = re.compile(r"(\d+)([a-z]?)$")


def local_ids(text: str) -> list[str]:
    """Ids in the text as written, ranges spelled out, each once, in order."""
    found: dict[str, None] = {}
    position = 0
    for span in _RANGE.finditer(text):
        found.update(dict.fromkeys(_ONE.findall(text[position : span.start()])))
        found.update(dict.fromkeys(_spelled(span[1], span[2])))
        position = span.end()
    found.update(dict.fromkeys(_ONE.findall(text[position:])))
    return list(found)


def _spelled(first: str, last: str) -> list[str]:
    """``T012``, ``T014`` gives all three; what makes no range is taken as two names."""
    low, high = _TAIL.search(first), _TAIL.search(last)
    if not low or not high:
        return [first]
    same = not last[: high.start()] or last[: high.start()] == first[: low.start()]
    start, end = int(low[1]), int(high[1])
    if not same or not start <= end <= start + 500:
        return [first, last]
    return [f"{first[: low.start()]}{number:0{len(low[1])}}" for number in range(start, end + 1)]


def tasks_in(view: PlanView, text: str) -> list[Item]:
    """Tasks of the plan that the text names."""
    found = map(view.task_named, local_ids(text))
    return [item for item in found if item is not None]
