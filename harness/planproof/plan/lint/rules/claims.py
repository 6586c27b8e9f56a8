"""PP4xx: what is claimed of a task, against boxes, status fields and what it waits for."""

# ruff: noqa: PLR2004 - "two or more", "a quarter of" are what these rules say, not settings
from __future__ import annotations

import re
from typing import TYPE_CHECKING

from planproof.plan.lint.finding import Confidence, Hit
from planproof.plan.lint.rule import rule
from planproof.plan.lint.rules.dependencies import local, rank
from planproof.plan.lint.subjects import written
from planproof.plan.lint.view import PUT_OFF, UNDONE
from planproof.plan.lint.wait import listed
from planproof.plan.lint.words import CODE_SPAN
from planproof.plan.model import Claim, Edge


if TYPE_CHECKING:
    from collections.abc import Iterator

    from planproof.plan.lint.view import PlanView
    from planproof.plan.model import Item

UNFINISHED = UNDONE | {Claim.DEFERRED}
COMPLETE = re.compile(
    r"^\W*(?:\[x\]\s*)?(?:complete[d]?|done|finished|implemented|closed|shipped|merged)\b", re.IGNORECASE
)
PENDING = re.compile(
    r"^\W*(?:\[ \]\s*)?(?:pending|todo|to do|open|not started|planned|backlog|ready)\b", re.IGNORECASE
)
_PARTLY = re.compile(
    r"\||\bpartial(?:ly)?\b|\bproposed\b|\bpending\b|\bremaining\b|\bexcept\b|\bdeferred\b|\bin progress\b"
    r"|\bto ?do\b|\bawaiting\b|\bphase \d|\bpart \d|\bmostly\b",
    re.IGNORECASE,
)
_STATES = {
    "complete": "done", "completed": "done", "done": "done", "finished": "done",
    "pending": "pending", "todo": "pending", "open": "pending", "not started": "pending",
    "planned": "pending",
    "deferred": "deferred", "postponed": "deferred", "skipped": "skipped", "cancelled": "skipped",
    "canceled": "skipped", "dropped": "skipped", "blocked": "blocked", "in progress": "in progress",
}  # fmt: skip
_STATE = "|".join(sorted(_STATES, key=len, reverse=True))
_TWO_STATES = re.compile(
    rf"^\W*({_STATE})\b[^(\n]{{0,20}}[(,;/–—-]+\s*(?:but\s+|now\s+)?({_STATE})\b", re.IGNORECASE
)
# Words that also describe what the software does ("skipped rows are logged") count only before one of these.
_TAIL = (
    r"(?=\s*(?:$|[)\],;:.–—]|-\s|(?:by|until|on|for|to|in|due|because|after|see|next|later|as|at|done"
    r"|completed?|implemented|finished|only|review|approval|merge|deploy\w*|verification|tests?|testing|ci|pr|upstream|v?\d)\b))"
)
_HEDGE_WORD = (
    rf"(?:pending|deferred|postponed|in progress|partial(?:ly)?|skipped|blocked|stubbed){_TAIL}"
    r"|stub(?=\s*(?:$|[)\],;:.–—]|only\b))"
    rf"|(?:todo|tbd|wip|untested|unverified|incomplete)\b(?![./]\w|/){_TAIL}"
    r"|not (?:yet )?(?:done|implemented|started|complete[d]?|tested|verified|run|working|wired"
    r"|deployed|finished)\b"
    r"|to be (?:done|completed|implemented|verified|tested)\b|still (?:pending|open|failing|to do"
    r"|todo|needs)\b"
    r"|needs? (?:verification|testing|review|work)\b"
    r"|will be (?:done|completed|implemented|verified|added) (?:later|after)\b"
)
_HEDGE = re.compile(
    rf"[(\[]\s*(?:{_HEDGE_WORD})[^()\[\]\n]*[)\]]|\s[–—-]{{1,2}}\s*[*_]*(?:{_HEDGE_WORD})[^.\n]*$"
    r"|\s(?:⏳|🚧)",
    re.IGNORECASE,
)
# "(✅ done or ⏳ open)" explains signs, "example (deferred tests) vs the other one" names what is written.
_LEGEND = re.compile(r"✅.*[⏳🚧]|[⏳🚧].*✅|\[x\].*\[ \]")
LONG = 200
_GOES_FURTHER = re.compile(r"(?:^|\s)(?![#@+~]|\w+:\S|\[|\(|->)\w{2,}")
_RECORDED = re.compile(
    r"\b(?:decision|recorded|documented|noted|reason|explained|because|why)\b", re.IGNORECASE
)
_LISTED = re.compile(r"[(\[]\s*\w+(?:,\s*(?:and |or )?[\w-]+)+\s*[)\]]$")
_NONE = re.compile(r"\W*(?:no|nothing|none)\b", re.IGNORECASE)
_GOES_ON = re.compile(
    r"(?<=[)\]])\s+(?:vs|versus|is|are|and|or|to|into|with|in|as|from|when|while)\b", re.IGNORECASE
)
_HEDGE_STEMS = (
    "pending", "defer", "postpone", "todo", "tbd", "wip", "in progress", "partial", "skipped", "blocked",
    "untested", "unverified", "stub", "not ", "to be ", "still ", "incomplete", "need", "will be", "⏳", "🚧",
)  # fmt: skip
# What a box below another says of itself: that it need not be done, or not here.
_NOT_ASKED = re.compile(
    r"\(optional\)|\boptional\b\s*$|(?:^\W*|\s[–—-]{1,2}\s+|\()(?:deferred|postponed|skipped|covered by"
    r"|not needed|n/a|obsolete|superseded|out of scope)\b",
    re.IGNORECASE,
)
_REASON = re.compile(r"(?:defer|postpone|skip)\w*\b.*\breason|reason\b", re.IGNORECASE)
_DONE_SIGN = re.compile(r"[✅✓✔]")
_TAKES_AWAY = re.compile(r"\b(?:remov|delet|renam|mov|drop|retir|replac|merg)\w*\b", re.IGNORECASE)
_WHOLE = (" all ", " every", " full", " entire", " whole")
_SWEEP = re.compile(
    r"\b(?:run|execute|perform|apply|do|lint|format|type-?check"
    r"|check)\b[^.;\n]{0,60}\b(?:all|every|full|entire|whole)\b"
    r"[^.;\n]{0,30}\b(?:files?|modules?|code|codebase|project|repo(?:sitory)?|suite|tests?|changes)\b",
    re.IGNORECASE,
)


@rule("PP401", "done-before-dependency", "error")
def done_before_dependency(view: PlanView) -> Iterator[Hit]:
    """A task is ticked, and something that it waits for is not."""
    open_before: dict[str, dict[str, Edge]] = {}
    items = view.graph.items
    for edge in view.plan.edges:
        after = items.get(edge.after)
        if after is None or after.claim is not Claim.DONE or not edge.certain:
            continue
        before = items.get(edge.before)
        if before is not None and before.claim in UNFINISHED and before.id != after.id:
            open_before.setdefault(after.id, {}).setdefault(before.id, edge)
    for name, found in open_before.items():
        waits = [items[before] for before in found]
        state = "put off" if all(item.claim is Claim.DEFERRED for item in waits) else "not done"
        yield Hit(
            items[name].line,
            f"{local(name)} is done, but it waits for {listed(item.local for item in waits)}, which "
            f"{'is' if len(waits) == 1 else 'are'} {state}.",
            (name, *found),
            (*(item.line for item in waits), *(edge.line for edge in found.values())),
        )


def _required(view: PlanView, item: Item) -> list[Item]:
    """Children with a box that must be done for the item to be done."""
    return [
        child
        for child in view.kids(item)
        if child.box is not None
        and child.claim not in {Claim.OPTIONAL, Claim.SKIPPED}
        and not _NOT_ASKED.search(child.text)
    ]


@rule("PP402", "done-parent-open-child", "error")
def done_parent_open_child(view: PlanView) -> Iterator[Hit]:
    """A box is ticked, and a box below it is not."""
    for name in view.children:
        parent = view.by_id.get(name)
        if parent is None or not view.ticked(parent):
            continue
        left = [child for child in _required(view, parent) if view.mark(child) == " "]
        left = [child for child in left if child.claim not in PUT_OFF]
        if left:
            yield Hit(
                parent.line,
                f"{_name(parent)} is ticked, but {_count(left, 'box')} below it "
                f"{'is' if len(left) == 1 else 'are'} open.",
                (parent.id, *(child.id for child in left)),
                tuple(child.line for child in left),
            )


@rule("PP403", "open-parent-done-children", "warning")
def open_parent_done_children(view: PlanView) -> Iterator[Hit]:
    """All that a box asks for is ticked, and the box itself is not."""
    for name in view.children:
        parent = view.by_id.get(name)
        if parent is None or view.mark(parent) != " ":
            continue
        required = _required(view, parent)
        if required and all(_wholly_ticked(view, child) for child in required):
            optional = [
                child for child in view.kids(parent) if child.box is not None and child not in required
            ]
            what = f"but all that must be below it is ticked; {_count(optional, 'optional box')} left"
            yield Hit(
                parent.line,
                f"{_name(parent)} is open, {what if optional else 'but everything below it is ticked'}.",
                (parent.id, *(child.id for child in required)),
                tuple(child.line for child in (*required, *optional)),
            )


def _wholly_ticked(view: PlanView, item: Item) -> bool:
    """Whether a box is ticked, and all boxes below it."""
    return view.ticked(item) and all(
        _wholly_ticked(view, child) for child in view.kids(item) if child.box is not None
    )


def _name(item: Item) -> str:
    return item.local if len(item.local) <= 24 and "/" not in item.local else f'"{item.text[:60]}"'


def _count(items: list[Item], noun: str) -> str:
    many = noun + ("es" if noun.endswith("x") else "s")
    return f"{len(items)} {noun if len(items) == 1 else many}"


@rule("PP404", "hedged-tick", "warning")
def hedged_tick(view: PlanView) -> Iterator[Hit]:
    """A box is ticked, and its own words say that it is not done."""
    if not view.has(*_HEDGE_STEMS):
        return
    for item in view.boxes:
        if not view.ticked(item):
            continue
        line = CODE_SPAN.sub(" ", view.line(item.line))
        found = _HEDGE.search(line)
        if found is not None and _speaks_of_the_box(item, line, found):
            yield Hit(
                item.line,
                f'{_name(item)} is ticked, but says "{found[0].strip(" ()[]–—-*_")}".',
                (item.id,),
                confidence=Confidence.MEDIUM,
            )


def _speaks_of_the_box(item: Item, line: str, found: re.Match[str]) -> bool:
    """Whether such words are about the box itself, and not about what it deals with."""
    if _NONE.match(item.text) or _RECORDED.search(line, 0, found.start()):
        return False
    # A long line describes; only what it ends with is said of the box.
    if len(line) > LONG and _GOES_FURTHER.search(line, found.end()):
        return False
    return not (_LISTED.search(found[0]) or _LEGEND.search(line) or _GOES_ON.match(line, found.end()))


@rule("PP405", "status-against-boxes", "error")
def status_against_boxes(view: PlanView) -> Iterator[Hit]:
    """A task's status field says one thing, its boxes another."""
    for item in view.tasks:
        status = view.status(item)
        if status is None:
            continue
        boxes = _required(view, item)
        left = [child for child in boxes if view.mark(child) == " " and child.claim not in PUT_OFF]
        value, line = status
        if COMPLETE.search(value) and left and not _PARTLY.search(value):
            yield Hit(
                line,
                f'{item.local} has the status "{_short(value)}", but {_count(left, "box")} of it '
                f"{'is' if len(left) == 1 else 'are'} open.",
                (item.id, *(child.id for child in left)),
                tuple(child.line for child in left),
            )
        elif PENDING.search(value) and boxes and all(map(view.ticked, boxes)):
            yield Hit(
                line,
                f'{item.local} has the status "{_short(value)}", but all its boxes are ticked.',
                (item.id,),
                tuple(child.line for child in boxes),
            )


def _short(value: str) -> str:
    value = value.strip().strip("*_")
    return value if len(value) <= 40 else value[:37] + "..."


def unfinished_words(view: PlanView, item: Item) -> bool:
    """Whether the item is still to be done, by its status field's first word if it has one."""
    status = view.status(item)
    if status and PENDING.search(status[0]):
        return True
    return item.claim in UNDONE


@rule("PP406", "waits-for-deferred", "warning")
def waits_for_deferred(view: PlanView) -> Iterator[Hit]:
    """A task that is still to be done waits for one that is put off: it can never become ready."""
    items = view.graph.items
    found: dict[str, dict[str, Edge]] = {}
    for edge in view.plan.edges:
        before = items.get(edge.before)
        if before is None or before.claim is not Claim.DEFERRED or not edge.certain:
            continue
        if unfinished_words(view, before):
            continue
        after = items.get(edge.after)
        if after is not None and unfinished_words(view, after):
            found.setdefault(after.id, {}).setdefault(before.id, edge)
    for name, edges in found.items():
        befores = [items[before] for before in edges]
        yield Hit(
            items[name].line,
            f"{local(name)} is to be done, but it waits for {listed(item.local for item in befores)}, which "
            f"{'is' if len(befores) == 1 else 'are'} put off: it can never become ready.",
            (name, *edges),
            (*(_status_line(view, item) for item in befores), *(edge.line for edge in edges.values())),
        )


def _status_line(view: PlanView, item: Item) -> int:
    status = view.status(item)
    return status[1] if status else item.line


@rule("PP407", "two-states", "warning")
def two_states(view: PlanView) -> Iterator[Hit]:
    """One status field names two states."""
    for item in view.tasks:
        status = view.status(item)
        # In a form the words between brackets are there to choose from.
        found = _TWO_STATES.search(status[0]) if status and status[0].lstrip()[:1] not in {"{", "<"} else None
        if status and found and _STATES[found[1].lower()] != _STATES[found[2].lower()] and not _told(item):
            yield Hit(
                status[1],
                f"{item.local} is both {found[1].lower()} and {found[2].lower()}: which one?",
                (item.id,),
                (item.line,),
            )


def _told(item: Item) -> bool:
    """Whether a field of its own says why the task is put off, so that nobody asks which state it has."""
    return any(_REASON.match(field.name.strip("*_: ")) for field in item.fields)


@rule("PP408", "swept-too-early", "warning")
def swept_too_early(view: PlanView) -> Iterator[Hit]:
    """A run over everything is ticked, and tasks before it will still change files."""
    sweeps = [
        item
        for item in view.tasks
        if item.claim is Claim.DONE and any(word in item.text for word in _WHOLE) and _SWEEP.search(item.text)
    ]
    if not sweeps:
        return
    waits = view.waits
    work = [item for item in view.tasks if item.claim in UNDONE and written(item)]
    for sweep in sweeps[:20]:
        before = waits.ancestors(sweep.id)
        left = [
            item
            for item in work
            if item.id in before or (item.line < sweep.line and item.phase != sweep.phase)
        ]
        if left:
            names = listed(item.local for item in left[:6]) + (" and others" if len(left) > 6 else "")
            yield Hit(
                sweep.line,
                f"{sweep.local} ran over everything and is ticked, but {names} will "
                f"still change files after it.",
                (sweep.id, *(item.id for item in left)),
                tuple(item.line for item in left[:12]),
                Confidence.MEDIUM,
            )


@rule("PP416", "first-priority-deferred", "warning")
def first_priority_deferred(view: PlanView) -> Iterator[Hit]:
    """A task of the first priority is put off while one of a lower priority is done."""
    if not any(item.claim is Claim.DEFERRED for item in view.tasks):
        return
    ranked = [(rank(item), item) for item in view.tasks]
    known = [found for found, _ in ranked if found is not None]
    top = min(known, default=None)
    lower = next((item for found, item in ranked if found is not None and top is not None
                  and found > top and item.claim is Claim.DONE), None)  # fmt: skip
    if lower is None or top is None:
        return
    late = [
        item
        for found, item in ranked
        if found == top
        and item.claim is Claim.DEFERRED
        and not unfinished_words(view, item)
        and not _DONE_SIGN.search(view.line(item.line))
    ]
    if late:
        first, *rest = late
        heading = next(
            (head.line for head in view.outline(first.line) if head.line != first.line), first.line
        )
        be = "are" if rest else "is"
        yield Hit(
            first.line,
            f"{listed(item.local for item in late)} {be} P{top} and put off, while {lower.local}, which is "
            f"P{rank(lower)}, is done.",
            (*(item.id for item in late), lower.id),
            (heading, _status_line(view, first), lower.line, *(item.line for item in rest)),
        )


@rule("PP424", "done-but-no-file", "warning")
def done_but_no_file(view: PlanView) -> Iterator[Hit]:
    """A task is ticked, and a file that it was to write is not there, though most of the plan's are."""
    if view.exists is None:
        return
    named = [
        (item, file)
        for item in view.tasks
        if item.claim is Claim.DONE and not _TAKES_AWAY.search(item.text)
        for file in written(item)
        if "/" in file
    ]
    there = {file: view.exists(file) for _, file in named}
    if 2 * sum(there.values()) < len(there) or not any(there.values()):
        return
    for item, file in named:
        if not there[file]:
            yield Hit(item.line, f"{item.local} is ticked, but there is no {file}.", (item.id,))


RULES = (
    done_before_dependency,
    done_parent_open_child,
    open_parent_done_children,
    hedged_tick,
    status_against_boxes,
    waits_for_deferred,
    two_states,
    swept_too_early,
    first_priority_deferred,
    done_but_no_file,
)
