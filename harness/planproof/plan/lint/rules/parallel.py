"""PP3xx: tasks that are said to run side by side, and cannot."""

# ruff: noqa: PLR2004 - "two or more", "a quarter of" are what these rules say, not settings
from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING

from planproof.plan.lint.finding import Confidence, Hit
from planproof.plan.lint.rule import rule
from planproof.plan.lint.rules.dependencies import DRAWN, local
from planproof.plan.lint.subjects import is_test, written
from planproof.plan.lint.view import PUT_OFF
from planproof.plan.lint.wait import Waits, listed
from planproof.plan.lint.words import names
from planproof.plan.model import Origin
from planproof.plan.reading.fields import Role, role_of


if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from planproof.plan.lint.view import PlanView
    from planproof.plan.model import Item, ParallelGroup

# More than this many [P] tasks on one file are compared with the first of them only.
MOST = 40
_SEQUENTIAL = re.compile(
    r"\b(?:strictly |fully )?sequential(?:ly)?\b|\bin sequence\b|\bone after (?:the other|another)\b",
    re.IGNORECASE,
)
_MENTIONED = re.compile(
    r"`?[ \t]+(?:references?|mentions?|entr(?:y|ies)|links?|imports?|usages?|calls?|callers?)\b",
    re.IGNORECASE,
)
_SAME = re.compile(r"\bsame (function|method|class|file|module|endpoint|component|table)\b", re.IGNORECASE)
_ALL_TESTS = re.compile(
    r"\b(?:independent|separate|different|distinct|all|both) (?:unit "
    r"|integration )?tests?(?: (?:cases?|files?|scenarios?|suites?))?\b",
    re.IGNORECASE,
)


def marked(view: PlanView) -> list[Item]:
    """Tasks that carry the mark ``[P]``."""
    return [item for item in view.tasks if "P" in item.labels and item.claim not in PUT_OFF]


def _said_files(item: Item) -> list[str]:
    """Files that the task's own words or its fields of files say it writes; steps name others as well."""
    told = [field.value for field in item.fields if role_of(field.name) is Role.FILES]
    return [
        file
        for file in written(item)
        if any(file in value for value in told) or (file in item.text and not _names_only(item.text, file))
    ]


def _names_only(text: str, file: str) -> bool:
    """Whether a file is what something else speaks of: "remove the `a.py` reference from `b.md`"."""
    return _MENTIONED.match(text.partition(file)[2]) is not None


@rule("PP301", "parallel-same-file", "warning")
def parallel_same_file(view: PlanView) -> Iterator[Hit]:
    """Tasks marked [P] write one file, and nothing puts them in order."""
    tasks = marked(view)
    named = Counter(file for item in tasks for file in item.files)
    by_file: dict[str, list[Item]] = {}
    for item in tasks:
        if any(named[file] > 1 for file in item.files):
            for file in _said_files(item):
                by_file.setdefault(file, []).append(item)
    shared = {file: items for file, items in by_file.items() if len(items) > 1}
    if not shared:
        return
    waits = view.waits
    drawn = Waits(edge for edge in view.plan.edges if edge.certain and edge.origin in DRAWN).nodes
    for file, items in shared.items():
        clashing = _clashing(items, waits, drawn)
        if len(clashing) > 1:
            first, *rest = clashing
            yield Hit(
                rest[0].line,
                f"{listed(item.local for item in clashing)} are marked [P] and write "
                f"one file, {file}: they cannot "
                "run in parallel.",
                tuple(item.id for item in clashing),
                (first.line, *(item.line for item in rest[1:])),
            )


def _clashing(items: Sequence[Item], waits: Waits, drawn: Collection[str]) -> list[Item]:
    """Those that may run beside the one before them; who is in order with each next is so with all.

    Phases come one after the other, unless a picture of the whole says what comes after what.
    """
    found: dict[str, Item] = {}
    for left, right in pairwise(items):
        both = left.id in drawn and right.id in drawn
        together = left.phase == right.phase and left.parent == right.parent
        if (together or both) and waits.apart(left.id, right.id):
            found[left.id], found[right.id] = left, right
    return list(found.values())


@rule("PP302", "parallel-in-chain", "warning")
def parallel_in_chain(view: PlanView) -> Iterator[Hit]:
    """A task marked [P] ends a chain that takes up its whole phase."""
    tasks = marked(view)
    if not tasks or not view.plan.edges:
        return
    phases: dict[str | None, list[Item]] = {}
    for item in view.tasks:
        phases.setdefault(item.phase, []).append(item)
    small = {phase for phase, items in phases.items() if 2 < len(items) <= MOST and phase is not None}
    tasks = [item for item in tasks if item.phase in small]
    if not tasks:
        return
    waits = view.waits
    grouped = [set(group.members) for group in view.groups]
    for item in tasks:
        others = [other for other in phases[item.phase] if other.id != item.id]
        chain = [waits.way(other.id, item.id) for other in others]
        if not all(chain) or _beside(item, grouped, waits):
            continue
        lines = tuple(sorted({edge.line for way in chain for edge in way or ()}))
        yield Hit(
            item.line,
            f"{item.local} is marked [P], but it waits for everything else in its "
            f"phase: nothing there can run "
            "beside it.",
            (item.id,),
            lines,
        )


def _beside(item: Item, groups: Sequence[set[str]], waits: Waits) -> bool:
    """Whether a declared group gives the task somebody to run beside."""
    return any(
        not waits.reaches(other, item.id) and not waits.reaches(item.id, other)
        for group in groups
        if item.id in group
        for other in group - {item.id}
    )


@rule("PP303", "parallel-called-sequential", "warning")
def parallel_called_sequential(view: PlanView) -> Iterator[Hit]:
    """A chain is called sequential, and a task in it carries [P]."""
    tasks = {item.id: item for item in marked(view)}
    if not tasks or not view.has("sequen", "one after"):
        return
    ends: dict[int, dict[str, None]] = {}
    for edge in view.plan.edges:
        if edge.origin in {Origin.ARROWS, Origin.TREE} and edge.certain:
            ends.setdefault(edge.line, {}).update({edge.before: None, edge.after: None})
    for line, members in ends.items():
        note = view.line(line)
        if not _SEQUENTIAL.search(note) or "parallel" in note.lower():
            continue
        for name in members:
            if name in tasks:
                yield Hit(
                    tasks[name].line,
                    f"{local(name)} is marked [P], but line {line} calls its chain sequential.",
                    (name,),
                    (line,),
                )


@rule("PP304", "group-same-file", "warning")
def group_same_file(view: PlanView) -> Iterator[Hit]:
    """Tasks that the plan lists as parallel write one file."""
    # One line may name many pairs: "T001, T002 in parallel with T003, T004".
    clashes: dict[tuple[int, str], dict[str, Item]] = {}
    reasons: dict[int, str] = {}
    for group in view.groups:
        by_file: dict[str, dict[str, Item]] = {}
        for item in _members(view, group):
            for file in _said_files(item):
                by_file.setdefault(file, {})[item.id] = item
        for file, items in by_file.items():
            if len(items) > 1:
                clashes.setdefault((group.line, file), {}).update(items)
                reasons[group.line] = group.reason
    for (line, file), items in clashes.items():
        claim = " and to touch independent files" if "file" in reasons[line].lower() else ""
        yield Hit(
            line,
            f"{listed(item.local for item in items.values())} are said to run in parallel{claim}, but "
            f"{'both' if len(items) == 2 else 'they all'} edit {file}.",
            tuple(items),
            tuple(item.line for item in items.values()),
        )


def _members(view: PlanView, group: ParallelGroup) -> list[Item]:
    found = (view.by_id.get(name) for name in dict.fromkeys(group.members[:MOST]))
    return [item for item in found if item is not None and item.parent not in group.members]


@rule("PP305", "false-parallel-reason", "warning")
def false_parallel_reason(view: PlanView) -> Iterator[Hit]:
    """The reason given for running tasks in parallel is not true of them."""
    for group in view.groups:
        reason = group.reason
        members = _members(view, group)
        same = _SAME.search(reason)
        if same and len(members) > 1 and "not the same" not in reason.lower():
            touched = [names(item.text) - set(item.files) for item in members]
            if same[1].lower() in {"file", "module"}:
                touched = [set(item.files) for item in members]
            if all(touched) and not set.intersection(*touched):
                what = listed(min(found) for found in touched)
                yield _false(group, members, f"they share no {same[1].lower()}: they are about {what}")
        if _ALL_TESTS.search(reason) and " vs" not in reason:
            work = [item for item in members if not is_test(item)]
            if work and len(work) < len(members):
                verb = "is no test" if len(work) == 1 else "are no tests"
                yield _false(group, work, f"{listed(item.local for item in work)} {verb}")


def _false(group: ParallelGroup, items: Sequence[Item], why: str) -> Hit:
    return Hit(
        group.line,
        f'The reason given here ("{group.reason.strip("() ")}") does not hold: {why}.',
        tuple(item.id for item in items),
        tuple(item.line for item in items),
        Confidence.MEDIUM,
    )


RULES = (
    parallel_same_file,
    parallel_in_chain,
    parallel_called_sequential,
    group_same_file,
    false_parallel_reason,
)
