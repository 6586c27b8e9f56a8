"""Dependencies in running text: ``(depends on T004-T007)``, ``— blocked by T050``, ``(blocks T009a)``."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from planproof.plan.reading.notation.references import references


class Wait(NamedTuple):
    """What a statement says of its own place.

    Attributes:
        name: the other task, as written.
        waits: True where the statement's own task waits for it, False where it is the other way round.
        certain: said in a form that leaves no doubt: in brackets or behind a dash.
    """

    name: str
    waits: bool
    certain: bool


_CLAUSE: Final = re.compile(
    r"([(\[]|—|–|[ \t]-[ \t]|[;,][ \t])?[ \t]*[*_`]{0,3}\b"
    r"(depends[ \t]+(?:up)?on|dependent[ \t]+on|depends|depend[ \t]+on|blocked[- ]by|requires|needs|after|waits[ \t]+for"
    r"|blocks|blocking)\b"
    r"[*_`]{0,3}[ \t]*:?[*_`]{0,3}[ \t]*((?:[^().;\]\n—]|\.(?=[0-9]))*)",
    re.IGNORECASE,
)
_HINTS: Final = ("depend", "block", "after ", "requires", "needs", "waits for")
_SHY: Final = frozenset({"requires", "needs", "after"})


def has_wait(lower: str) -> bool:
    """Whether a text in lower case can say such a thing at all."""
    return any(hint in lower for hint in _HINTS)


def read_waits(text: str, *, numbers: bool = False) -> list[Wait]:
    """What one statement says about its dependencies.

    Words that people use for other things as well (``after``, ``needs``) count in brackets only.
    """
    waits: list[Wait] = []
    for match in _CLAUSE.finditer(text):
        opened, verb = match[1], match[2].lower()
        if verb in _SHY and opened not in {"(", "["}:
            continue
        certain = opened is not None or match.start() == 0
        backward = verb.startswith("block") and verb != "blocked by" and verb != "blocked-by"
        waits.extend(
            Wait(name, not backward, certain) for name in references(match[3], numbers=numbers and certain)
        )
    return waits
