"""Dependencies in running text: ``(depends on T004-T007)``, ``— blocked by T050``, ``(blocks T009a)``."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from planproof.plan.reading.notation.references import references
from planproof.plan.reading.notation.stages import stages


class Wait(NamedTuple):
    """What a statement says of its own place.

    Attributes:
        name: the other task, as written.
        waits: True where the statement's own task waits for it, False where it is the other way round.
        certain: said in a form that leaves no doubt: in brackets or behind a dash.
        stage: the other is a phase.
        title: no id is named; ``name`` holds the words that stand for the other.
    """

    name: str
    waits: bool
    certain: bool
    stage: bool = False
    title: bool = False


_VERB: Final = re.compile(
    r"\b(?:depends[ \t]+(?:up)?on|dependent[ \t]+on|depends|depend[ \t]+on|blocked[- ]by|requires|needs|after"
    r"|waits[ \t]+for|blocks|blocking)\b",
    re.IGNORECASE,
)
_OPENED: Final = re.compile(r"([(\[]|—|–|[ \t]-[ \t]|[;,][ \t])[ \t]*[*_`]{0,3}$")
_OBJECT: Final = re.compile(r"[*_`]{0,3}[ \t]*:?[*_`]{0,3}[ \t]*((?:[^().;\]\n—]|\.(?=[0-9])){0,600})")
_SHY: Final = frozenset({"requires", "needs", "after"})


def has_wait(text: str) -> int:
    """Where a text may begin to say such a thing, as an index; -1 where it cannot say it at all."""
    lower = text.lower()
    if not (
        "depend" in lower
        or "block" in lower
        or "after " in lower
        or "requires" in lower
        or "needs" in lower
        or "waits for" in lower
    ):
        return -1
    found = [
        at
        for at in (
            lower.find("depend"),
            lower.find("block"),
            lower.find("after "),
            lower.find("requires"),
            lower.find("needs"),
            lower.find("waits for"),
        )
        if at >= 0
    ]
    return min(found) if len(lower) == len(text) else 0


def read_waits(text: str, *, numbers: bool = False, begin: int = 0) -> list[Wait]:
    """What one statement says about its dependencies.

    Words that people use for other things as well (``after``, ``needs``) count in brackets only.
    """
    waits: list[Wait] = []
    for match in _VERB.finditer(text, begin):
        opened = _OPENED.search(text[max(match.start() - 8, 0) : match.start()])
        verb = match[0].lower()
        if verb in _SHY and (opened is None or opened[1] not in "(["):
            continue
        certain = opened is not None or match.start() == 0
        backward = verb in {"blocks", "blocking"}
        said = _OBJECT.match(text, match.end())
        if said is None:
            continue
        found = [
            Wait(name, not backward, certain) for name in references(said[1], numbers=numbers and certain)
        ]
        if certain:
            found += [Wait(name, not backward, certain, stage=True) for name in stages(said[1])]
        if not found and verb not in _SHY and opened is not None and opened[1] in "([":
            found = [Wait(said[1], not backward, certain, title=True)]
        waits += found
    return waits
