"""PP1xx: how a plan is written down."""

# ruff: noqa: PLR2004 - "two or more", "a quarter of" are what these rules say, not settings
from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from planproof.plan.lint.finding import Fix, Hit, Level, Place, Splice
from planproof.plan.lint.rule import Rule, rule, workspace_rule
from planproof.plan.lint.subjects import has_id
from planproof.plan.lint.words import CODE_SPAN
from planproof.plan.model import Claim, Heading, Kind


if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from planproof.plan.lint.view import PlanView
    from planproof.plan.model import Item

_MALFORMED = re.compile(
    r"^([ \t>]*(?:[-*+]|\d+[.)]) +)(\[\]|\[ [xX]\]|\[[xX] \]|\[  +\])(?= +\S)", re.MULTILINE
)
_ANY_BOX = re.compile(r"^[ \t>]*(?:[-*+]|\d+[.)]) +\[[ xX~>!?-]\] ", re.MULTILINE)
_ALTERNATIVE = re.compile(r"^\W*(?:[Oo]r|[Aa]lternatively|[Oo]therwise)\b,? (?!else\b)(?=\w)")
_IF_NOT = re.compile(
    r"^\W*(?:if (?:not|missing|absent|so|it (?:does not|doesn't|is not|isn't))\b)", re.IGNORECASE
)
_CHECKS = re.compile(r"\W*(?:check|see|verify|test|find out|determine)\b", re.IGNORECASE)
_ASKS = re.compile(
    r"(?:\bNOTE\b|\bQ\b|\bQUESTION\b)\W{1,4}(?:please )?(?:confirm|clarify"
    r"|decide|check (?:whether|if)|verify whether)\b"
    r"|(?<!no )(?<!not )(?<!No )\bTB[DC]\b(?=\W*$|\s*[)\]:?]|\s[—–-])"
    r"|(?<=[:—–-] )TB[DC]\b|(?<=[(\[])TB[DC]\b"
    r"|\b[Oo]pen question\b(?=\W*:|\W*$)|\?\?\?|\bto be decided\b|\bneeds clarification\b(?=\W*$|\s*[)\]:])"
    r"|\bNEEDS CLARIFICATION\b(?=\s*[:\])]*\s*$|\s*:)",
    re.MULTILINE,
)
_CRITERIA = re.compile(
    r"\b(?:definition of done|dod|criteria|acceptance|validation|verification|checklist)\b", re.IGNORECASE
)
# So often a text names what it is about.
OFTEN = 5
_VERBS = frozenset(
    [
        "add",
        "build",
        "check",
        "configure",
        "create",
        "define",
        "delete",
        "deploy",
        "design",
        "document",
        "enforce",
        "extend",
        "fix",
        "implement",
        "integrate",
        "migrate",
        "move",
        "refactor",
        "release",
        "remove",
        "rename",
        "replace",
        "review",
        "run",
        "set",
        "test",
        "update",
        "validate",
        "verify",
        "wire",
        "write",
    ]
)
_TWO_VERBS = re.compile(r"^\W*([A-Za-z]+)/([A-Za-z]+)\b")


@rule("PP101", "unclosed-fence", "error")
def unclosed_fence(view: PlanView) -> Iterator[Hit]:
    """A code fence is never closed: all that follows is code, boxes included."""
    for line, last, closed in view.fences:
        if not closed and _hides(view, line, last):
            hidden = len(_ANY_BOX.findall(view.lines(line, last)))
            what = f"{hidden} box{'es' if hidden != 1 else ''}" if hidden else "everything below it"
            yield Hit(line, f"This code fence is never closed; it hides {what}.", related=(view.line_count,))


def _hides(view: PlanView, line: int, last: int) -> bool:
    """Whether something stands below a fence, and nowhere has the list ended that it stands in."""
    opening = view.line(line)
    depth = len(opening) - len(opening.lstrip())
    below = [text for text in view.lines(line + 1, last).split("\n") if text.strip()]
    return bool(below) and all(len(text) - len(text.lstrip()) >= depth for text in below)


@rule("PP102", "malformed-box", "warning")
def malformed_box(view: PlanView) -> Iterator[Hit]:
    """A box that readers of Markdown do not take for one."""
    if not view.has("[]", "[ x", "x ]", "[  "):
        return
    for line, found in view.search(_MALFORMED):
        good = "[x]" if "x" in found[2].lower() else "[ ]"
        column = len(found[1])
        splice = Splice(
            view.column_offset(line, column), view.column_offset(line, column + len(found[2])), good
        )
        yield Hit(line, f'"{found[2]}" is no box; {good} is.', fix=Fix(f"write {good}", (splice,)))


@rule("PP103", "duplicate-id", "error")
def duplicate_id(view: PlanView) -> Iterator[Hit]:
    """Two tasks have one id."""
    if view.retells or not any("~" in item.local or "/" in item.local for item in view.tasks):
        return
    named = [(item, name) for item in view.tasks if (name := _written_id(view, item))]
    numbers: dict[str, list[int]] = {}
    for _, name in named:
        series, number = _series(name)
        numbers.setdefault(series, []).append(number)
    tags = {series for series, found in numbers.items() if _are_tags(found) or _are_rare(view, named, series)}
    headed = {name for item, name in named if view.line(item.line).lstrip().startswith("#")}
    seen: dict[tuple[str, bool], Item] = {}
    for item, name in named:
        heading = view.line(item.line).lstrip().startswith("#")
        # A box with the id of a heading is about that task, and so is one among criteria.
        if not heading and (name in headed or any(map(_checks, view.outline(item.line)[:2]))):
            continue
        first = seen.setdefault((name, heading), item)
        if first is not item and not _retold(first.text, item.text):
            series = _series(name)[0]
            if heading and view.block(first)[1] >= item.line:
                continue
            if series in tags or _is_topic(view, name, set(numbers[series])):
                continue
            yield Hit(
                item.line,
                f'{name} is already the id of line {first.line} ("{first.text[:60]}").',
                (first.id, item.id),
                (first.line,),
            )


_ID_AT_START = re.compile(
    r"^(?:#+ |[-*+] \[.\] )(?:\*\*|~~|`)?([A-Z]{1,10}[-_]?\d{2,}(?:\.\d+)*[a-z]?)\b(?![-/])"
)


def _written_id(view: PlanView, item: Item) -> str | None:
    """The id as it stands at the start of the item's line, of the kind ``T001`` or ``IMPL_003``."""
    if re.fullmatch(r"[A-Z]{1,10}[-_]?\d{2,}[a-z]?", item.local):
        return item.local
    found = _ID_AT_START.match(view.line(item.line).lstrip())
    return found[1] if found and found[1] != item.local else None


def _series(name: str) -> tuple[str, int]:
    """What stands before the number of an id, and its number."""
    found = re.match(r"(\D*)(\d+)", name)
    return (found[1], int(found[2])) if found else (name, 0)


def _place(view: PlanView, item: Item) -> int:
    """The line of the heading that an item stands under."""
    section = view.section(item.line)
    return section.heading.line if section else 0


def _checks(heading: Heading) -> bool:
    """Whether a section tells what must hold, and not what is to be done."""
    return _CRITERIA.search(heading.text) is not None


def _retold(left: str, right: str) -> bool:
    """Whether one line says what the other does, or has no words of its own."""
    return left.startswith(right) or right.startswith(left)


def _are_tags(numbers: list[int]) -> bool:
    """Whether ids come again so often that they say what a line belongs to, or begin anew in each section."""
    counted = Counter(numbers)
    again = sum(count > 1 for count in counted.values())
    return again >= 3 and again >= 0.25 * len(counted)


def _are_rare(view: PlanView, named: list[tuple[Item, str]], series: str) -> bool:
    """Whether most boxes beside those with such an id have none: then it is a remark, not their name."""
    mine = [item for item, name in named if _series(name)[0] == series and item.box is not None]
    places = {(item.parent, _place(view, item)) for item in mine}
    beside = sum((item.parent, _place(view, item)) in places for item in view.boxes)
    return 2 * len(mine) < beside


def _is_topic(view: PlanView, name: str, numbers: set[int]) -> bool:
    """Whether an id is what a document speaks of ("FS-031 before the change"), not one of its tasks.

    Such an id has no neighbours, and running text names it again and again.
    """
    neighbours = any(number + 1 in numbers for number in numbers)
    return not neighbours and len(re.findall(rf"\b{re.escape(name)}\b", view.text)) >= OFTEN


@rule("PP104", "unread-line", "info", default=False)
def unread_line(view: PlanView) -> Iterator[Hit]:
    """A line looks like part of the plan and was not understood."""
    for unread in view.plan.unread:
        yield Hit(
            unread.line, f"This line was not understood{': ' + unread.reason if unread.reason else ''}."
        )


@rule("PP105", "empty-box", "warning")
def empty_box(view: PlanView) -> Iterator[Hit]:
    """A box without a word beside it."""
    said = {(item.parent, _place(view, item)) for item in view.boxes if item.text.strip()}
    for item in view.boxes:
        # A list of blanks is a form.
        if (item.parent, _place(view, item)) not in said:
            continue
        if not item.text.strip() and not view.kids(item) and not _says(view, item):
            yield Hit(item.line, "This box says nothing.", (item.id,))


def _says(view: PlanView, item: Item) -> bool:
    """Whether words stand on the box's line that are no statement: of a form to be filled in."""
    rest = view.line(item.line).partition("]")[2]
    return any(map(str.isalnum, rest.replace(item.local.rpartition("/")[2], "", 1)))


@rule("PP106", "task-without-content", "warning")
def task_without_content(view: PlanView) -> Iterator[Hit]:
    """A box is a bare file name, while its neighbours say what is in theirs."""
    groups: dict[tuple[str | None, int], list[Item]] = {}
    for item in view.boxes:
        if re.fullmatch(r"`?[\w./-]+\.[a-z]{1,5}`?", item.text.strip()):
            section = view.section(item.line)
            groups.setdefault((item.parent, section.heading.line if section else 0), []).append(item)
    for items in groups.values():
        told = [
            item
            for item in items
            if view.block(item)[1] > item.line and view.lines(item.line + 1, view.block(item)[1]).strip()
        ]
        bare = [item for item in items if item not in told]
        if len(told) >= 2 and len(told) > len(bare):
            for item in bare:
                yield Hit(
                    item.line,
                    f"Nothing says what is to be in {item.text.strip('` ')}; its neighbours have details.",
                    (item.id,),
                    tuple(other.line for other in told[:4]),
                )


@rule("PP107", "mixed-nesting", "info", default=False)
def mixed_nesting(view: PlanView) -> Iterator[Hit]:
    """Below some boxes the details are boxes, below a neighbour they are plain bullets."""
    groups: dict[tuple[str | None, int], list[Item]] = {}
    for item in view.boxes:
        section = view.section(item.line)
        groups.setdefault((item.parent, section.heading.line if section else 0), []).append(item)
    for items in groups.values():
        boxed = [item for item in items if any(child.box is not None for child in view.kids(item))]
        plain = [item for item in items if item not in boxed and _has_bullets(view, item)]
        if boxed and plain and len(boxed) >= len(plain):
            for item in plain:
                yield Hit(
                    item.line,
                    "The details here are plain bullets; those of its neighbours are boxes.",
                    (item.id,),
                    tuple(other.line for other in boxed[:3]),
                )


def _has_bullets(view: PlanView, item: Item) -> bool:
    first, last = view.block(item)
    return bool(re.search(r"^\s+[-*+] (?!\[)", view.lines(first + 1, last), re.MULTILINE))


@rule("PP108", "no-state", "info", default=False)
def no_state(view: PlanView) -> Iterator[Hit]:
    """The plan has tasks, but neither a box nor a status: nobody can say how far it is."""
    tasks = view.tasks or tuple(item for item in view.plan.items if item.kind is Kind.REQUIREMENT)
    if tasks and not view.boxes and not any(view.status(item) for item in view.tasks):
        yield Hit(
            tasks[0].line,
            "No task here has a box or a status; progress cannot be told.",
            related=(tasks[-1].line,),
        )


@rule("PP109", "id-repeats", "info", default=False)
def id_repeats(view: PlanView) -> Iterator[Hit]:
    """Ids such as AC-1 begin again in every task, and are unique only with the task's id."""
    lines: dict[str, list[int]] = {}
    for item in view.plan.items:
        if item.kind in {Kind.ACCEPTANCE, Kind.SCENARIO, Kind.CRITERION} and "/" in item.local:
            name = item.local.rsplit("/", 1)[-1]
            if re.fullmatch(r"[A-Z]+-\d+", name):
                lines.setdefault(name, []).append(item.line)
    repeated = {name: places for name, places in lines.items() if len(places) > 1}
    if repeated:
        name, places = next(iter(repeated.items()))
        yield Hit(
            places[1],
            f"{name} is used in {len(places)} tasks; say it with the task's id.",
            related=tuple(places),
        )


@workspace_rule("PP110", "id-in-two-plans", "info", default=False)
def id_in_two_plans(views: Sequence[PlanView]) -> Iterator[tuple[PlanView, Hit]]:
    """Two plans use the same task ids."""
    owners: dict[str, list[tuple[PlanView, Item]]] = {}
    for view in views:
        for item in view.tasks:
            if re.fullmatch(r"[A-Z]+[-_]?\d+", item.local):
                owners.setdefault(item.local, []).append((view, item))
    said: set[tuple[str, str]] = set()
    for name, places in owners.items():
        (first, item), *rest = places
        for view, other in rest:
            pair = (first.plan.path, view.plan.path)
            if pair not in said:
                said.add(pair)
                yield (
                    view,
                    Hit(
                        other.line,
                        f"{name} and further ids are also those of {first.plan.path}; name them "
                        f"with their plan.",
                        (item.id, other.id),
                        (Place(first.plan.path, item.line),),
                    ),
                )


@workspace_rule("PP111", "two-vocabularies", "info", default=False)
def two_vocabularies(views: Sequence[PlanView]) -> Iterator[tuple[PlanView, Hit]]:
    """Plans that are linted together say in different ways what is done."""
    ways: dict[str, PlanView] = {}
    for view in views:
        if view.tasks or view.boxes:
            ways.setdefault(_way(view), view)
    if len(ways) > 1:
        (first, _), *rest = ways.items()
        for way, view in rest:
            yield view, Hit(1, f"State is told by {way} here, and by {first} in another plan.")


def _way(view: PlanView) -> str:
    """How a plan says what is done."""
    if any(view.status(item) for item in view.tasks):
        return "status fields"
    if view.boxes:
        return "boxes"
    return "emoji" if any(item.claim is Claim.DONE for item in view.plan.items) else "nothing"


@rule("PP114", "two-tasks-in-one-box", "info", default=False)
def two_tasks_in_one_box(view: PlanView) -> Iterator[Hit]:
    """A box begins with two verbs: it can be half done."""
    for item in view.boxes:
        found = _TWO_VERBS.match(item.text)
        if found and {found[1].lower(), found[2].lower()} <= _VERBS and found[1].lower() != found[2].lower():
            yield Hit(item.line, f'"{found[0].strip()}" is two tasks in one box.', (item.id,))


@rule("PP115", "question-in-a-box", "warning")
def question_in_a_box(view: PlanView) -> Iterator[Hit]:
    """A box holds an open question; it can be ticked without an answer."""
    for line, found in view.search(
        _ASKS,
        "confirm",
        "clarif",
        "decide",
        "tbd",
        "tbc",
        "open question",
        "???",
        "check whether",
        "check if",
        "verify whether",
    ):
        owner = view.box_at(line)
        text = view.line(line)
        if owner is None or not _belongs(view, owner, line) or "|" in text:
            continue
        # Between quotes or as code the words are spoken of, not asked.
        if f'"{found[0]}' not in text and any(found[0] in part for part in CODE_SPAN.split(text)[::2]):
            related = (owner.line,) if owner.line != line else ()
            yield Hit(line, f'An open question ("{found[0].strip()}") stands in a box.', (owner.id,), related)


def _belongs(view: PlanView, owner: Item, line: int) -> bool:
    """Whether a line is the box's own: its first, or one that is set in below it."""
    text, first = view.line(line), view.line(owner.line)
    return line == owner.line or len(text) - len(text.lstrip()) > len(first) - len(first.lstrip())


def _siblings(view: PlanView) -> Iterator[tuple[Item, Item]]:
    """Boxes and the box right before them in the same list."""
    previous: dict[str | None, Item] = {}
    for item in view.boxes:
        before = previous.get(item.parent)
        if before is not None and view.mark(item) and item.line - before.line <= 12:
            section, other = view.section(item.line), view.section(before.line)
            if section == other:
                yield before, item
        previous[item.parent] = item


@rule("PP116", "alternatives-as-boxes", "warning")
def alternatives_as_boxes(view: PlanView) -> Iterator[Hit]:
    """Two boxes are alternatives; at most one can be ticked."""
    if not view.has("or ", "alternatively", "otherwise"):
        return
    for before, item in _siblings(view):
        # Both ticked: the words are an "or" of what was done, such as of two filters.
        if _ALTERNATIVE.search(item.text) and not (view.ticked(item) and view.ticked(before)):
            yield Hit(
                item.line,
                f"This is an alternative to line {before.line}; both cannot be ticked, "
                f"and one stays open for ever.",
                (before.id, item.id),
                (before.line,),
            )


@rule("PP420", "both-branches-ticked", "warning")
def both_branches_ticked(view: PlanView) -> Iterator[Hit]:
    """A check and what was to be done if it failed are both ticked."""
    if not view.has("if "):
        return
    for before, item in _siblings(view):
        both = view.ticked(item) and view.ticked(before)
        if both and _IF_NOT.search(item.text) and _CHECKS.match(before.text):
            yield Hit(
                item.line,
                f"This was to be done only if the check on line {before.line} failed; "
                f"both are ticked, so nobody can "
                "tell what happened.",
                (before.id, item.id),
                (before.line,),
            )


@rule("PP118", "boxes-as-reference", "warning")
def boxes_as_reference(view: PlanView) -> Iterator[Hit]:
    """Boxes stand in a section that is kept for reference: they are no tasks."""
    for section in view.sections:
        if re.search(
            r"\b(?:as|for) reference\b|\breference only\b|\bnot tasks\b", section.heading.text, re.IGNORECASE
        ):
            inside = [item for item in view.boxes if section.first <= item.line <= section.last]
            if inside:
                yield Hit(
                    section.heading.line,
                    f"This section is kept as a reference, but holds {len(inside)} boxes "
                    f"that count as tasks.",
                    tuple(item.id for item in inside),
                    tuple(item.line for item in inside[:12]),
                )


@rule("PP119", "missing-field", "info", default=False)
def missing_field(view: PlanView) -> Iterator[Hit]:
    """A task lacks a field, a file or a path that nearly all others have."""
    tasks = [item for item in view.tasks if item.parent is None and has_id(item)]
    if len(tasks) < 5:
        return
    names: dict[str, list[Item]] = {}
    for item in tasks:
        for name in {field.name.lower().strip("*: ") for field in item.fields}:
            names.setdefault(name, []).append(item)
    for name, having in names.items():
        if len(tasks) > len(having) >= 0.75 * len(tasks):
            owners = {item.id for item in having}
            for item in tasks:
                if item.id not in owners:
                    yield Hit(
                        item.line,
                        f"{item.local} has no {name}; {len(having)} of {len(tasks)} tasks have one.",
                        (item.id,),
                    )
    bare = [
        item for item in tasks if not item.files and "`" not in view.line(item.line) and "file" not in names
    ]
    if bare and len(bare) <= 0.25 * len(tasks):
        for item in bare:
            yield Hit(
                item.line, f"{item.local} names no file and no command; the other tasks do.", (item.id,)
            )


@rule("PP120", "not-a-deliverable", "info", default=False)
def not_a_deliverable(view: PlanView) -> Iterator[Hit]:
    """A box is about somebody's own machine and leaves nothing behind."""
    for item in view.boxes:
        if re.match(r"\W*(?:run|install|start|open)\b.*\blocal(?:ly)?\b", item.text, re.IGNORECASE):
            yield Hit(
                item.line,
                "This happens on somebody's own machine and leaves nothing that can be checked.",
                (item.id,),
            )


@rule("PP121", "not-of-the-list", "info", default=False)
def not_of_the_list(view: PlanView) -> Iterator[Hit]:
    """Among methods stand lines that are no method."""
    for line, found in view.search(
        re.compile(r"^([ \t]*)[-*+] (Methods|Functions|Endpoints|Exceptions)\**:\**[ \t]*$", re.MULTILINE)
    ):
        good: list[int] = []
        bad: list[int] = []
        number = line + 1
        while (
            len(view.line(number)) - len(view.line(number).lstrip()) > len(found[1])
            and view.line(number).strip()
        ):
            (good if re.match(r"\s*[-*+] `", view.line(number)) else bad).append(number)
            number += 1
        if good and bad:
            yield Hit(bad[0], f"This is listed under {found[2]}, and is none.", related=(line, *bad[1:]))


def _never(_: PlanView) -> Iterator[Hit]:
    """Found by the engine itself, which knows the comments."""
    return iter(())


suppression_without_reason = Rule(
    "PP112", "suppression-without-reason", Level.WARNING, default=True, check=_never
)
unused_suppression = Rule("PP113", "unused-suppression", Level.WARNING, default=True, check=_never)

RULES = (
    unclosed_fence,
    malformed_box,
    duplicate_id,
    unread_line,
    empty_box,
    task_without_content,
    mixed_nesting,
    no_state,
    id_repeats,
    id_in_two_plans,
    two_vocabularies,
    suppression_without_reason,
    unused_suppression,
    two_tasks_in_one_box,
    question_in_a_box,
    alternatives_as_boxes,
    both_branches_ticked,
    boxes_as_reference,
    missing_field,
    not_a_deliverable,
    not_of_the_list,
)
