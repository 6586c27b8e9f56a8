"""Dependencies in running text: ``(depends on T004-T007)``, ``— blocked by T050``, ``(blocks T009a)``."""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING, Final, NamedTuple

from planproof.plan.reading.notation.references import NOTE, only_references, references
from planproof.plan.reading.notation.stages import stages
from planproof.plan.reading.words import small, small_latin


if TYPE_CHECKING:
    from collections.abc import Iterator


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
    r"(?<![\w-])(?:depends?[ \t-]+(?:up)?on|dependent[ \t]+on|depends|blocked[- ]by|requires|needs"
    r"|after|waits[ \t]+for|blocks|blocking|follows"
    r"|(?:dependenc(?:y|ies)|deps?|prereq(?:uisite)?s?)(?=[*_]{0,3}:))(?![\w-])"
    r"|зависит[ \t]+от|заблокировано|依赖于?|依賴|取决于|يعتمد على",
    re.IGNORECASE,
)
_VERB_START: Final = re.compile(
    "dep|blocked|requires|needs|after|waits|blocks|blocking|follows|prereq|зависит|заблокировано|依赖|依賴|取决于|يعتمد"
)
"""What ``_VERB`` can begin with, in small letters: these are found sooner, for each begins with a letter."""
_FOREIGN: Final = ("зависит", "заблокировано", "依赖", "依賴", "取决于", "يعتمد")
_LEADS: Final = tuple({word.encode()[:1] for form in _FOREIGN for word in (form, form.upper())})
"""First bytes of the letters of other scripts that these words begin with."""
_OPENED: Final = re.compile(r"([({\[（【]|—|–|[ \t][-|·][ \t]|[;,.][ \t])[ \t]*[*_`]{0,3}$")
_BOLD: Final = re.compile(r"[*_]{1,3}[ \t]*:|:[*_]{1,3}")
_OBJECT: Final = re.compile(
    r"[*_`]{0,3}[ \t]*:?[*_`]{0,3}[ \t]*((?:[^().;|\]\n—]|\.(?=[0-9])|\|(?![^|:\n]{0,40}:)){0,600})"
)
MAX_ORDERS: Final = 1_000
_SHY: Final = frozenset({"requires", "needs", "after", "follows"})


_ORDER: Final = re.compile(
    r"\b(?:(?P<waits>depends?[ \t]+(?:up)?on|blocked[- ]by|waits?[ \t]+for|requires?|needs?|after|once|until"
    r"|follows?)|(?P<blocks>before|blocks|precedes?|unblocks))\b"
)
"""For texts in small letters, in which it is found far sooner."""
_ORDER_WORDS: Final = (
    "depend",
    "block",
    "wait",
    "require",
    "need",
    "after",
    "once",
    "until",
    "follow",
    "before",
    "precede",
)
"""One of these stands in every ``_ORDER``."""
_NOT: Final = re.compile(r"\b(?:no|not|never|without|independent)\b|n['’]t\b", re.IGNORECASE)
_MAY: Final = re.compile(r"\b(?:can|may|could)\b", re.IGNORECASE)
_CLAUSE: Final = re.compile(r"[ \t][—–-][ \t]|—|,[ \t](?=(?:but|and)[ \t])")
_OPEN: Final = re.compile(r"[\s\-*+_`(\[]*(?:[0-9]{1,3}[.)][ \t]+)?")
_SENTENCE: Final = re.compile(r"[.;!](?=\s|$)")


class Order(NamedTuple):
    """``T005 after T003``: one task waits for another; certain where the sentence begins with an id."""

    before: str
    after: str
    certain: bool


def read_orders(text: str) -> list[Order]:
    """What sentences of a section about order say: ``T005, T006 before T008``; ``T011 once T007 exists``."""
    found: list[Order] = []
    lower = small_latin(text)
    if not any(word in lower for word in _ORDER_WORDS) or not references(text):
        return found
    for part in _SENTENCE.split(NOTE.sub(" ", text)):
        subject: list[str] = []
        certain = False
        for clause in _CLAUSE.split(part):
            verb = _ORDER.search(small(clause))
            head = clause[: verb.start()] if verb is not None else ""
            named = references(head)
            if named:
                subject, opened = named, _OPEN.match(head)
                certain = head.startswith(subject[0], opened.end() if opened else 0)
            if verb is None or not subject or _denied(head, verb):
                continue
            other = references(clause[verb.end() :])
            befores, afters = (subject, other) if verb["blocks"] else (other, subject)
            pairs = ((before, after) for before in befores for after in afters if before != after)
            found += [Order(before, after, certain) for before, after in islice(pairs, MAX_ORDERS)]
    return found


def _denied(head: str, verb: re.Match[str]) -> bool:
    """Whether what stands before a verb turns it round: ``does not depend on``, ``can start before``."""
    until = verb[0] == "until"
    return (not until and _NOT.search(head) is not None) or (
        verb["blocks"] is not None and _MAY.search(head) is not None
    )


def _meant(opened: str, rest: str) -> bool:
    """Whether ``after`` and the like speak of tasks: in brackets, or behind a dash with ids only."""
    return opened in "({[（【" or bool("," not in opened and ";" not in opened and only_references(rest))


_SIGNS: Final = ("dep", "block", "after", "requires", "needs", "waits for", "follows", "prereq")


def foreign(data: bytes) -> bool:
    """Whether a file may hold words of waiting of another script; cheap."""
    return any(lead in data for lead in _LEADS)


def has_wait(text: str, *, foreign: bool = True) -> int:
    """Where a text may begin to say such a thing, as an index; -1 where it cannot say it at all.

    Args:
        text: a statement.
        foreign: it may be written in another script.
    """
    lower = text.lower()
    if foreign and not lower.isascii() and any(word in lower for word in _FOREIGN):
        return 0
    if not (
        ("dep" in lower and ("depend" in lower or "dep:" in lower or "deps:" in lower))
        or "block" in lower
        or ("after" in lower and ("after " in lower or "after:" in lower))
        or ("req" in lower and ("requires" in lower or "prereq" in lower))
        or "needs" in lower
        or "waits for" in lower
        or "follows" in lower
    ):
        return -1
    found = [at for sign in _SIGNS if (at := lower.find(sign)) >= 0]
    return min(found) if len(lower) == len(text) else 0


def _is_label(text: str, verb: re.Match[str]) -> bool:
    """``**Depends on**:`` within a line."""
    marked = text[verb.start() - 1 : verb.start()] in {"*", "_"}
    return marked and _BOLD.match(text, verb.end()) is not None


def _verbs(text: str, begin: int) -> Iterator[re.Match[str]]:
    """All that ``_VERB`` finds behind a place."""
    for start in _VERB_START.finditer(small(text), begin):
        verb = _VERB.match(text, start.start()) if start.start() >= begin else None
        if verb is not None:
            yield verb
            begin = verb.end()


def read_waits(text: str, *, numbers: bool = False, begin: int = 0) -> list[Wait]:
    """What one statement says about its dependencies.

    Words that people use for other things as well (``after``, ``needs``) count in brackets only.
    """
    waits: list[Wait] = []
    for match in _verbs(text, begin):
        opened = _OPENED.search(text[max(match.start() - 8, 0) : match.start()])
        verb = match[0].lower()
        if verb in _SHY and (opened is None or not _meant(opened[1], text[match.end() :])):
            continue
        certain = opened is not None or match.start() == 0 or _is_label(text, match)
        backward = verb in {"blocks", "blocking"}
        said = _OBJECT.match(text, match.end())
        if said is None:
            continue
        found = [
            Wait(name, not backward, certain) for name in references(said[1], numbers=numbers and certain)
        ]
        if certain:
            found += [Wait(name, not backward, certain, stage=True) for name in stages(said[1])]
        if not found and verb not in _SHY and opened is not None and opened[1] in "([{":
            found = [Wait(said[1], not backward, certain, title=True)]
        waits += found
    return waits
