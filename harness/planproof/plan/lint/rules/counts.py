"""PP5xx, first part: totals, sums, summaries, and sentences about all tasks."""

# ruff: noqa: PLR2004 - "two or more", "a quarter of" are what these rules say, not settings
from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING

from planproof.plan.lint.finding import Confidence, Fix, Hit, Splice
from planproof.plan.lint.mentions import ID, local_ids, tasks_in
from planproof.plan.lint.rule import rule
from planproof.plan.lint.rules.dependencies import DEPENDENCY_FIELDS, rank
from planproof.plan.lint.rules.upkeep import place
from planproof.plan.lint.subjects import has_id
from planproof.plan.lint.wait import listed
from planproof.plan.lint.words import stem, stems
from planproof.plan.model import Claim, Kind


if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from planproof.plan.lint.view import PlanView, Section
    from planproof.plan.model import Item

# Questions that compare each task with each line are asked of plans up to this many tasks.
MOST = 2_000
FAR_OFF = 2
_TOTAL = re.compile(
    r"\bnumber of (?:sub-?)?tasks\b[*_: ]{1,6}(\d+)\b|"
    r"\btotal(?: number of)? (?:sub-?)?tasks\b[*_: ]{1,6}(\d+)\b(?![ "
    r"\t]*[-–/.+~]|[ \t]*of)|\binto (\d+) (?:sub-?)?tasks\b"
    r"|\btotal(?: of|:\*{0,2}|\*{0,2}:) (\d+) tasks\b|\b(\d+) tasks (?:in )?total\b",
    re.IGNORECASE,
)
_HEADING_TOTAL = re.compile(r"[(\[—–-][ \t]{0,3}(\d{1,9}) tasks[ \t]{0,3}[)\]]?$", re.IGNORECASE)
_EFFORT = re.compile(
    r"^[ \t>*_-]*(?:total )?(?:estimated |total )*(?:effort|estimate"
    r"|duration|time)\b[*_: ]{1,6}~?\s*(\d+(?:\.\d+)?)\s*"
    r"(?:(?:-|–|to)\s*(\d+(?:\.\d+)?)\s*)?(hours?|hrs?|h|days?|d|weeks?|w)\b",
    re.IGNORECASE | re.MULTILINE,
)
_WHOLE = re.compile(
    r"\b(?:summary|overview|totals?|efforts?|estimates?|estimation|metadata|timeline)\b", re.IGNORECASE
)
_HOURS = {"h": (1.0, 1.0), "d": (5.0, 9.0), "w": (25.0, 45.0)}
_RANGE = re.compile(rf"\W*(?:\[.\]\W*)?(?:{ID}\s*(?:-|–|—|to|through)\s*{ID}|[A-Z]+-?\d+-\d{{2,}}\b)")
_FAMILY = re.compile(r"^(.*?)\d+(?:\.\d+)*[a-z]?$")
_ALL_HAVE = re.compile(
    r"\ball (?:sub-?)?tasks have (?P<a>[^.\n]+)|\b\d+ (?:sub-?)?tasks with (?P<b>[^.\n]+)", re.IGNORECASE
)
_ORDERED = re.compile(r"\btasks (?:are |is )?(?:ordered|sorted|listed|arranged) by priority\b", re.IGNORECASE)
_LEFT = re.compile(
    r"^[ \t>*_-]*(?:what(?:'|’)?s left|what is left|remaining work|still to "
    r"do|left to do)\b[*_:]{1,4}\s*([^\n]+)",
    re.IGNORECASE | re.MULTILINE,
)
_LISTED = re.compile(r"\s*(?:[-*+|]|\d+[.)]) ?")
_DONE_NEEDLES = tuple(
    f"tasks {verb}" for verb in ("are", "were", "have been", "now", "complete", "done", "finished")
)
_ALL_DONE = re.compile(
    r"(?:^|[.!|] |[-*] |\*\*|✅ )all (?:\d+ )?(?:sub-?)?tasks (?:are |have "
    r"been |were )?(?:now )?(?:complete[d]?|done|finished)\b(?! (?:before"
    r"|when|if|in order))",
    re.IGNORECASE | re.MULTILINE,
)


def _sizes(items: list[Item]) -> set[int]:
    """All ways in which people count tasks that have ids; empty where none has one."""
    tasks = [item for item in items if item.kind is Kind.TASK]
    parents = {item.parent for item in items}
    named = [item for item in tasks if has_id(item)]
    if not named:
        return set()
    families: dict[str, set[str]] = {}
    for item in named:
        family = _FAMILY.match(item.local)
        families.setdefault(family[1] if family else "", set()).add(item.local)
    highest = {int(number[0]) for item in named if (number := re.search(r"\d+", item.local))}
    ways = (
        tasks,
        named,
        *families.values(),
        [item for item in named if item.parent is None],
        [item for item in named if item.parent is not None],
        [item for item in named if item.id not in parents],
        [item for item in items if item.box is not None],
        [item for item in named if item.claim not in {Claim.DEFERRED, Claim.SKIPPED}],
        [item for item in named if item.claim is not Claim.OPTIONAL],
    )
    # Where ids were put in between (T074a), people go on to count by the last number.
    last = max(highest, default=0)
    return {len(way) for way in ways} | ({last} if len(named) >= last else set())


def _ranged(view: PlanView) -> bool:
    """Whether one heading or box stands for several tasks: "T-025 to T-036"."""
    return any(_RANGE.match(view.line(item.line)) for item in view.tasks[:2000])


@rule("PP501", "declared-total", "warning")
def declared_total(view: PlanView) -> Iterator[Hit]:
    """The plan says how many tasks it has, and it has another number."""
    if len(view.tasks) < 2 or view.retells:
        return
    totals = list(view.search(_TOTAL, "total", "into ", "number of"))
    counted = [
        (section, count)
        for section in view.sections
        if section.heading.level > 1 and (count := _HEADING_TOTAL.search(section.heading.text))
    ]
    sizes = _sizes(list(view.plan.items)) if totals or counted else set()
    if not sizes or _ranged(view):
        return
    for line, found in totals:
        said = int(next(group for group in found.groups() if group))
        # A number that is far off counts something else: the whole of which this is a part, steps in prose.
        near = max(sizes) <= FAR_OFF * said and said <= FAR_OFF * max(sizes)
        outside = line < view.tasks[0].line or view.task_at(line) is None
        if said > 1 and said not in sizes and near and outside:
            yield Hit(
                line,
                f"This says {said} tasks; the plan has {len(view.tasks)}.",
                related=_ends(view),
                fix=_recount(view, line, found, sizes),
            )
    for section, count in counted:
        inside = view.within(section.first, section.last)
        known = _sizes(inside)
        if known and int(count[1]) not in known - {_top(inside)}:
            tasks = sum(1 for item in inside if item.kind is Kind.TASK)
            yield Hit(
                section.heading.line,
                f"This heading says {count[1]} tasks; {tasks} stand under it.",
                related=(inside[0].line, inside[-1].line),
                fix=_recount_heading(view, section.heading.line, known),
            )


def _recount(view: PlanView, line: int, found: re.Match[str], sizes: set[int]) -> Fix | None:
    """The right number, where every way of counting gives the same."""
    group = next(number for number, said in enumerate(found.groups(), start=1) if said)
    if len(sizes - {0}) != 1:
        return None
    right = str(max(sizes))
    return Fix(f"write {right}", (Splice(*place(view, line, found, group), right),))


def _recount_heading(view: PlanView, line: int, sizes: set[int]) -> Fix | None:
    found = _HEADING_TOTAL.search(view.line(line).rstrip(" #"))
    return _recount(view, line, found, sizes) if found is not None else None


def _top(items: list[Item]) -> int:
    """The highest number among the ids, which is no count of a section's tasks."""
    numbers = [int(number[0]) for item in items if has_id(item) and (number := re.search(r"\d+", item.local))]
    return max(numbers, default=0) if len(numbers) != max(numbers, default=0) else -1


def _ends(view: PlanView) -> tuple[int, ...]:
    """The first and the last task, and the lines of a summary that lists them."""
    lists = [
        section
        for section in view.sections
        if re.search(r"\bmarker|\bsummary|\bindex", section.heading.text, re.IGNORECASE)
    ]
    listing = [
        line
        for section in lists
        for line in range(section.first, section.last + 1)
        if len(local_ids(view.line(line))) > 1 and len(tasks_in(view, view.line(line))) > 1
    ]
    return (view.tasks[0].line, view.tasks[-1].line, *listing[:4])


@rule("PP502", "summary-list", "warning")
def summary_list(view: PlanView) -> Iterator[Hit]:
    """A list of all ids of one kind leaves some out, or names some that are not there."""
    for section in view.sections:
        if not re.search(r"\bmarker|\btask (?:summary|index|list)\b", section.heading.text, re.IGNORECASE):
            continue
        for line in range(section.first, section.last + 1):
            text = view.line(line).strip("-*+ ")
            ids = local_ids(text)
            if len(ids) < 2 or re.sub(r"[\s,;&.`–—-]|and|to", "", text) != re.sub(r"-", "", "".join(ids)):
                continue
            family = _FAMILY.match(ids[0])
            prefix = family[1] if family else ids[0]
            real = {item.local: item.line for item in view.tasks if item.local.startswith(prefix)}
            missing = [name for name in real if name not in ids]
            extra = [name for name in ids if name not in real and name.startswith(prefix)]
            if real and len(missing) < len(real) and (missing or extra):
                what = [f"leaves out {listed(missing)}"] if missing else []
                what += [f"names {listed(extra)}, which the plan does not have"] if extra else []
                lines = tuple(real[name] for name in missing)
                fix = _complete(view, line, missing) if not extra else None
                yield Hit(line, f"This list {' and '.join(what)}.", related=lines, fix=fix)


def _complete(view: PlanView, line: int, missing: list[str]) -> Fix | None:
    """Put the ids that a list leaves out behind its last one."""
    text = view.line(line)
    last = list(re.finditer(ID, text))[-1]
    if "," not in text or text[last.end() :].strip(" .`*") or len(missing) > 12:
        return None
    end = view.column_offset(line, last.end())
    return Fix(f"add {listed(missing)}", (Splice(end, end, "".join(f", {name}" for name in missing)),))


@rule("PP503", "summary-omits-kind", "info", default=False)
def summary_omits_kind(view: PlanView) -> Iterator[Hit]:
    """A summary of markers forgets a whole kind of ids that the plan defines."""
    for section in view.sections:
        if not re.search(r"\bmarker", section.heading.text, re.IGNORECASE):
            continue
        text = view.lines(section.first, section.last)
        shown = {stem(match) for match in re.findall(r"\b([A-Z]+)[_-]", text)}
        kinds: dict[str, list[Item]] = {}
        for item in view.plan.items:
            found = re.match(r"(?:.*/)?([A-Z]{2,})[_-]\w*\d*$", item.local)
            if found and item.line < section.heading.line:
                kinds.setdefault(found[1], []).append(item)
        omitted = {kind: items for kind, items in kinds.items() if stem(kind) not in shown and len(items) > 1}
        if omitted and shown:
            yield Hit(
                section.heading.line,
                f"This summary lists no {listed(kind + ' ids' for kind in omitted)}, which the plan defines.",
                related=tuple(items[0].line for items in omitted.values()),
            )


@rule("PP504", "effort-sum", "warning")
def effort_sum(view: PlanView) -> Iterator[Hit]:
    """The estimates of the tasks do not add up to what the plan says."""
    tasks = [item for item in view.tasks if item.effort_hours is not None]
    if (
        len(tasks) < 2
        or view.retells
        or len(tasks) != len([item for item in view.tasks if item.parent is None])
        or _ranged(view)
    ):
        return
    total = sum(item.effort_hours or 0.0 for item in tasks)
    for line, found in view.search(_EFFORT, "effort", "estimate", "duration", "time"):
        if (line >= tasks[0].line and line <= view.block(tasks[-1])[1]) or not _of_all(view, line):
            continue
        least, most = _HOURS[found[3][0].lower()]
        low, high = float(found[1]) * least, float(found[2] or found[1]) * most
        if not low * 0.9 <= total <= high * 1.1:
            yield Hit(
                line,
                f"This says {found[1]}{'-' + found[2] if found[2] else ''} {found[3]}; the tasks add up to "
                f"{total:g} hours.",
                related=tuple(item.line for item in tasks[:12]),
            )


def _of_all(view: PlanView, line: int) -> bool:
    """Whether an estimate is that of the whole plan: in its head, in a summary, or called total."""
    section = view.section(line)
    return (
        section is None
        or section.heading.level == 1
        or re.search(r"\btotal\b", view.line(line), re.IGNORECASE) is not None
        or _WHOLE.search(section.heading.text) is not None
    )


_ATTRIBUTES: dict[str, Callable[[PlanView, Item], bool]] = {
    r"acceptance criteria": lambda view, item: bool(view.kids(item, Kind.ACCEPTANCE, Kind.CRITERION)),
    r"dependencies": lambda view, item: view.field(item, *DEPENDENCY_FIELDS) is not None,
    r"(?:effort )?estimates?|effort": lambda _, item: item.effort_hours is not None,
    r"priorit(?:y|ies)": lambda _, item: item.priority is not None,
    r"deliverables": lambda view, item: bool(view.kids(item, Kind.DELIVERABLE)),
    r"risk notes|risks": lambda view, item: any(
        risk.kind is Kind.RISK and (risk.parent == item.id or item.local in view.line(risk.line))
        for risk in view.plan.items
    ),
}


@rule("PP512", "not-all-tasks-have", "warning")
def not_all_tasks_have(view: PlanView) -> Iterator[Hit]:
    """A sentence says that all tasks have something, and some have not."""
    tasks = [item for item in view.tasks if item.parent is None]
    if not 2 <= len(tasks) <= MOST:
        return
    for line, found in view.search(_ALL_HAVE, "tasks have", "tasks with"):
        said = found["a"] or found["b"]
        for pattern, has in _ATTRIBUTES.items():
            what = re.search(rf"\b(?:{pattern})\b", said, re.IGNORECASE)
            bare = [item for item in tasks if not has(view, item)] if what else []
            if what and bare and len(bare) < len(tasks):
                yield Hit(
                    line,
                    f"This says that the tasks have {what[0].lower()}; {listed(item.local for item in bare)} "
                    f"{'has' if len(bare) == 1 else 'have'} none.",
                    tuple(item.id for item in bare),
                    tuple(item.line for item in bare),
                )


@rule("PP513", "not-ordered-by-priority", "warning")
def not_ordered_by_priority(view: PlanView) -> Iterator[Hit]:
    """The plan says that its tasks are ordered by priority, and they are not."""
    for line, _ in view.search(_ORDERED, "by priority"):
        ranked = [(found, item) for item in view.tasks if (found := rank(item)) is not None]
        for (high, first), (low, second) in itertools.pairwise(ranked):
            if low < high:
                yield Hit(
                    line,
                    f"This says that tasks are ordered by priority, but {second.local} (P{low}) comes after "
                    f"{first.local} (P{high}).",
                    (first.id, second.id),
                    (first.line, second.line),
                )
                break


@rule("PP514", "phases-out-of-priority-order", "info", default=False)
def phases_out_of_order(view: PlanView) -> Iterator[Hit]:
    """Phases stand in another order than their priorities."""
    ranked = _phase_ranks(view)
    known = [(found, line) for found, line in ranked if found is not None]
    for (high, first), (low, second) in itertools.pairwise(known):
        if low < high:
            yield Hit(second, f"A P{low} phase comes after a P{high} phase.", related=(first,))


@rule("PP522", "phase-without-priority", "info", default=False)
def phase_without_priority(view: PlanView) -> Iterator[Hit]:
    """Some phases have a priority and others have none."""
    ranked = _phase_ranks(view)
    bare = [line for found, line in ranked if found is None]
    if bare and len(ranked) - len(bare) >= 2:
        rest = [line for found, line in ranked if found is not None]
        yield Hit(
            bare[0], f"{len(bare)} of {len(ranked)} phases have no priority.", related=(*bare[1:], *rest)
        )


def _phase_ranks(view: PlanView) -> list[tuple[int | None, int]]:
    """Priority, if any, and line of each heading that begins with "Phase" and has tasks."""
    found: list[tuple[int | None, int]] = []
    for section in view.sections:
        if re.match(r"phase\b", section.heading.text, re.IGNORECASE):
            number = re.search(r"\bP(\d)\b", section.heading.text)
            found.append((int(number[1]) if number else None, section.heading.line))
    return found


@rule("PP515", "left-over-forgotten", "warning")
def left_over_forgotten(view: PlanView) -> Iterator[Hit]:
    """What is said to be left leaves out a group of tasks of the plan."""
    groups = _groups(view)
    if len(groups) < 2:
        return
    for line, found in view.search(_LEFT, "left", "remaining", "still to do"):
        said = stems(found[1].split(".")[0]) | {
            stem(word) for word in re.findall(r"\w+", found[1].split(".")[0])
        }
        named = {name for name in groups if stem(name) in said}
        forgotten = [name for name in groups if name not in named]
        if len(named) >= 2 and forgotten:
            yield Hit(
                line,
                f"What is left is said to be {found[1].split('.')[0].lower()}; "
                f"{listed(forgotten)} is forgotten.".replace(" and ", " and ", 1),
                related=tuple(groups[name].heading.line for name in forgotten),
            )


def _groups(view: PlanView) -> dict[str, Section]:
    """Sections called "Something Tasks", by that word, where something in them is not done."""
    found: dict[str, Section] = {}
    for section in view.sections:
        name = re.match(r"(\w+) tasks$", section.heading.text.strip(), re.IGNORECASE)
        inside = view.tasks_within(section)
        if name and any(item.claim is not Claim.DONE for item in inside):
            found[name[1].lower()] = section
    return found


@rule("PP428", "not-all-done", "warning")
def not_all_done(view: PlanView) -> Iterator[Hit]:
    """A sentence says that all tasks are done, and some are not."""
    if view.retells:
        return
    named = [item for item in view.tasks if has_id(item)] or view.tasks
    for line, _ in view.search(_ALL_DONE, *_DONE_NEEDLES):
        text = view.line(line)
        section = view.section(line)
        scope = [item for item in named if item.claim in {Claim.OPEN, Claim.IN_PROGRESS, Claim.BLOCKED}]
        if section and section.heading.level > 1 and view.tasks_within(section):
            scope = [item for item in scope if section.first <= item.line <= section.last]
        if (
            scope
            and not _LISTED.match(text)
            and not re.search(
                r"\b(?:when|once|until|after|if|ensure|verify|check|mark)\b", text, re.IGNORECASE
            )
        ):
            yield Hit(
                line,
                f"This says that all tasks are done; {listed(item.local for item in scope[:5])} "
                f"{'is' if len(scope) == 1 else 'are'} not.",
                tuple(item.id for item in scope),
                tuple(item.line for item in scope[:12]),
                Confidence.MEDIUM,
            )


RULES = (
    declared_total,
    summary_list,
    summary_omits_kind,
    effort_sum,
    not_all_tasks_have,
    not_ordered_by_priority,
    phases_out_of_order,
    phase_without_priority,
    left_over_forgotten,
    not_all_done,
)
