"""Mermaid flow charts: ``A --> B & C``, chains, labels, classes that carry a status."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from planproof.plan.model import Origin
from planproof.plan.reading.leads import lead
from planproof.plan.reading.notation.arrows import product
from planproof.plan.reading.notation.references import references
from planproof.plan.reading.notation.stages import stage_heading


if TYPE_CHECKING:
    from planproof.plan.reading.blocks import Block, Line
    from planproof.plan.reading.context import Context


_NODE: Final = re.compile(
    r"[ \t]*([\w.]{1,80}(?:-\w{1,40}){0,8})"
    r"(?:\[{1,2}[(/\\]?\"?([^\]\"]{0,400})\"?[)/\\]?\]{1,2}|\({1,3}\[?\"?([^)\"]{0,400})\"?\]?\){1,3}"
    r"|\{{1,2}\"?([^}\"]{0,400})\"?\}{1,2}|>\"?([^\]\"]{0,400})\"?\])?(?::::([\w-]{1,40}))?[ \t]*"
)
_LINK: Final = re.compile(
    r"(?:<?(?:-{2,20}|={2,20}|-\.{1,20}-?)[>xo]|(?:--|==|-\.)[ \t][^->="
    r"|\n]{1,80}[ \t](?:-{2,20}|={2,20}|\.{1,20}-)>|-{3,20})"
    r"(?:\|[^|\n]{0,200}\|)?"
)
_KEYWORDS: Final = re.compile(
    r"[ \t]*(?:graph|flowchart|subgraph|end|classDef|class|style|linkStyle|click|direction|%%"
    r"|gantt|sequenceDiagram"
    r"|stateDiagram|title|section)\b"
)
_CHART: Final = re.compile(r"[ \t]*(?:graph|flowchart)\b")


def read_mermaid(block: Block, context: Context) -> bool:
    """Read a chart's arrows as edges, and keep the labels of its nodes as the plan's fields."""
    lines = block.lines()
    if not any(_CHART.match(line.text) for line in lines[:10]):
        return False
    labels: dict[str, str] = {}
    edges: list[_Arrow] = []
    for line in lines:
        for part in line.text.split(";"):
            if not _KEYWORDS.match(part):
                edges += _chain(part, line, labels, context)
    for before, after, number, told in edges:
        first, second = _item(before, labels, context), _item(after, labels, context)
        # An arrow with words says when one goes over into the other: between ids they are a remark.
        certain = not told or (references(first) == [first] and references(second) == [second])
        context.edge(first, second, number, Origin.MERMAID, certain=certain)
    return True


class _Arrow(NamedTuple):
    """An arrow between two nodes; ``told`` where words stand at it."""

    before: str
    after: str
    line: int
    told: bool


def _item(node: str, labels: dict[str, str], context: Context) -> str:
    """The id that a node stands for: its own where that is one, else the one its label begins with.

    A label without an id may be the name of an item; that is seen when all items are known.
    """
    if node not in labels:
        return node
    phase = stage_heading(labels[node])
    if phase is not None:
        context.staging = True
        return phase[0]
    if references(node) == [node]:
        return node
    said = lead(labels[node])
    if not said.name:
        context.nicknames[node] = labels[node]
    return said.name or node


def _chain(text: str, line: Line, labels: dict[str, str], context: Context) -> list[_Arrow]:
    """The edges of one line."""
    edges: list[_Arrow] = []
    before: list[str] = []
    told = False
    at = 0
    while at < len(text):
        group: list[str] = []
        while (found := _NODE.match(text, at)) is not None and found.end() > at:
            group.append(found[1])
            shown = next((part for part in (found[2], found[3], found[4], found[5]) if part), None)
            if shown and found[1] not in labels:
                labels[found[1]] = shown.strip()
                context.put(None, f"mermaid {found[1]}", shown.strip(), line.number, line.start)
            if found[6]:
                context.put(None, f"mermaid class {found[1]}", found[6], line.number, line.start)
            at = found.end()
            if text[at : at + 1] != "&":
                break
            at += 1
        if not group:
            return edges
        pairs = product(before, group, lambda: context.cut(line))
        edges += [_Arrow(left, right, line.number, told) for left, right in pairs]
        link = _LINK.match(text, at)
        if link is None:
            return edges
        before, at, told = group, link.end(), any(map(str.isalpha, link[0].rstrip("xo")))
        if "---" in link[0] and link[0].strip("-") == "":
            before = []
    return edges
