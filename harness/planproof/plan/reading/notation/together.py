"""What may run side by side: ``T003, T004 can run in parallel``, ``T001 ∥ T002``, ``T8 alongside T2``."""

from __future__ import annotations

import re
from itertools import product
from typing import Final, NamedTuple

from planproof.plan.reading.notation.arrows import has_arrow
from planproof.plan.reading.notation.references import NOTE, only_references, references


MOST_PAIRS: Final = 200
PAIR: Final = 2

_CLAUSE: Final = re.compile(r"[;]|[.!?](?=\s|$)")
_BESIDE: Final = re.compile(r"∥|⊥|\|\|")
_WORD: Final = re.compile(
    r"\b(?:parallel(?:i[sz](?:e|ed|able)|ly)?|concurrent(?:ly)?|simultaneously|side[ -]by[ -]side|alongside"
    r"|at the same time|independent(?:ly)?)\b",
    re.IGNORECASE,
)
_WITH: Final = re.compile(r"(?:alongside|with|to|beside|of|from)\b", re.IGNORECASE)
_NOT: Final = re.compile(
    r"\b(?:not|never|cannot|can't|don't|no|nothing|none|neither)\b[^.;]{0,40}\b(?:parallel|concurrent|independent)"
    r"|\b(?:sequential(?:ly)?|sequenced|serial(?:ly)?|in order|one at a time|in turn)\b"
    r"|\bthen\b(?=.*[0-9])",
    re.IGNORECASE,
)
# What a clause says of others: "after T001 and T002", "both depend only on T003", "within WP01:".
_REST: Final = r"(?:[^,:—– ]| (?!- )|,(?=[ \t]*(?:and[ \t]+|or[ \t]+)?[A-Z]{1,10}[-_]?[0-9]))*"
_AFTER: Final = re.compile(
    rf"\b(?:after|once|when|until|before|because|since|as soon as|unless|provided){_REST}", re.IGNORECASE
)
_WITHIN: Final = re.compile(rf"\b(?:within|inside|under|below){_REST}", re.IGNORECASE)
_DEPENDS: Final = re.compile(
    r"\b(?:(?:both|all|each|they|only|which) )*"
    rf"(?:depend(?:s|ing|ent)?|deps|blocked|wait(?:s|ing)?|gated|both on|all on)\b{_REST}",
    re.IGNORECASE,
)
_ELSE: Final = re.compile(
    r"\W*(?:with|alongside|beside)\b(?!.{0,40}\b(?:each other|one another|themselves|others?)\b)",
    re.IGNORECASE,
)
_NAMED: Final = re.compile(r"[A-Z]{1,10}[-_]?[0-9]|[Tt]ask|[Ss]tory")
_SIDE_ENDS: Final = re.compile(r",|[ \t][—–-]")
_LABEL: Final = re.compile(r"^[^:]{0,80}:[*_]{0,3}[ \t]+")
# Labels of lists that are about something else than what runs side by side.
_ELSEWHERE: Final = re.compile(
    r"\b(?:mvp|scope|minimum|total|critical|orders?|sequence|summary|priorit(?:y|ies)|deliver\w*|goals?|notes?|first)\b",
    re.IGNORECASE,
)
_REMARK: Final = re.compile(r"[ \t](?:[—–]|-{1,2})[ \t].*$", re.DOTALL)
# "They can start in parallel": of whom the clause before spoke.
_PRONOUN: Final = re.compile(
    r"\W*(?:(?:they|these|those|both|all|can|may|could|should|mutually|fully|safely|as|and|or|so|even|also|run|runs"
    r"|be|start|proceed|in|done|are)\W+)*",
    re.IGNORECASE,
)
# A sentence is about the names that it begins with.
NEAR: Final = 12


# What these expressions cannot do without, in small letters: most lines have none of it, and are asked once.
_WORD_SIGNS: Final = (
    "arallel",
    "oncurrent",
    "simultaneous",
    "side by side",
    "side-by",
    "same time",
    "alongside",
    "independent",
)
_ASIDE_SIGNS: Final = (
    "after",
    "once",
    "when",
    "until",
    "before",
    "because",
    "since",
    "as soon",
    "unless",
    "provided",
    "depend",
    "deps",
    "blocked",
    "wait",
    "gated",
    " on",
)
_WITHIN_SIGNS: Final = ("within", "inside", "under", "below")
_NOT_SIGNS: Final = (
    "no",
    "never",
    "can't",
    "don't",
    "neither",
    "sequen",
    "serial",
    "then",
    "in order",
    "one at",
    "in turn",
)


class Together(NamedTuple):
    """Tasks that may run side by side.

    Attributes:
        members: their names as written, two or more.
        after: names that they wait for.
        reason: what the line gives as the reason, in brackets; empty without one.
    """

    members: tuple[str, ...]
    after: tuple[str, ...]
    reason: str


def read_together(text: str, *, listed: bool) -> list[Together]:
    """What one line says about tasks that may run side by side.

    Args:
        text: the line.
        listed: the line stands in a list of such groups, so that bare names are one, too.
    """
    if len(references(text)) < PAIR:
        return []
    lower = text.lower()
    said_beside = _any(_WORD_SIGNS, lower) or _BESIDE.search(text) is not None
    if not (listed or said_beside):
        return []
    asides, denied = _any(_ASIDE_SIGNS, lower), _any(_NOT_SIGNS, lower)
    notes = NOTE.findall(text)
    plain = NOTE.sub(_spoken, text) if notes else text
    behind = _behind(notes) if asides else frozenset()
    reason = notes[-1].strip("() ") if notes else ""
    found: list[Together] = []
    subject: list[str] = []
    main = ""
    for clause in _CLAUSE.split(_WITHIN.sub(" ", plain) if _any(_WITHIN_SIGNS, lower) else plain):
        subject = (references(_about(main)) or subject) if main else subject
        main = _AFTER.sub(" ", clause) if asides else clause
        if not (denied and _NOT.search(clause)) and not has_arrow(clause):
            told = {group.members for group in found}
            found += [
                Together(group, _waited(clause, group) if asides else (), reason)
                for group in _said(main, subject, listed=listed)
                if group not in told and behind.isdisjoint(group)
            ]
    return found


def _any(signs: tuple[str, ...], lower: str) -> bool:
    for sign in signs:  # noqa: SIM110 - a generator takes twice as long
        if sign in lower:
            return True
    return False


def _behind(notes: list[str]) -> frozenset[str]:
    """Names that remarks in brackets say something else waits for: "T003 (after T001)"."""
    telling = (note for note in notes if _AFTER.search(note) or _DEPENDS.search(note))
    return frozenset(name for note in telling for name in references(note))


def _about(clause: str) -> str:
    """The words of a clause that name what it is about."""
    word = _WORD.search(clause)
    return clause[: word.start()] if word is not None else _REMARK.sub("", _DEPENDS.sub(" ", clause))


def _waited(clause: str, members: tuple[str, ...]) -> tuple[str, ...]:
    """Names that a clause says the group waits for."""
    asides = [aside[0] for pattern in (_AFTER, _DEPENDS) for aside in pattern.finditer(clause)]
    names = dict.fromkeys(name for aside in asides for name in references(aside))
    return tuple(name for name in names if name not in members)


def _spoken(note: re.Match[str]) -> str:
    """What stands in brackets is left out, unless it says that the tasks run side by side."""
    return note[0][1:-1] if _WORD.search(note[0]) else " "


def _said(clause: str, subject: list[str], *, listed: bool) -> list[tuple[str, ...]]:
    """Groups of one clause; ``subject`` holds the names that the clause before was about."""
    label = _LABEL.match(clause)
    if label is not None:
        listed = _WORD.search(label[0]) is not None or (listed and not _ELSEWHERE.search(label[0]))
        subject = references(label[0]) or subject
        clause = clause[label.end() :]
    if _WORD.search(clause) is None and _BESIDE.search(clause) is None:
        return _several(only_references(_REMARK.sub("", clause.strip(" *_")))) if listed else []
    clause = _DEPENDS.sub(" ", clause)
    if _BESIDE.search(clause):
        return _operands(clause)
    word = _WORD.search(clause)
    own = _own(clause[: word.start()], subject) if word is not None else []
    if word is None or not own:
        return []
    behind = clause[word.end() :]
    if _WITH.match(word[0]) or _WITH.match(behind.lstrip()):
        others = [name for name in references(behind) if name not in own]
        # "T003 with T004 and T005" says nothing of T004 beside T005, nor do several names before the word.
        if others:
            return list(product(own, others)) if len(own) * len(others) <= MOST_PAIRS else []
        # "T003 and T004 with the work on the server": each beside something else.
        if _ELSE.match(behind):
            return []
    return _several(own)


def _own(text: str, subject: list[str]) -> list[str]:
    """Names that the words before "in parallel" are about."""
    names = references(text)
    if not names:
        return subject if _PRONOUN.fullmatch(text) else []
    first = _NAMED.search(text)
    return names if first is not None and len(text[: first.start()].lstrip(" *_-")) <= NEAR else []


def _operands(clause: str) -> list[tuple[str, ...]]:
    """``T001 ∥ T002 ∥ T003``; names that stand on one side are not beside each other."""
    first, *others = _BESIDE.split(_LABEL.sub("", clause))
    sides = [
        references(first.rsplit(",", 1)[-1]),
        *(references(_SIDE_ENDS.split(side)[0]) for side in others),
    ]
    sides = [side for side in sides if side]
    if all(len(side) == 1 for side in sides):
        return _several([side[0] for side in sides])
    pairs: list[tuple[str, ...]] = [
        pair for at, left in enumerate(sides) for right in sides[at + 1 :] for pair in product(left, right)
    ]
    return pairs if len(pairs) <= MOST_PAIRS else []


def _several(names: list[str]) -> list[tuple[str, ...]]:
    return [tuple(names)] if len(names) > 1 else []
