"""One plan as the rules look at it: its lines, items, sections and neighbours, each worked out once."""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left, bisect_right
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from planproof.plan.lint.text import PlanText
from planproof.plan.lint.wait import Waits
from planproof.plan.model import Claim, Heading, Item, Kind, Origin, ParallelGroup, Plan


if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from planproof.plan.graph import Graph
    from planproof.plan.lint.text import Fence

LATER = re.compile(
    r"\b(?:deferred|postponed|later|future|backlog|out[ -]of[ -]scope|not "
    r"in scope|nice[ -]to[ -]have|parking lot|someday"
    r"|follow[ -]?ups?|optional)\b",
    re.IGNORECASE,
)

_IN_ORDER = re.compile(
    r"\bsequential(?:ly)?\b|\bthen\b|\bmust wait\b"
    r"|\bsame (?:file|implementer|developer|engineer|agent|person)\b|\bcannot\b|\bcan't\b"
    r"|\bnot (?:run )?(?:in )?parallel\b|\bone at a time\b",
    re.IGNORECASE,
)

# "Task validation report" and "Work session: the parser" retell; "Tasks: the audit report" and "Report writer
# plan" do not, nor does an implementation summary, which is a plan looked back upon.
_RETELLS = re.compile(
    r"\b(?:(?:reports?|analys[ie]s|assessment|retrospective|post-?mortem|closure|findings|changelog|triage"
    r"|complete|completed|release notes|lessons(?: learn(?:ed|t))?|(?:status|progress) updates?"
    r"|(?:adversarial|architecture|code|design|peer|plan|post-\w+|risk|tasks?) reviews?"
    r"|(?:tests?|audits?|review|validation|verification|usability \w+) results|(?<!implementation )summary)"
    r"(?=[\W\d]*$|[ \t]*[:(–—-]|[ \t]+(?:for|of|on|from)\b)|work session|session \d+\b)",
    re.IGNORECASE,
)
_PLAN = r"(?:plan|tasks?|to-?do|roadmap|spec(?:ification)?|checklist|backlog|prd)s?\b"
_PLANS = re.compile(
    rf"^\W*(?:{_PLAN}[ \t]*(?:[:(–—-]|for\b|of\b)|adr\b)|\b{_PLAN}(?=[\W\d]*$|[ \t]*[:(–—-])", re.IGNORECASE
)

UNDONE = frozenset({Claim.OPEN, Claim.IN_PROGRESS, Claim.PARTIAL, Claim.BLOCKED})
PUT_OFF = frozenset({Claim.DEFERRED, Claim.SKIPPED})


class Section(NamedTuple):
    """A heading and what stands under it, deeper headings included.

    Attributes:
        heading: the heading.
        first: first line below the heading.
        last: last line of the section.
    """

    heading: Heading
    first: int
    last: int


class PlanView:
    """A plan with what rules ask of it. Everything is computed on first use and kept.

    Args:
        plan: the plan as read.
        graph: the graph over all plans that are linted together.
        exists: whether a path, relative to the workspace, is there; None where nobody can tell.
    """

    def __init__(self, plan: Plan, graph: Graph, exists: Callable[[str], bool] | None = None) -> None:
        self.plan = plan
        self.graph = graph
        self._text = PlanText(plan.source)
        self.exists = exists

    # -- text ---------------------------------------------------------------------------------------

    @property
    def text(self) -> str:
        """The whole file as text, line ends made one sign; made anew each time, as it may be long."""
        return self._text.whole()

    @property
    def line_count(self) -> int:
        """How many lines the file has."""
        return len(self._text)

    def line(self, number: int) -> str:
        """One line without its end; empty beyond the file."""
        return self._text.lines(number, number)

    def lines(self, first: int, last: int) -> str:
        """Some lines as one text, both ends included."""
        return self._text.lines(first, last)

    @property
    def fences(self) -> tuple[Fence, ...]:
        """Fenced blocks in order."""
        return self._text.fences

    def has(self, *needles: str) -> bool:
        """Whether one of these pieces of text, in lower case, occurs anywhere."""
        return self._text.has(*needles)

    def search(self, pattern: re.Pattern[str], *needles: str) -> Iterator[tuple[int, re.Match[str]]]:
        """Every match with its line, outside fenced blocks and comments.

        Args:
            pattern: what to look for.
            needles: pieces of text, in lower case, of which each match holds at least one; spares the search.
        """
        return self._text.search(pattern, *needles)

    def comments(self, pattern: re.Pattern[str], *needles: str) -> Iterator[tuple[int, re.Match[str]]]:
        """As :meth:`search`, but comments are looked at too."""
        return self._text.comments(pattern, *needles)

    def column_offset(self, line: int, column: int) -> int:
        """The byte offset in the file of a character column (from 0) of a line."""
        return self._text.starts[line - 1] + len(self.line(line)[:column].encode())

    @cached_property
    def retells(self) -> bool:
        """Whether the title calls the document a report, a review or the like.

        Such a document tells of a plan that lies elsewhere: it names tasks that are not its own, and its
        figures are those of the other.
        """
        title = self.plan.title
        return bool(title and _RETELLS.search(title) and not _PLANS.search(title))

    # -- items --------------------------------------------------------------------------------------

    @cached_property
    def by_id(self) -> dict[str, Item]:
        """Items by id."""
        return {item.id: item for item in self.plan.items}

    @cached_property
    def tasks(self) -> tuple[Item, ...]:
        """Items that are tasks, in the order of the file."""
        return self._chosen(lambda item: item.kind is Kind.TASK)

    def task_named(self, local: str) -> Item | None:
        """The task with this local id."""
        item = self.graph.items.get(f"{self.plan.id}:{local}")
        return item if item is not None and item.kind is Kind.TASK else None

    @cached_property
    def boxes(self) -> tuple[Item, ...]:
        """Items with a box, in the order of the file."""
        return self._chosen(lambda item: item.box is not None)

    def _chosen(self, wanted: Callable[[Item], bool]) -> tuple[Item, ...]:
        """Some items in the order of the file; the plan's own tuple where it is all of them."""
        found = tuple(filter(wanted, self.plan.items))
        return self.plan.items if len(found) == len(self.plan.items) else found

    @cached_property
    def children(self) -> dict[str, list[Item]]:
        """Items by the id of their parent."""
        found: dict[str, list[Item]] = {}
        for item in self.plan.items:
            if item.parent is not None:
                found.setdefault(item.parent, []).append(item)
        return found

    @cached_property
    def groups(self) -> tuple[ParallelGroup, ...]:
        """Groups that the plan calls parallel, on lines that say nothing of an order."""
        return tuple(group for group in self.plan.parallel if not _IN_ORDER.search(self.line(group.line)))

    @cached_property
    def waits(self) -> Waits:
        """Who waits for whom by the certain edges of this plan, those of phases left out."""
        return Waits(edge for edge in self.plan.edges if edge.certain and edge.origin is not Origin.PHASES)

    @cached_property
    def criteria(self) -> tuple[Item, ...]:
        """Criteria of the whole plan: boxes under "completion criteria" and the like."""
        return tuple(item for item in self.plan.items if item.kind is Kind.CRITERION)

    def mark(self, item: Item) -> str:
        """The sign in the item's box; empty where it has none."""
        if item.box is None:
            return ""
        return chr(self.plan.source[item.box]) if item.box < len(self.plan.source) else ""

    def ticked(self, item: Item) -> bool:
        """Whether the item's own box is ticked."""
        return self.mark(item) in {"x", "X"}

    def kids(self, item: Item, *kinds: Kind) -> list[Item]:
        """Direct children, of these kinds if any are named."""
        return [child for child in self.children.get(item.id, ()) if not kinds or child.kind in kinds]

    def status(self, item: Item) -> tuple[str, int] | None:
        """Words and line of the item's status field."""
        return self.field(item, "status", "state")

    def put_off(self, item: Item) -> bool:
        """Whether the item, or the section that it stands in, is put off."""
        return item.claim in PUT_OFF or any(LATER.search(heading.text) for heading in self.outline(item.line))

    def field(self, item: Item, *wanted: str) -> tuple[str, int] | None:
        """Value and line of the first field with one of these names (lower case)."""
        for field in item.fields:
            if field.name.lower().rstrip(":").strip("* ") in wanted:
                return field.value, field.line
        return None

    # -- places -------------------------------------------------------------------------------------

    @cached_property
    def sections(self) -> tuple[Section, ...]:
        """All sections in the order of their headings."""
        found: list[Section] = []
        open_at: list[int] = []
        headings = self.plan.headings
        last = [self.line_count] * len(headings)
        for index, heading in enumerate(headings):
            while open_at and headings[open_at[-1]].level >= heading.level:
                last[open_at.pop()] = heading.line - 1
            open_at.append(index)
        for index, heading in enumerate(headings):
            found.append(Section(heading, heading.line + 1, last[index]))
        return tuple(found)

    @cached_property
    def _heading_lines(self) -> array[int]:
        return array("i", (heading.line for heading in self.plan.headings))

    def section(self, line: int) -> Section | None:
        """The innermost section that a line stands in."""
        index = bisect_right(self._heading_lines, line) - 1
        return self.sections[index] if index >= 0 else None

    @cached_property
    def _above(self) -> array[int]:
        """For each heading the index of the heading that it stands under, or -1."""
        above = array("i")
        path: list[int] = []
        for index, heading in enumerate(self.plan.headings):
            while path and self.plan.headings[path[-1]].level >= heading.level:
                path.pop()
            above.append(path[-1] if path else -1)
            path.append(index)
        return above

    def outline(self, line: int) -> list[Heading]:
        """Headings above a line, innermost first; of a heading's own line the heading too."""
        index = bisect_right(self._heading_lines, line) - 1
        found: list[Heading] = []
        while index >= 0:
            found.append(self.plan.headings[index])
            index = self._above[index]
        return found

    def within(self, first: int, last: int) -> list[Item]:
        """Items that begin on these lines, both ends included."""
        start, end = bisect_left(self._item_lines, first), bisect_right(self._item_lines, last)
        return list(self._ordered_items[start:end])

    def tasks_within(self, section: Section) -> list[Item]:
        """Tasks that stand in a section."""
        return [item for item in self.within(section.first, section.last) if item.kind is Kind.TASK]

    @cached_property
    def _task_lines(self) -> array[int]:
        return array("i", (item.line for item in self.tasks))

    @cached_property
    def _box_lines(self) -> array[int]:
        return array("i", (item.line for item in self.boxes))

    def task_at(self, line: int) -> Item | None:
        """The task that a line belongs to."""
        index = bisect_right(self._task_lines, line) - 1
        return self._owner(self.tasks[index], line) if index >= 0 else None

    def box_at(self, line: int) -> Item | None:
        """The item with a box that a line belongs to."""
        index = bisect_right(self._box_lines, line) - 1
        return self._owner(self.boxes[index], line) if index >= 0 else None

    def _owner(self, item: Item, line: int) -> Item | None:
        return item if item.line == line or self.block(item)[1] >= line else None

    def block(self, item: Item) -> tuple[int, int]:
        """First and last line of an item with all that belongs to it: fields, notes, children."""
        section = self.section(item.line)
        last = section.last if section else self.line_count
        if section and section.heading.line == item.line:
            return item.line, last
        index = bisect_right(self._item_lines, item.line)
        while index < len(self._item_lines):
            below = self._ordered_items[index]
            if not self._inside(below, item):
                return item.line, min(last, below.line - 1)
            index += 1
        return item.line, last

    def _inside(self, below: Item, item: Item) -> bool:
        parent = below.parent
        while parent is not None:
            if parent == item.id:
                return True
            above = self.by_id.get(parent)
            parent = above.parent if above else None
        return False

    @cached_property
    def _ordered_items(self) -> tuple[Item, ...]:
        items = self.plan.items
        if all(above.line <= below.line for above, below in pairwise(items)):
            return items
        return tuple(sorted(items, key=lambda item: item.line))

    @cached_property
    def _item_lines(self) -> array[int]:
        return array("i", (item.line for item in self._ordered_items))

    def block_text(self, item: Item) -> str:
        """The text of :meth:`block`."""
        return self.lines(*self.block(item))
