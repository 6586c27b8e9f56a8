"""Phases as what waits: ``Phase 2 depends on Phase 1``, ``Phase 2 blocks everything``, ``(after Phase 3)``.

A *stage* is a heading such as ``## Phase 2: Foundational``. What is said of stages is read sentence by
sentence: what stands before the verb, the verb, what stands behind it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from planproof.plan.reading.words import small, small_latin


if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MAX_STAGES: Final = 200
_WORD: Final = r"Phase|Stage|Milestone|Sprint|Iteration"
_NUMBER: Final = r"[0-9]{1,4}(?:\.[0-9]{1,4}){0,3}[a-z]?|[A-Z](?![A-Za-z])"
_SMALL: Final = _NUMBER.replace("A-Za-z", "a-z").replace("A-Z", "a-z")
# Those below that mind the size of letters are for texts in small ones: so they are found far sooner.
_STAGE: Final = re.compile(
    r"(p(?<!\wp)hase|s(?<!\ws)tage|m(?<!\wm)ilestone|s(?<!\ws)print|i(?<!\wi)teration)s?[ \t]+"
    rf"((?:{_SMALL})(?:[ \t]*(?:,|\+(?=[ \t])|&|/|\band\b|-|–|to|through)[ \t]*"
    rf"(?:{_SMALL})(?![a-z0-9]))*)(\+)?(?![a-z0-9])"
)
_PART: Final = re.compile(rf"({_NUMBER})(?:[ \t]*(?:-|–|to|through)[ \t]*({_NUMBER}))?")
_HEADED: Final = re.compile(
    rf"[^\w(]*({_WORD})[ \t]+({_NUMBER})(?![A-Za-z0-9])[ \t]*[:.)—–-]*[ \t]*", re.IGNORECASE
)
_NOTE: Final = re.compile(r"\([^()]*\)")
_MARKS: Final = re.compile(r"[*_`~\[](?:(?<!\[)|[ xX]\])")
_VERB: Final = re.compile(
    r"\b(?P<until>(?:can(?:not|'t|’t)?|must not|may not|should not)\b[^.;]{0,30}?"
    r"\b(?:start|begin|proceed|be started)[^.;]{0,20}?\b(?:until|before))\b"
    r"|\b(?P<waits>(?:all[ \t]+)?depend(?:s|ent)?[ \t]+(?:up)?on|blocked[ \t]+by|requires?|needs"
    r"|waits?[ \t]+for"
    r"|(?:can[ \t]+)?(?:start|begin|proceed)s?[ \t]+(?:in[ \t]+parallel[ \t]+)?(?:only[ \t]+)?"
    r"(?:after|once|when)"
    r"|prerequisites?(?=:)|dependenc(?:y|ies)(?=:)|after|follows)\b"
    r"|\b(?P<blocks>blocks|blocking|must[ \t]+be[ \t]+(?:complete[d]?|finished|done)[ \t]+before"
    r"|gates|unblocks)\b"
)
_VERB_START: Final = re.compile(
    "can|must|may|should|all|depend|block|requir|needs|wait|start|begin|proceed|prereq|after|follows|gates"
    "|unblocks"
)
"""What ``_VERB`` can begin with: these are found sooner, for each begins with a letter."""
_VERB_HINTS: Final = (
    "depend",
    "lock",
    "requir",
    "needs",
    "wait",
    "after",
    "once",
    "when",
    "prereq",
    "follows",
    "until",
    "before",
    "gates",
)
"""One of these stands in every ``_VERB``."""
_TO_DO: Final = re.compile(
    rf"(?:requires?|needs)[ \t]+(?:(?!(?:{_WORD})s?\b)\w+[ \t]+){{0,6}}to[ \t]", re.IGNORECASE
)
"""What needs work "to finish phase 2" does not wait for it."""
_DENIED: Final = re.compile(
    r"(?:\bno|\bnot|n['’]t|\bnever|\bwithout|\bnon-?)[ \t]*$|\bno[ \t](?:other[ \t])?$"
)
_DENIAL: Final = 40
"""What turns a verb round stands within so many letters before it."""
_DIGITS: Final = re.compile(r"[0-9]+")
_LETTER: Final = re.compile(r"\w")
_SENTENCE_ENDS: Final = re.compile(r"[.;!](?=\s|$)")
# These begin with one set of signs, so that they are found sooner.
_CLAUSE_ENDS: Final = re.compile(r"[.; \t](?:(?<=[.;])(?=\s|$)|(?<=[ \t])[—–-][ \t])")
_ENDS: Final = re.compile(r"[.; \t,](?:(?<=[.;])(?=\s|$)|(?<=[ \t])[—–-][ \t]|(?<=,)[ \t](?:but|which|so)\b)")
_LATER: Final = re.compile(
    r"\beverything\b|\ball\b(?![ \t]+(?:user[ \t]+)?stor)"
    r"(?:[ \t]+(?:the[ \t]+)?(?:other|later|remaining|subsequent|following|work"
    r"|phases"
    r"|tasks)\b|[ \t]*$)|\b(?:any|all)[ \t]+other\b"
)
_EARLIER: Final = re.compile(
    r"\b(?:all|every)\b[ \t]+(?:the[ \t]+)?(?:prior|previous|preceding|earlier|above|other)?[ \t]*"
    r"(?:phases?|stages?|work)\b"
    r"|\beverything\b"
)
_STORIES: Final = re.compile(
    r"\b(?:all|any|no|every|desired|the|each)\b[^.;]{0,24}\b(?:user[ \t]+)?stor(?:y|ies)\b"
    r"|^\W*user[ \t]+stories\b"
    r"|^\W*no[ \t]+user[ \t]+story\b"
)
_STORY: Final = re.compile(r"\b(?:user[ \t]+story[ \t]+|us-?)([0-9]{1,4})\b")
_THIS: Final = re.compile(r"\bthis[ \t]+(?:phase|stage|milestone|sprint|iteration)\b")
_LAST: Final = re.compile(r"\b(?:final|last)[ \t]+(?:phase|stage)\b")
_STORY_HINT: Final = re.compile(r"us(?<!\wus)-?[0-9]")
_BARRIER: Final = re.compile(r"(?:blocking|blocks[ \t]+(?:all|everything))\b", re.IGNORECASE)
_TITLE_END: Final = re.compile(r"[(\[🎯⚠]|[ \t][—–-][ \t]")


class Stage(NamedTuple):
    """A heading that tasks stand under, as something that others wait for.

    Attributes:
        name: ``Phase-2``.
        title: the heading's words behind the number.
        story: ``US1`` where the stage is that of a story, else "".
        line: of the heading.
        start, end: its bytes.
        slugs: of the headings above it and of its own; empty where it is the document's title.
    """

    name: str
    title: str
    story: str
    line: int
    start: int
    end: int
    slugs: tuple[str, ...]


class Saying(NamedTuple):
    """A line that may say something about stages.

    Attributes:
        text, line: it, and its number.
        slugs: of the headings around it.
        about: it stands in a section about order.
    """

    text: str
    line: int
    slugs: tuple[str, ...]
    about: bool


class Said(NamedTuple):
    """One side of a statement: names of stages, and whether they were called by their own names."""

    names: tuple[str, ...]
    sure: bool


class Order(NamedTuple):
    """What a sentence says: each of ``afters`` waits for each of ``befores``."""

    befores: tuple[str, ...]
    afters: tuple[str, ...]
    certain: bool


def stage_heading(text: str) -> tuple[str, str] | None:
    """Name and title of a heading such as ``Phase 2: Foundational``, or None."""
    found = _HEADED.match(text)
    return (stage_name(found[1], found[2]), text[found.end() :].strip()) if found else None


def stage_name(word: str, number: str) -> str:
    """``Phase-2``, however it is written."""
    return f"{word.capitalize()}-{number}"


def stages(text: str) -> list[str]:
    """Stages that a text names by number, ranges written out: ``Phases 1-3, 5`` gives four."""
    lower = small(text)
    if not _hints(lower):
        return []
    found: dict[str, None] = {}
    for match in _STAGE.finditer(lower):
        for part in _PART.finditer(text[match.start(2) : match.end(2)]):
            for number in _numbers(part[1], part[2]):
                found[stage_name(match[1], number)] = None
    return list(found)


def _numbers(first: str, last: str | None) -> list[str]:
    if last is None:
        return [first]
    if first.isdigit() and last.isdigit() and int(first) < int(last) <= int(first) + MAX_STAGES:
        return [str(number) for number in range(int(first), int(last) + 1)]
    return [first, last]


def hints(text: str) -> bool:
    """Whether a text can speak of a phase or a story; cheap, for every line is asked."""
    return _hints(small_latin(text))


def _hints(lower: str) -> bool:
    return (
        "phase" in lower
        or "stage" in lower
        or "sprint" in lower
        or "milestone" in lower
        or "iteration" in lower
        or "user stor" in lower
        or ("us" in lower and _STORY_HINT.search(lower) is not None)
    )


def may_speak(text: str) -> bool:
    """Whether a text can say anything about the order of stages; cheap."""
    lower = small_latin(text)
    if not _hints(lower):
        return False
    for hint in _VERB_HINTS:
        if hint in lower:
            return _verb(small(text)) is not None or "locking" in text
    return False


class Stages:
    """The stages of a plan, in the order of their numbers, and what sentences say of them.

    Args:
        found: them.
    """

    def __init__(self, found: Iterable[Stage]) -> None:
        self.all = sorted(found, key=lambda stage: rank(stage.name))[:MAX_STAGES]
        self.by_name = {stage.name: stage for stage in reversed(self.all)}
        self.aliases = _aliases(self.all)

    def heading(self, stage: Stage) -> list[Order]:
        """``Base (Blocking Prerequisites)``, ``Login (depends on Phase 2)``."""
        for note in _NOTE.findall(stage.title):
            inner = note[1:-1]
            later = self.later(stage.name)
            if later and _BARRIER.match(inner):
                return [Order((stage.name,), later, certain=False)]
            orders = self.sentence(inner, stage.name, lead=True)
            if orders:
                return orders
        return []

    def line(self, text: str, here: str, *, about: bool) -> list[Order]:
        """What one line says.

        Args:
            text: the line, a list item's text or a sentence.
            here: name of the stage that it stands in, or "".
            about: the section around it is about order, so that stages may be called by their titles.
        """
        bare = _MARKS.sub("", text)
        bare = _NOTE.sub(lambda note: note[0] if hints(note[0]) else " ", bare)
        label, colon, rest = bare.partition(":")
        if colon and about and not _verb(small(label)):
            subject = self.side(label, here, titles=True)
            if subject.names:
                return [order for part in _clauses(rest) for order in self.clause(subject, part, here)]
        return self.sentence(bare, here, lead=False, titles=about)

    def clause(self, subject: Said, text: str, here: str) -> list[Order]:
        """``Depends on Setup completion`` behind ``Foundational (Phase 2):``."""
        verb = _verb(small(text))
        if verb is None or _denied(verb):
            return []
        ahead = subject.names[0] if verb["blocks"] else subject.names[-1]
        target = self.side(text[verb.end() :], here, titles=True, beside=ahead, earlier=not verb["blocks"])
        return self.order(subject, target, blocks=verb["blocks"] is not None)

    def sentence(self, text: str, here: str, *, lead: bool, titles: bool = False) -> list[Order]:
        """``Phase 3 depends on Phase 2``; ``No user story can begin until this phase is complete``."""
        found: list[Order] = []
        for part in _SENTENCE_ENDS.split(text):
            verb = _verb(small(part))
            if verb is None or (not verb["until"] and _denied(verb)):
                continue
            if _TO_DO.match(part, verb.start()):
                continue
            head = part[: verb.start()]
            subject = self.side(head, here, titles=titles, beside=here)
            if not subject.names and here and (lead or not _LETTER.search(head)) and _strong(verb):
                subject = Said((here,), sure=True)
            if not subject.names:
                continue
            beside = subject.names[0] if verb["blocks"] else subject.names[-1]
            target = self.side(
                part[verb.end() :], here, titles=titles, beside=beside, earlier=not verb["blocks"]
            )
            found += self.order(subject, target, blocks=verb["blocks"] is not None)
        return found

    @staticmethod
    def order(subject: Said, target: Said, *, blocks: bool) -> list[Order]:
        """The two sides as an order, without what would wait for itself."""
        befores, afters = (subject, target) if blocks else (target, subject)
        rest = tuple(name for name in afters.names if name not in befores.names)
        if not befores.names or not rest:
            return []
        return [Order(befores.names, rest, subject.sure and target.sure)]

    def side(self, text: str, here: str, *, titles: bool, beside: str = "", earlier: bool = False) -> Said:
        """The stages that one side of a verb names.

        Args:
            text: that side.
            here: the stage around the line.
            titles: they may be called by their titles.
            beside: the stage on the other side; "everything" is all behind it, or all before it.
            earlier: "everything" means what stands before.
        """
        end = _ENDS.search(text)
        text = text[: end.start()] if end else text
        lower = small(text)
        open_ended = (
            next((match for match in _STAGE.finditer(lower) if match[3]), None) if "+" in text else None
        )
        if open_ended is not None:
            return Said(self.onwards(stages(text[slice(*open_ended.span())])[0], lower), sure=False)
        named = stages(text)
        stories = self.stories(lower) if not named or "+" in text or " and " in lower else ()
        if named or stories:
            return Said(tuple(dict.fromkeys((*named, *stories))), sure=not stories)
        if here and _THIS.search(lower):
            return Said((here,), sure=True)
        return Said(self.loosely(lower, titles=titles, beside=beside, earlier=earlier), sure=False)

    def loosely(self, lower: str, *, titles: bool, beside: str, earlier: bool) -> tuple[str, ...]:
        """Stages that are meant without a number."""
        if "stor" in lower and _STORIES.search(lower):
            return tuple(stage.name for stage in self.all if stage.story and stage.name != beside)
        if self.all and ("last" in lower or "final" in lower) and _LAST.search(lower):
            return (self.all[-1].name,)
        if beside and (_EARLIER if earlier else _LATER).search(lower):
            return self.earlier(beside) if earlier else self.later(beside)
        if not titles:
            return ()
        return tuple(dict.fromkeys(name for alias, name in self.aliases.items() if _stands_in(alias, lower)))

    def stories(self, lower: str) -> tuple[str, ...]:
        """Stages of the stories that a text names."""
        wanted = {f"US{int(number)}" for number in _STORY.findall(lower)}
        return tuple(stage.name for stage in self.all if stage.story in wanted) if wanted else ()

    def onwards(self, name: str, lower: str) -> tuple[str, ...]:
        """``Phase 3+``: that stage and those behind it; of stories only theirs."""
        names = [stage.name for stage in self.all]
        if name not in self.by_name:
            return ()
        rest = self.all[names.index(name) :]
        of_stories = [stage for stage in rest if stage.story]
        return tuple(stage.name for stage in (of_stories if "stor" in lower and of_stories else rest))

    def later(self, name: str) -> tuple[str, ...]:
        """All behind one."""
        names = list(dict.fromkeys(stage.name for stage in self.all))
        return tuple(names[names.index(name) + 1 :]) if name in names else ()

    def earlier(self, name: str) -> tuple[str, ...]:
        """All before one."""
        names = list(dict.fromkeys(stage.name for stage in self.all))
        return tuple(names[: names.index(name)]) if name in names else ()


def rank(name: str) -> tuple[bool, tuple[int, ...], str]:
    """Where a stage stands among the others: by its number, wherever it is; ``Phase-N`` comes last."""
    number = name.partition("-")[2]
    parts = tuple(map(int, _DIGITS.findall(number)[:4]))
    return not number[:1].isdigit(), parts, number


def _verb(lower: str) -> re.Match[str] | None:
    """The first verb of a text in small letters that says what waits for what."""
    for start in _VERB_START.finditer(lower):
        verb = _VERB.match(lower, start.start())
        if verb is not None:
            return verb
    return None


def _stands_in(name: str, text: str) -> bool:
    """Whether a name stands somewhere in a text and is no part of a longer word there."""
    at = text.find(name)
    while at >= 0:
        end = at + len(name)
        if _parted(text, at) and _parted(text, end):
            return True
        at = text.find(name, at + 1)
    return False


def _parted(text: str, at: int) -> bool:
    r"""Whether a word begins or ends at a place: ``\b``, without a pattern for every name."""
    return _in_word(text[at - 1 : at]) != _in_word(text[at : at + 1])


def _in_word(sign: str) -> bool:
    return sign.isalnum() or sign == "_"


def _denied(verb: re.Match[str]) -> bool:
    """Whether what stands before a verb turns it round."""
    end = verb.start()
    return _DENIED.search(verb.string, max(end - _DENIAL, 0), end) is not None


def _strong(verb: re.Match[str]) -> bool:
    """Verbs that may open a sentence about the stage around it; others may mean anything there."""
    word = verb["waits"] or ""
    return (
        verb["blocks"] is not None
        or word.startswith(("depend", "all", "blocked", "prereq"))
        or word == "after"
    )


def _clauses(text: str) -> list[str]:
    """A line's parts, each with a verb of its own."""
    return [part for part in _CLAUSE_ENDS.split(text) if part.strip()]


def _aliases(found: Iterable[Stage]) -> Mapping[str, str]:
    """Titles, and their first words, by which exactly one stage is called."""
    owners: dict[str, set[str]] = {}
    for stage in found:
        title = _TITLE_END.split(stage.title.lower(), maxsplit=1)[0].strip(" :*_`✅")
        first = title.split(" ", 1)[0].strip(":,&/")
        for alias in {title, first}:
            if len(alias) > 3:  # noqa: PLR2004 - shorter words are no names
                owners.setdefault(alias, set()).add(stage.name)
    return {alias: next(iter(names)) for alias, names in owners.items() if len(names) == 1}
