"""Numbers and lists that nobody brought up to date: each of these rules has a fix."""

# ruff: noqa: PLR2004 - what these rules say, not settings
from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Final, NamedTuple

from planproof.plan.lint.finding import Fix, Hit, Splice
from planproof.plan.lint.rule import rule
from planproof.plan.lint.subjects import has_id
from planproof.plan.model import Claim, Kind


if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from planproof.plan.lint.view import PlanView
    from planproof.plan.model import Item

_CAPITAL = re.compile(r"^[ \t>]*(?:[-*+]|\d{1,9}[.)])[ \t]+(\[X\])(?=[ \t\\*]|$)", re.MULTILINE)
_COUNTED = (
    r"(?:[ \t]+(?:tasks?|sub-?tasks?|tests?|items?|boxes|steps?|criteria|acceptance criteria|ACs?|stories"
    r"|checks?|user stories|requirements?|features?|phases?|WPs?|work packages|points?|modules?))?"
)
_REACHED = r"(?:[ \t]+(?:complete[d]?|done|finished|implemented|closed|ticked|checked|met|verified))?"
_REACHED_OR_PASSED = _REACHED.removesuffix("))?") + "|passing|passed|pass|green))?"
_FRACTION = r"(?<![\w./\"'`-])(?P<part{0}>\d{{1,6}})[ \t]*(?:/|of)[ \t]*(?P<whole{0}>\d{{1,6}})(?![\w/.]\d)"
# Nothing but the things counted may stand between and behind: "20/20 passing (90% coverage)" is two figures.
_SHARE = re.compile(
    _FRACTION.format("")
    + rf"[*_]*{_COUNTED}{_REACHED_OR_PASSED}[*_]*[ \t]*[(\[=:—–,-]{{0,2}}[ \t]*[*_]*"
    + rf"(?P<percent>\d{{1,3}})(?:\.\d+)?[ \t]?%[*_]*{_REACHED}[*_]*"
    + r"(?=[ \t]*(?:[).;|\]!←✅❌⚠⏳🔄🚧]|$|[—–-][ \t]))"
    + r"|(?<![\w./~≈\"'`-])(?P<percent2>\d{1,3})(?:\.\d+)?[ \t]?%[*_]*"
    + rf"{_REACHED_OR_PASSED}[*_]*[ \t]*\("
    + _FRACTION.format("2").replace(r"(?<![\w./\"'`-])", "")
    + rf"{_COUNTED}{_REACHED_OR_PASSED}[ \t]*\)",
    re.IGNORECASE | re.MULTILINE,
)
_ABOUT = re.compile(r"(?:[~≈]|\b(?:about|around|roughly|approx\.?|nearly|almost))[ \t]*$", re.IGNORECASE)
_PROGRESS = re.compile(
    r"(?<![\w./-])(?P<part>\d{1,6})[ \t]*(?:/|of)[ \t]*(?P<whole>\d{1,6})(?![\w/.]\d)[*_]*[ \t]*"
    r"(?:tasks?|boxes|items|steps)\b[ \t]*(?:are[ \t]|now[ \t]|have been[ \t])*"
    r"(?P<state>complete[d]?|done|finished)?"
    r"|\b(?:progress|tasks complete[d]?|completed tasks|complete[d]?|done)[*_]*[ \t]*:[*_]*[ \t]*"
    r"(?P<part2>\d{1,6})[ \t]*/[ \t]*(?P<whole2>\d{1,6})(?![\w/.]\d)",
    re.IGNORECASE,
)
_HEADED = re.compile(r"[(\[](\d{1,6})/(\d{1,6})(?:[ \t]+(?:tasks?|done|complete[d]?))?[)\]]")
_LIST = re.compile(r"[,;][ \t]*")
DEPENDENCIES: Final = ("dependencies", "depends on", "dependency", "blocked by", "depends", "requires")


def place(view: PlanView, line: int, found: re.Match[str], group: str | int) -> tuple[int, int]:
    """The bytes in the file that a group of a match of :meth:`PlanView.search` covers."""
    start, end = found.span(group)
    begin = found.string.rfind("\n", 0, start) + 1
    return view.column_offset(line, start - begin), view.column_offset(line, end - begin)


@rule("PP122", "two-ticks", "info", default=False)
def two_ticks(view: PlanView) -> Iterator[Hit]:
    """Some boxes are ticked with a small letter and others with a capital one."""
    if {"x", "X"} - {view.mark(item) for item in view.boxes}:
        return
    found = [(line, place(view, line, match, 1)) for line, match in view.search(_CAPITAL, "[x]")]
    if found:
        (first, _), *rest = found
        yield Hit(
            first,
            'Some boxes are ticked "[X]", others "[x]"; tools that look for one do not see the other.',
            related=tuple(line for line, _ in rest[:12]),
            fix=Fix("write [x]", tuple(Splice(start, end, "[x]") for _, (start, end) in found)),
        )


@rule("PP215", "named-twice", "warning")
def named_twice(view: PlanView) -> Iterator[Hit]:
    """A list of dependencies names one task twice."""
    for item in view.tasks:
        for field in item.fields:
            if "," not in field.value and ";" not in field.value:
                continue
            if field.name.lower().strip("*: ") not in DEPENDENCIES or "(" in field.value:
                continue
            parts = _LIST.split(field.value)
            twice = [name for name, count in Counter(parts).items() if count > 1 and name.strip()]
            if not twice:
                continue
            fix = None
            if view.plan.source[field.span.start : field.span.end] == field.value.encode():
                once = ", ".join(dict.fromkeys(part for part in parts if part))
                fix = Fix("name it once", (Splice(*field.span, once),))
            yield Hit(field.line, f"{item.local} names {twice[0]} twice.", (item.id,), fix=fix)


@rule("PP550", "wrong-percentage", "warning")
def wrong_percentage(view: PlanView) -> Iterator[Hit]:
    """A percentage stands beside the two numbers that it is made of, and is another."""
    for line, found in _once(view.search(_SHARE, "%")):
        tail = "" if found["part"] else "2"
        part, whole, said = (int(found[name + tail]) for name in ("part", "whole", "percent"))
        if not whole or part > whole or abs(said - 100 * part / whole) <= 1:
            continue
        if _said_otherwise(found) or (part == whole and "test" in found[0]):  # that is their coverage
            continue
        right = round(100 * part / whole)
        start, end = place(view, line, found, "percent" + tail)
        yield Hit(
            line,
            f"{part} of {whole} are {right} %, not {said} %.",
            fix=Fix(f"write {right}", (Splice(start, end, str(right)),)),
        )


def _said_otherwise(found: re.Match[str]) -> bool:
    """Whether the figures are rounded by the words before them, or an example in quotes or code."""
    before = found.string[found.string.rfind("\n", 0, found.start()) + 1 : found.start()]
    return before.count("`") % 2 == 1 or before.count('"') % 2 == 1 or _ABOUT.search(before[-12:]) is not None


def _once(found: Iterator[tuple[int, re.Match[str]]]) -> Iterator[tuple[int, re.Match[str]]]:
    """The first match of each line; a line of thousands would be read again for each."""
    last = 0
    for line, match in found:
        if line != last:
            last = line
            yield line, match


class _Told(NamedTuple):
    """A pair of numbers: so many of so many are done.

    Attributes:
        line: where it stands.
        part, whole: the numbers.
        spans: their bytes.
    """

    line: int
    part: int
    whole: int
    spans: tuple[tuple[int, int], tuple[int, int]]


@rule("PP551", "stale-progress", "warning")
def stale_progress(view: PlanView) -> Iterator[Hit]:
    """A heading or a summary says how many tasks are done, and the boxes say something else."""
    boxes = view.boxes
    if len(boxes) < 2 or view.retells:
        return
    for told, items in _told(view):
        ways = _ways(items)
        if not ways or (told.part, told.whole) in ways:
            continue
        same = {part for part, whole in ways if whole == told.whole}
        if not same:  # counted in a way that is not known here
            continue
        right = min(same) if len(same) == 1 else None
        done = [item.line for item in items if item.claim is Claim.DONE]
        fix = None
        if right is not None:
            fix = Fix(f"write {right}/{told.whole}", (Splice(*told.spans[0], str(right)),))
        now = " or ".join(map(str, sorted(same)))
        yield Hit(
            told.line,
            f"This says that {told.part} of {told.whole} are done; {now} {'is' if now == '1' else 'are'}.",
            related=(items[0].line, items[-1].line, *done[-1:]),
            fix=fix,
        )


def _told(view: PlanView) -> Iterator[tuple[_Told, Sequence[Item]]]:
    """Each such pair with the items that it is about."""
    for section in view.sections:
        found = _HEADED.search(view.line(section.heading.line))
        inside = view.within(section.first, section.last)
        if found is not None and inside:
            spans = place(view, section.heading.line, found, 1), place(view, section.heading.line, found, 2)
            yield _Told(section.heading.line, int(found[1]), int(found[2]), spans), inside
    for line, found in _once(view.search(_PROGRESS, "/", " of ")):
        tail = "" if found["part"] else "2"
        if (
            tail == ""
            and not found["state"]
            and not re.search(r"complete|done|progress", view.line(line), re.IGNORECASE)
        ):
            continue
        owner = view.section(line)
        inside = view.within(owner.first, owner.last) if owner else []
        if owner is None or owner.heading.level == 1:
            inside = list(view.plan.items)
        elif not any(item.box is not None for item in inside):
            continue
        if view.line(line).lstrip(" \t>").startswith("#") or view.box_at(line) is not None:
            continue
        spans = place(view, line, found, "part" + tail), place(view, line, found, "whole" + tail)
        yield _Told(line, int(found["part" + tail]), int(found["whole" + tail]), spans), inside


def _ways(items: Sequence[Item]) -> set[tuple[int, int]]:
    """All ways in which people count what is done: done, of how many."""
    boxes = [item for item in items if item.box is not None]
    ids = {item.id for item in items}
    groups = (
        boxes,
        [item for item in boxes if item.parent is None or item.parent not in ids],
        [item for item in boxes if has_id(item)],
        [item for item in boxes if item.kind is Kind.TASK],
        [item for item in items if item.kind is Kind.TASK],
        [item for item in boxes if item.claim not in {Claim.SKIPPED, Claim.DEFERRED, Claim.OPTIONAL}],
    )
    return {
        (sum(item.claim in states for item in group), len(group))
        for group in groups
        if group
        for states in ({Claim.DONE}, {Claim.DONE, Claim.SKIPPED})
    }


RULES = (two_ticks, named_twice, wrong_percentage, stale_progress)
