"""Labelled values: ``**Status**: complete``, ``_Requirements: 1.1_``, ``Priority: P1``."""

from __future__ import annotations

import re
from enum import StrEnum
from functools import lru_cache
from typing import Final, NamedTuple


class Label(NamedTuple):
    """A label at the start of a line, and what follows it.

    Attributes:
        name: the label's words, without marks and colon.
        value: the text after it, without closing marks.
    """

    name: str
    value: str


_new: Final = tuple.__new__
"""Makes a label in half the time that its class takes."""


_STARRED: Final = re.compile(
    r"\*\*([^*_\n][^*\n:]{0,79}+)[ \t]*(?::[ \t]*\*\*|\*\*[ \t]*(?:\([^()\n]{1,60}\))?[ \t]*:)[ \t]*"
)
"""What is in bold between stars: as ``_BOLD``, which knows more signs and steps back."""
_BOLD: Final = re.compile(
    r"(?:\*\*|__)([^*_\n][^*\n:：]{0,79}?)[ \t]*(?:[:：][ \t]*(?:\*\*|__)|(?:\*\*"
    r"|__)[ \t]*(?:\([^()\n]{1,60}\))?[ \t]*[:：])[ \t]*"
)
_EMPHASISED: Final = re.compile(r"([_*])([A-Z][A-Za-z /-]{1,40}):[ \t]*")
_KNOWN: Final = frozenset(
    {
        "status",
        "state",
        "priority",
        "effort",
        "estimated effort",
        "estimate",
        "estimated time",
        "estimation",
        "dependencies",
        "dependency",
        "depends on",
        "depends",
        "blocked by",
        "blocks",
        "requires",
        "prerequisites",
        "file",
        "files",
        "path",
        "location",
        "owner",
        "assignee",
        "requirement",
        "requirements",
        "verify",
        "verification",
        "test",
        "validates",
        "acceptance",
        "done when",
        "note",
        "notes",
        "goal",
        "independent test",
    }
)
"""Labels that count without marks around them."""


LABEL_LENGTH: Final = 40
"""A label without marks ends within so many letters."""


def label(text: str) -> Label | None:
    """The label that a line starts with, or None.

    Args:
        text: a line without its structural marks.
    """
    if ":" not in text and "：" not in text:
        return None
    first = text[:1]
    if first == "*" or first == "_":  # noqa: PLR1714 - asked once a line
        found = (_BOLD if "__" in text or "：" in text else _STARRED).match(text)
        if found is not None:
            return _new(Label, (found[1].strip(" \t`"), text[found.end() :].strip()))
        found = _EMPHASISED.match(text)
        if found is not None:
            value = text[found.end() :].rstrip()
            return _new(Label, (found[2], value.removesuffix(found[1]).strip()))
        return None
    at = text.find(":", 0, LABEL_LENGTH)
    if at < 0:
        return None
    name = text[:at].strip()
    return _new(Label, (name, text[at + 1 :].strip())) if name.lower() in _KNOWN else None


_NEXT: Final = re.compile(
    r"[ \t]*(?:[|·•;,]|[—–-](?=[ \t])|(?<=[ \t]))[ \t]*"
    r"(?=(?:\*\*|__)[^*_:\n]{1,40}(?::[ \t]*(?:\*\*|__)|(?:\*\*|__)[ \t]*:))"
    r"|_[ \t]*[|,;]?[ \t]+(?=_[A-Z][A-Za-z /-]{1,40}:)|\*[ \t]*[|,;]?[ \t]+(?=\*[A-Z][A-Za-z /-]{1,40}:)"
)


def labels(said: Label) -> list[Label]:
    """A label with those that follow it in the same line: ``**Priority**: P0 | **Effort**: 2h``."""
    if "*" not in said.value and "_ " not in said.value:
        return [said]
    first, *rest = _NEXT.split(said.value)
    more = [label(part) for part in rest if part]
    if not more or None in more:
        return [said]
    return [Label(said.name, first.strip()), *(one for one in more if one is not None)]


_PREAMBLE: Final = re.compile(r"([A-Z][A-Za-z /-]{1,40})(?:[ \t]*\([^()\n]{1,80}\))?:[ \t]+(?=\S)")


def preamble(text: str) -> Label | None:
    """A line such as ``Scope: ...`` or ``Status note (of today): ...`` before the first section."""
    found = _PREAMBLE.match(text)
    return Label(found[1], text[found.end() :].strip()) if found else None


# In order of precedence: words anywhere in a heading, then words that it ends with.
_TOPICS: Final = (
    (
        "criteria",
        (
            "completion criteria",
            "completion checklist",
            "definition of done",
            "success criteria",
            "exit criteria",
            "done when",
            "quality gate",
            "verification checklist",
            "validation checklist",
            "final checklist",
            "release checklist",
            "merge checklist",
        ),
        ("checklist",),
    ),
    ("acceptance", ("acceptance",), ()),
    ("deliverables", ("deliverable",), ("outputs", "output", "artifacts", "artefacts")),
    ("scenarios", (), ("scenarios", "scenario", "test cases", "test case")),
    ("coverage", ("coverage target", "coverage goal"), ()),
    ("contracts", ("contract endpoint",), ("contracts",)),
    ("invariants", ("invariant", "constraint"), ()),
    (
        "requirements",
        (),
        (
            "requirements",
            "requirement",
            "requirements satisfied",
            "requirements met",
            "requirements covered",
            "requirements addressed",
            "requirements fulfilled",
        ),
    ),
    ("markers", ("marker summary",), ("markers",)),
    (
        "next",
        ("next step", "future work", "what's next"),
        ("follow-ups", "follow-up", "follow ups", "followups"),
    ),
    ("testing", ("testing note", "test note", "testing strategy"), ()),
    ("risks", ("risk",), ()),
    ("parallel", ("parallel",), ()),
    (
        "dependencies",
        ("dependenc", "execution order", "task graph", "critical path", "sequence", "task order"),
        ("graph",),
    ),
    ("notes", (), ("notes", "note")),
    ("summary", ("summary",), ()),
)
_HINT: Final = re.compile(
    "|".join(dict.fromkeys(word for _, inner, last in _TOPICS for word in (*inner, *last)))
)


@lru_cache(maxsize=2048)
def topic_of(words: str) -> str:
    """What a heading or label is about, as one word of ours; "" where it is nothing special."""
    bare = words.strip(" \t:").lower()
    if _HINT.search(bare) is None:
        return ""
    for name, inner, last in _TOPICS:
        if last and bare.endswith(last):
            return name
        for word in inner:
            if word in bare:
                return name
    return ""


class Role(StrEnum):
    """What a labelled value of an item means to everybody."""

    STATUS = "status"
    PRIORITY = "priority"
    FILES = "files"
    EFFORT = "effort"
    STORY = "story"
    WAITS = "waits"
    BLOCKS = "blocks"
    OTHER = "other"


_ROLES: Final = (
    (Role.STATUS, r"status|state|статус|состояние|状态|狀態|状態|الحالة|estado|statut"),
    (Role.PRIORITY, r"priority"),
    (
        Role.FILES,
        (
            r"(?:target |test |new |modified )?(?:files?|paths?|location|absolute paths?(?:\(s\))?)"
            r"(?: to (?:create|modify|change|edit))?|create|modify|test"
        ),
    ),
    (
        Role.EFFORT,
        r"(?:estimated |total )?(?:effort|estimate|time|duration|hours)(?: estimate)?|estimat(?:ed|ion)",
    ),
    (Role.STORY, r"story"),
    (
        Role.WAITS,
        (
            r"(?:task )?(?:dependenc(?:y|ies)|depends(?: on)?|blocked[ -]by|requires|prerequisites?"
            r"|after|needs)"
        ),
    ),
    (Role.BLOCKS, r"blocks|blocking|unblocks"),
)
_ROLE: Final = re.compile(
    "|".join(f"(?P<{role.value}>(?:{words})$)" for role, words in _ROLES), re.IGNORECASE
)


@lru_cache(maxsize=2048)
def role_of(name: str) -> Role:
    """What a field's name stands for."""
    found = _ROLE.match(name)
    return Role(found.lastgroup or "other") if found is not None else Role.OTHER


_FIELD: Final = re.compile(
    r"(?:(?:estimated |target |test |new |modified |current |task |story )?(?:status|state"
    r"|priority|effort|estimate"
    r"|estimated time|estimation|time|duration|dependenc(?:y|ies)|depends(?: on)?|blocked[ -]by"
    r"|blocks|blocking"
    r"|requires|prerequisites?|files?|paths?|location|owner|assignee|agent|story|labels?|tags?"
    r"|type|complexity|size"
    r"|points|risk|boundary|validates|requirements?|refs?|references?|spec|branch|commit|verify|test|tests"
    r"|completed|created|updated|due|started|date|hotspot|bdd mapping|satisfies acs?|ac|model"
    r"|skill|leverage|purpose"
    r"|parallel|done when|acceptance|acceptance criteria))(?: to (?:create|modify|change|edit))?$",
    re.IGNORECASE,
)


@lru_cache(maxsize=2048)
def is_field(name: str) -> bool:
    """Whether a bold label in a bullet is a field of the item above, and not the bullet's own title."""
    return _FIELD.match(name) is not None
