"""Arrows in one line: ``A -> B -> C, D``; ``A + B --> C``; ranges; notes in brackets are ignored."""

from __future__ import annotations

import re
from itertools import islice, pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

from planproof.plan.reading.notation.references import NOTE, references
from planproof.plan.reading.notation.stages import stages


if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence


MAX_PRODUCT: Final = 10_000
"""Edges that one arrow between two lists makes at most."""
ARROW: Final = re.compile(r"-{1,40}>|={1,40}>|[─━═]{0,40}[►▶➤→⟶➜➔⇒⟹]|─{1,40}>")
_OTHERS: Final = re.compile("[→►▶⇒➜➔⟶⟹➤]")
_SPEECH: Final = re.compile(r"[a-z]{3,}[ \t]+(?!and\b|or\b|plus\b)[a-z]{2,}[ \t]")
_GOES_ON: Final = re.compile(r"[,;:][ \t]+(?:and|then|but|while|so)[ \t]")
"""Within a line: "T001 -> T002, and T003 -> T004" are two sayings."""
_HEAD: Final = re.compile(r"[\s\-*+.{\[(`_]*(?:[0-9]{1,3}[.)]\s+)?")


class Arrow(NamedTuple):
    """One edge that a line says; uncertain where words stand where an id should."""

    before: str
    after: str
    certain: bool


def has_arrow(text: str) -> bool:
    """Whether a line can hold an arrow at all."""
    return ">" in text or (not text.isascii() and _OTHERS.search(text) is not None)


def product(
    befores: Sequence[str], afters: Sequence[str], cut: Callable[[], None] | None
) -> Iterator[tuple[str, str]]:
    """Each of one group with each of the other, up to ``MAX_PRODUCT``; ``cut`` is told of more."""
    if cut is not None and len(befores) * len(afters) > MAX_PRODUCT:
        cut()
    return islice(((before, after) for before in befores for after in afters), MAX_PRODUCT)


def read_arrows(text: str, cut: Callable[[], None] | None = None) -> list[Arrow]:
    """Edges of one line, in order; every pair of neighbouring groups makes a product.

    Args:
        text: the line.
        cut: called where a product is too large to be read to its end.
    """
    if not has_arrow(text):
        return []
    edges: list[Arrow] = []
    for clause in NOTE.sub(" ", text).split(";"):
        groups = ARROW.split(clause)
        if not groups[1:]:
            continue
        named = [references(group) or stages(group) for group in groups]
        certain = all(names and _leads(group, names) for group, names in zip(groups, named, strict=True))
        certain = certain and not any(map(_GOES_ON.search, groups[1:-1]))
        for befores, afters in pairwise(named):
            edges += [Arrow(before, after, certain) for before, after in product(befores, afters, cut)]
    return edges


def _leads(group: str, names: Sequence[str]) -> bool:
    """Whether a group is a list of ids from its beginning, without words that may turn its meaning."""
    name = names[0]
    head = _HEAD.match(group)
    start = head.end() if head else 0
    if not group.startswith(name, start) and not group.startswith(name.replace("-", " "), start):
        return False
    last = group.rfind(names[-1]) if len(names) > 1 else start
    return last < 0 or not _SPEECH.search(group, start, last)
