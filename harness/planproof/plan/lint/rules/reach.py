"""PP2xx, second part: edges that are missing, and edges that nothing explains."""

# ruff: noqa: PLR2004 - "two or more", "a quarter of" are what these rules say, not settings
from __future__ import annotations

import re
from typing import TYPE_CHECKING

from planproof.plan.lint.finding import Confidence, Hit
from planproof.plan.lint.rule import rule
from planproof.plan.lint.subjects import is_test, is_test_path
from planproof.plan.lint.wait import listed
from planproof.plan.lint.words import STOP, names, parts, stem, stems
from planproof.plan.model import Origin


if TYPE_CHECKING:
    from collections.abc import Iterator

    from planproof.plan.lint.view import PlanView
    from planproof.plan.model import Item

MOST = 400
# Who waits for more tests all of them together.
FEW = 4
_EVERYTHING = re.compile(
    r"\b(?:full|entire|whole|complete)\b[^.;\n]{0,30}\b(?:test suite|suite"
    r"|tests)\b|\ball (?:public |api )?(?:methods|endpoints|functions"
    r"|modules|apis|features)\b",
    re.IGNORECASE,
)
_WITH = re.compile(
    r"\b(?:with|using|via|use|import|calls?)\s+(?:the |a |new |shared )?([a-z][a-z]+ [a-z]+)", re.IGNORECASE
)
_MADE = re.compile(
    r"^\W*(?:create|add|implement|define|build|write)\b(?:\s+(?:an?|the|new|shared))*", re.IGNORECASE
)
_OBJECT_ENDS = re.compile(
    r"[,;:(–—.]|\s-\s|\b(?:in|for|to|at|with|and|that|which|of|from|on|using|by|into)\b", re.IGNORECASE
)
_HOLDERS = frozenset(map(stem, ("helper", "class", "function", "module", "utility", "component")))
_SUBJECT = re.compile(r"\bunit tests?\b\W*(?:for|of|in|-|–|:)\W*\w", re.IGNORECASE)


@rule("PP208", "story-left-out", "warning")
def story_left_out(view: PlanView) -> Iterator[Hit]:
    """Tasks that bring stories together wait for some of them and not for another."""
    if not view.has("integrat"):
        return
    stories: dict[str, set[str]] = {}
    for item in view.tasks:
        if item.story:
            stories.setdefault(item.story, set()).add(item.id)
    if not 2 < len(stories) < 20 or len(view.tasks) > 10 * MOST:
        return
    waits = view.waits
    said: set[int] = set()
    for item in view.tasks:
        if item.story or not _integrates(view, item) or not waits.waiting(item.id):
            continue
        before = waits.ancestors(item.id)
        met = [story for story, ids in stories.items() if ids & before]
        missed = [story for story, ids in stories.items() if not ids & before]
        line = next(iter(waits.of(item.id).values())).line
        if len(met) >= 2 and missed and line not in said:
            said.add(line)
            yield Hit(
                line,
                f"Integration waits for {listed(met)}, but not for {listed(missed)}: it "
                f"could be done without it.",
                (item.id,),
                tuple(item.line for item in view.tasks if item.story in missed),
            )


def _integrates(view: PlanView, item: Item) -> bool:
    """Whether the item stands under a heading about integration."""
    return any(
        re.search(r"\bintegrat", heading.text, re.IGNORECASE) for heading in view.outline(item.line)[:2]
    )


@rule("PP209", "waits-for-too-few", "info", default=False)
def waits_for_too_few(view: PlanView) -> Iterator[Hit]:
    """A task over everything does not wait for everything."""
    if len(view.tasks) > 5 * MOST:
        return
    sweeps = [
        item for item in view.tasks if _EVERYTHING.search(view.block_text(item)) and item.parent is None
    ]
    if not sweeps:
        return
    waits = view.waits
    for item in sweeps:
        if not waits.waiting(item.id):
            continue
        before = waits.ancestors(item.id)
        tests = bool(re.search(r"suite|\btests\b", view.block_text(item)))
        left = [
            other
            for other in view.tasks
            if other.id in waits.nodes
            and other.id not in before
            and other.id != item.id
            and item.id not in waits.ancestors(other.id)
            and (tests or not is_test(other))
        ]
        if left:
            yield Hit(
                item.line,
                f"{item.local} is about everything, but does not wait for "
                f"{listed(other.local for other in left[:8])}.",
                (item.id, *(other.id for other in left)),
                (*(edge.line for edge in waits.of(item.id).values()), *_lines_of(view, item)),
                Confidence.MEDIUM,
            )


def _lines_of(view: PlanView, item: Item) -> list[int]:
    """The lines of the item that say "everything", and its dependency field."""
    first, last = view.block(item)
    return [
        line
        for line in range(first, last + 1)
        if _EVERYTHING.search(view.line(line)) or "ependenc" in view.line(line)
    ]


@rule("PP210", "missing-edge", "warning")
def missing_edge(view: PlanView) -> Iterator[Hit]:
    """A task uses what another makes, and does not wait for it."""
    if len(view.tasks) > MOST or not view.plan.edges:
        return
    waits = view.waits
    makers = [(item, made) for item in view.tasks if item.id in waits.nodes and len(made := _made(item)) >= 2]
    for item in view.tasks if makers else ():
        if item.id not in waits.nodes:
            continue
        own = _stemmed(item.text)
        for line, words in _used(view, item):
            phrase = _stemmed(words)
            for maker, made in makers:
                # What is made further down is not yet what this one means by the same words.
                if maker.line >= item.line or phrase != made or _follows(own, made):
                    continue
                if waits.reaches(maker.id, item.id) or waits.reaches(item.id, maker.id):
                    continue
                edges = tuple(edge.line for edge in waits.of(item.id).values())
                yield Hit(
                    line,
                    f'{item.local} uses "{words}", which {maker.local} makes, but does not wait for it.',
                    (item.id, maker.id),
                    (item.line, maker.line, *edges),
                    Confidence.LOW,
                )


def _stemmed(text: str) -> list[str]:
    return [stem(word) for word in parts(text) if word.lower() not in STOP]


def _made(item: Item) -> list[str]:
    """The words of the one thing that a task makes: what stands behind the verb, up to "in" or "for"."""
    found = _MADE.search(item.text)
    made = _stemmed(_OBJECT_ENDS.split(item.text[found.end() :], maxsplit=1)[0]) if found else []
    while made and made[-1] in _HOLDERS:
        made.pop()
    return made


def _used(view: PlanView, item: Item) -> Iterator[tuple[int, str]]:
    """What the title of a task and its boxes use, with the lines."""
    for said in (item, *(child for child in view.kids(item) if child.box is not None)):
        for found in _WITH.finditer(said.text):
            yield said.line, found[1]


def _follows(words: list[str], phrase: list[str]) -> bool:
    """Whether a phrase stands among words."""
    return any(words[at : at + len(phrase)] == phrase for at in range(len(words)))


@rule("PP211", "test-of-something-else", "warning")
def test_of_something_else(view: PlanView) -> Iterator[Hit]:
    """A test task waits for a task that neither its words nor its file speak of."""
    if len(view.tasks) > MOST:
        return
    waits = view.waits
    for item in view.tasks:
        before = waits.of(item.id)
        if not 2 <= len(before) <= FEW or not is_test(item) or not _SUBJECT.search(item.text):
            continue
        told = stems(view.block_text(item))
        own = {name: _own_words(view, name) for name in before}
        if not any(words & told for words in own.values()):
            continue
        for name, words in own.items():
            if words and not words & told and not any(waits.reaches(name, other) for other in before):
                other = view.by_id[name]
                yield Hit(
                    before[name].line,
                    f"{item.local} waits for {other.local}, but neither its boxes nor its file speak of it.",
                    (item.id, other.id),
                    (item.line, other.line, *(edge.line for edge in before.values())),
                    Confidence.LOW,
                )


def _own_words(view: PlanView, name: str) -> set[str]:
    """The words in the names of the files that an item writes."""
    item = view.by_id.get(name)
    files = [file for file in item.files if not is_test_path(file)] if item else []
    return {stem(part) for file in files for part in parts(file.rsplit("/", 1)[-1].rsplit(".", 1)[0])}


@rule("PP213", "edge-without-reason", "info", default=False)
def edge_without_reason(view: PlanView) -> Iterator[Hit]:
    """An edge is explained by something that the waiting task does not use."""
    waits = view.waits
    for edge in view.plan.edges:
        if edge.origin is not Origin.ARROWS or len(view.tasks) > MOST:
            continue
        note = re.search(r"\(([a-z]+) (class|function|table|module|type) needed", view.line(edge.line))
        before, after = view.by_id.get(edge.before), view.by_id.get(edge.after)
        if not note or before is None or after is None:
            continue
        made = {name for name in names(before.text) - set(before.files) if stem(note[1]) in stems(name)}
        later = [item for item in view.tasks if item.id == after.id or waits.reaches(after.id, item.id)]
        if made and not any(made & names(item.text) for item in later):
            yield Hit(
                edge.line,
                f"{after.local} waits for {before.local} because of {min(made)}, "
                f"which neither it nor anything behind it names.",
                (after.id, before.id),
                (before.line, after.line),
                Confidence.LOW,
            )


RULES = (story_left_out, waits_for_too_few, missing_edge, test_of_something_else, edge_without_reason)
