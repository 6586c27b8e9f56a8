"""Walks over the blocks of a file and lets the dialects speak; then makes the plan."""

from __future__ import annotations

import re
from operator import attrgetter
from typing import TYPE_CHECKING, Final

from planproof.plan.model import Claim, Item, Kind, ParallelGroup, Place, Plan
from planproof.plan.reading.blocks import FENCE, HEADING, HTML, ITEM, TEXT, Block, Form, line_of
from planproof.plan.reading.boxes import is_malformed, parse_box
from planproof.plan.reading.context import Context, Statement
from planproof.plan.reading.dialect import Dialect
from planproof.plan.reading.dialects.task_headings import derived_claim
from planproof.plan.reading.dialects.unnamed_headings import promote, settle
from planproof.plan.reading.dialects.work_plan import inline_item
from planproof.plan.reading.drafts import GroupDraft
from planproof.plan.reading.fields import LABEL_LENGTH, is_field, label, labels, preamble, topic_of
from planproof.plan.reading.leads import nameless
from planproof.plan.reading.naming import name_all
from planproof.plan.reading.notation.barriers import raise_barriers
from planproof.plan.reading.notation.references import only_references, references
from planproof.plan.reading.notation.stages import may_speak
from planproof.plan.reading.notation.titles import resolve_titles
from planproof.plan.reading.scanner import scan
from planproof.plan.reading.words import CLAIMING, keyword, paths_in


if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from planproof.plan.reading.blocks import Cut, Line
    from planproof.plan.reading.drafts import Draft
    from planproof.plan.reading.fields import Label


_Shared = tuple[int, tuple[str, ...], str | None, str | None, str | None, float | None]
"""What a place holds."""
_new = tuple.__new__
"""Makes an item as its class does, in half the time."""
_OURS: Final = "planproof.plan.reading.dialects."
_LEADING: Final = frozenset("*_")
"""What a label can begin with."""
_LABELLED: Final = "*_SPDFEBRNOVTAGLI"
"""What a labelled value can begin with."""
_HIDDEN_BOX: Final = re.compile(r"[ \t>]*(?:[-*+]|[0-9]{1,9}[.)])[ \t]+\[[ xX~\->!?]\](?:[ \t]|\*|$)")
_LOOSE_BOX: Final = re.compile(r"(?:[0-9]{1,9}[.)][ \t]+)?\[[ xX]\][ \t]+\S")
_CELL_BOX: Final = re.compile(r"\|[ \t]*\[[ xX~]\][ \t]*\|")
_LINK: Final = re.compile(r"\[[^\[\]\n]{1,80}\][(:\[]")
_GOAL: Final = re.compile(r"goal$", re.IGNORECASE)
_TEST: Final = re.compile(r"independent test(?: criteria)?$", re.IGNORECASE)
_FRONT: Final = re.compile(
    rb"(?:\xef\xbb\xbf)?---[ \t]*\r?\n(.*?)^(?:---|\.\.\.)[ \t]*(?:\r?\n|\Z)", re.DOTALL | re.MULTILINE
)
_KEY: Final = re.compile(rb"\s*(?:#[^\n]*\n\s*)*[\w\"'-]+[ \t]*:")
MAX_LABEL: Final = 60
"""A line of so many letters that ends in a colon is the label of what follows it."""
_FRONT_LIMIT: Final = 262_144


class Engine:
    """Reads one file.

    Args:
        data: the file's bytes, checked already.
        path: where it lies, for the plan.
        plan_id: the plan's id.
        dialects: who is asked, in order.
    """

    def __init__(self, data: bytes, path: str, plan_id: str, dialects: Sequence[Dialect]) -> None:
        self.data = data
        self.path = path
        self.plan_id = plan_id
        self.context = Context(data)
        self.headers = [one.heading for one in dialects if type(one).heading is not Dialect.heading]
        self.box_takers = [one.box for one in dialects if type(one).box is not Dialect.box]
        bullets = [one for one in dialects if type(one).bullet is not Dialect.bullet]
        self.bullet_takers = [one.bullet for one in bullets]
        self.foreign = [one.bullet for one in bullets if not one.__module__.startswith(_OURS)]
        self.texts = [one.text for one in dialects if type(one).text is not Dialect.text]
        self.fences = [one.fence for one in dialects if type(one).fence is not Dialect.fence]
        self.metas = [one.meta for one in dialects if type(one).meta is not Dialect.meta]

    def read(self) -> Plan:
        """Read the file into a plan."""
        line, offset = self.front()
        steps = {HEADING: self.heading, TEXT: self.text, FENCE: self.fence, HTML: self.html}
        item = self.item
        data = self.data[offset:] if offset else self.data
        for block in scan(data, line=line, offset=offset):
            form = block.form
            if form is ITEM:
                item(block)
            elif form in steps:
                steps[form](block)
        return self.finish()

    def front(self) -> tuple[int, int]:
        """Read the front matter; returns line and offset of what follows it."""
        data = self.data
        skip = 3 if data.startswith(b"\xef\xbb\xbf") else 0
        if not data.startswith(b"---", skip):
            return 1, skip
        found = _FRONT.match(data[:_FRONT_LIMIT])
        if found is None or not _KEY.match(found[1]):
            return 1, skip
        block = Block(Form.META, 1, 0, found.end(), "---")
        block.tail = []
        at = found.start(1)
        for number, raw in enumerate(found[1].splitlines(keepends=True), start=2):
            block.tail.append((number, at, raw.decode().rstrip("\r\n")))
            at += len(raw)
        for meta in self.metas:
            if meta(block, self.context):
                break
        return 1 + data.count(b"\n", 0, found.end()), found.end()

    # -- blocks -------------------------------------------------------------------------------------

    def heading(self, block: Block) -> None:
        """A heading opens a section."""
        context = self.context
        if "<!--" in block.text:
            block.text = context.unpin(block.text)
        context.enter(block)
        for heading in self.headers:
            if heading(block, context):
                return

    def item(self, block: Block) -> None:
        """A list item: a statement, a labelled value, or a label for what is below it."""
        context = self.context
        text = block.text
        values: list[Line] = []
        if block.tail is not None:
            text = self.continued(block, values)
        owner = block.owner
        if owner is None:
            parent = context.section.task
            topic = context.label_topic or context.section.topic
        else:
            parent = owner.draft or self.parent(block)
            topic = owner.topic
        box = parse_box(text) if text[:1] == "[" else None
        if box is None:
            takers = self.listeners(block, text, parent, topic)
            if takers is None:
                return
        elif block.underlined:
            context.report(block.line, text, "a box in a heading inside a list is no task")
            return
        else:
            takers = self.box_takers
        if takers:
            self.take(Statement(block, text, box, parent, topic), takers)
        elif parent is not None and "`" in text:
            parent.add_files(paths_in(text))
        if values and block.draft is not None:
            for line in values:
                self.line_field(line, block.draft)

    def listeners(
        self, block: Block, text: str, parent: Draft | None, topic: str
    ) -> Sequence[Callable[[Statement, Context], bool]] | None:
        """Who is asked about a bullet; None where it is no statement: a malformed box, or a labelled value.

        One that may say something about phases is kept for the end.
        """
        context = self.context
        first = text[:1]
        if first == "[" and is_malformed(text):
            context.report(block.line, text, "a malformed box")
            return None
        led = first in _LEADING or (":" in text and text.find(":", 0, LABEL_LENGTH) >= 0)
        if led and self.labelled(block, text, parent):
            return None
        speaks = (
            topic
            or context.label_speaks
            or (parent is not None and (not parent.scope or parent.dialect == "summary"))
            or not nameless(text)
            or first in CLAIMING
            or "arallel" in text
            or (first.isupper() and text[:2].isupper() and keyword(text))
        )
        if (parent is None or speaks) and may_speak(text):
            context.overhear(text, block.line)
        return self.bullet_takers if speaks else self.foreign

    def take(self, statement: Statement, takers: Sequence[Callable[[Statement, Context], bool]]) -> None:
        """Ask the dialects in turn; the paths in what nobody takes belong to the item above."""
        context = self.context
        for taker in takers:
            if taker(statement, context):
                return
        parent = statement.parent
        if parent is not None and "`" in statement.text:
            parent.add_files(paths_in(statement.text))

    @staticmethod
    def continued(block: Block, values: list[Line]) -> str:
        """The text of an item of several lines; lines that are labelled values go to ``values``."""
        parts = [block.text]
        for cut in block.tail or ():
            text = cut[2]
            if text[:1] in _LABELLED and label(text) is not None:
                values.append(line_of(cut))
            else:
                parts.append(text)
        return " ".join(parts) if len(parts) > 1 else block.text

    def parent(self, block: Block) -> Draft | None:
        """The draft that a block belongs to: of the next outer list item, else the section's task."""
        owner = block.owner
        while owner is not None:
            if owner.draft is not None:
                return owner.draft
            owner = owner.owner
        return self.context.section.task

    def labelled(self, block: Block, text: str, parent: Draft | None) -> bool:
        """``- **File**: x`` is a field of what it stands below; ``- **Acceptance**:`` labels a list."""
        said = label(block.text)
        if said is None:
            return False
        if not said.value and block.tail is None:
            block.topic = topic_of(said.name)
            return bool(block.topic)
        if parent is not None and block.owner is None and self.needed(said, parent, block):
            return True
        parent = parent or promote(self.context, said.name, said.value)
        if parent is None or not (text[:1] == "_" or is_field(said.name)):
            return False
        first = block.head()
        for one in labels(said):
            self.context.take_field(parent, one.name, one.value, first)
        for line in block.more or ():
            further = label(line.text)
            if further is not None:
                self.context.take_field(parent, further.name, further.value, line)
            else:
                self.context.go_on(parent, said.name, line)
        return True

    def needed(self, said: Label, parent: Draft, block: Block) -> bool:
        """``- **Task:** TP-160`` in a task's own section about dependencies."""
        if self.context.section.topic != "dependencies" or said.name.lower() not in {"task", "tasks"}:
            return False
        self.context.take_field(parent, said.name, said.value, block.head())
        self.context.header_edges(parent, said.value, block.line, waits=True)
        return True

    def line_field(self, line: Line, draft: Draft) -> None:
        """A labelled line of an item's paragraph."""
        said = label(line.text)
        if said is None:
            return
        task = self.context.section.task
        # Right below a list, at the margin, stands what is said of the heading's task, not of the last step.
        if task is not None and draft.parent is task and is_field(said.name) and self.at_margin(line, draft):
            draft = task
        for one in labels(said):
            self.context.take_field(draft, one.name, one.value, line)

    def at_margin(self, line: Line, draft: Draft) -> bool:
        """Whether a line stands no further in than the list item whose text it goes on with."""
        data = self.context.data
        begin = data[line.start : line.start + 1]
        return not begin.isspace() and data[draft.start : draft.start + 1] in {b"-", b"*", b"+"}

    def text(self, block: Block) -> None:
        """A paragraph: labelled lines, tables, stray boxes."""
        context = self.context
        owner = self.parent(block) if block.owner is not None else context.section.task
        cuts = [(block.line, block.at, block.text), *(block.tail or ())]
        for cut in cuts:
            number, _, text = cut
            if text[:1] in "*_" or (":" in text and text.find(":", 0, LABEL_LENGTH) >= 0):
                said = label(text)
                if said is None and context.section.level <= 1 and block.owner is None:
                    said = preamble(text)
                if said is not None:
                    line = line_of(cut)
                    for one in labels(said):
                        self.labelled_line(block, one.name, one.value, line, owner)
                    continue
            self.loose(block, number, text)
        told = block.tail is not None or context.section.topic or context.label_topic or self.foreign
        for read in self.texts if told else ():
            if read(block, context):
                break
        if owner is None:
            self.overhear(block, cuts)

    def overhear(self, block: Block, cuts: list[Cut]) -> None:
        """What a paragraph says of phases is kept for the end; one with labels is read line by line."""
        if len(cuts) > 1 and not any(text[:2] == "**" for _, _, text in cuts[1:]):
            cuts = [(block.line, block.at, block.joined())]
        for number, _, text in cuts:
            if "|" not in text and may_speak(text):
                self.context.overhear(text, number)

    def loose(self, block: Block, number: int, text: str) -> None:
        """A line without a value: the label of what follows, or a box where none can stand."""
        if text[-1:] == ":" and len(text) <= MAX_LABEL and block.owner is None:
            self.context.relabel(text.rstrip(":"))
        elif text[:1] in "[0123456789" and _LOOSE_BOX.match(text) and not _LINK.match(text):
            self.context.report(number, text, "a box that stands in no list")
        elif "|" in text and "] " in text and _CELL_BOX.search(f"|{text}"):
            self.context.report(number, text, "a box in a table cell is no task")

    def labelled_line(self, block: Block, name: str, value: str, line: Line, owner: Draft | None) -> None:
        """``**Priority:** P0`` in a paragraph."""
        context = self.context
        if not value:
            if block.owner is not None:
                block.owner.topic = topic_of(name)
            else:
                context.relabel(name)
            return
        owner = owner or context.section.task or promote(context, name, value)
        story = context.section.story_draft if owner is None else None
        if name[:1] in "Ii" and _TEST.match(name):
            made = context.add("tasks", Kind.INDEPENDENT_TEST, block, value, parent=owner or story)
            made.line, made.start, made.end = line.number, line.start, self.line_end(line)
            block.draft = None
        elif owner is not None:
            context.take_field(owner, name, value, line)
            if name[:1] in "Cc":
                inline_item("work-plan", block, name, value, context)
        elif story is not None and _GOAL.match(name):
            context.put(story, name, value, line.number, line.start)
        else:
            context.put(None, name, value, line.number, line.start)
            if topic_of(name) == "parallel" or "after" in name.lower():
                context.relabel(name)
            if context.section.topic == "parallel" and len(members := only_references(value)) > 1:
                context.groups.append(GroupDraft(tuple(members), line.number, (), name))

    def line_end(self, line: Line) -> int:
        """Byte offset after a line."""
        return self.data.find(b"\n", line.start) + 1 or len(self.data)

    def fence(self, block: Block) -> None:
        """A code fence: a picture, JSON, or nothing for us; one that nothing closes is reported."""
        if not block.closed:
            hidden = sum(1 for row in block.inner() if _HIDDEN_BOX.match(row))
            self.context.report(
                block.line,
                block.marker * 3 + block.text,
                f"a code fence that nothing closes hides {boxes(hidden)}",
            )
        for fence in self.fences:
            if fence(block, self.context):
                return

    def html(self, block: Block) -> None:
        """An HTML block: it may pin the next item; an unclosed comment is reported."""
        if "planproof:" in block.text:
            self.context.unpin(" ".join(block.inner()))
        comment = block.text.startswith("<!--")
        if block.closed and (comment or "] " not in block.joined()):
            return
        hidden = sum(1 for row in block.inner() if _HIDDEN_BOX.match(row))
        if hidden:
            what = "a comment that nothing closes hides" if comment else "raw HTML holds"
            self.context.report(block.line, block.text, f"{what} {boxes(hidden)}")

    # -- the plan -----------------------------------------------------------------------------------

    def finish(self) -> Plan:
        """Name the items, resolve the edges, and freeze everything."""
        context = self.context
        if context.last or context.stages or context.wanted or context.promoted or context.sayings:
            self.last()
        name_all(context.drafts)
        dialects = self.dialects()
        parallel = self.settle()
        items = self.items()  # the drafts are gone before the edges come
        return Plan(
            id=self.plan_id,
            path=self.path,
            title=context.title or self.path.rsplit("/", 1)[-1].rsplit(".", 1)[0],
            dialects=dialects,
            items=items,
            edges=context.edges.edges(),
            parallel=parallel,
            headings=tuple(context.headings),
            fields=tuple(context.fields),
            unread=tuple(sorted(context.unread, key=lambda one: one.line)),
            source=self.data,
        )

    def last(self) -> None:
        """Do what had to wait for the names of all items, and put everything into the file's order."""
        context = self.context
        if context.last:
            names = frozenset(draft.name for draft in context.drafts if draft.name)
            for action in context.last:
                action(names)
        if context.promoted:
            settle(context)
        resolve_titles(context)
        raise_barriers(context)
        context.drafts.sort(key=attrgetter("line"))
        context.drafts.sort(key=attrgetter("start"))
        context.edges.sort()

    def settle(self) -> tuple[ParallelGroup, ...]:
        """Give all items their ids, put them into the edges, and make the parallel groups."""
        context = self.context
        resolve = self.resolver()
        context.edges.settle(resolve)
        return tuple(
            ParallelGroup(
                tuple(map(resolve, group.members)), group.line, tuple(map(resolve, group.after)), group.reason
            )
            for group in context.groups
        )

    def items(self) -> tuple[Item, ...]:
        """Drafts as items; each draft is let go as soon as it is used, so that a big plan is held once."""
        drafts = self.context.drafts
        items: list[Item] = []
        places: dict[_Shared, Place] = {}
        cut = len(self.plan_id) + 1
        drafts.reverse()
        while drafts:
            items.append(item_of(drafts.pop(), cut, places))
        return tuple(items)

    def dialects(self) -> tuple[str, ...]:
        """Those that were recognised, most items first."""
        counts = self.context.counts or dict.fromkeys((draft.dialect for draft in self.context.drafts), 1)
        return tuple(sorted(counts, key=lambda name: -counts[name]))

    def ids(self) -> dict[str, str]:
        """Names as written to ids; the definition wins over later uses of the same name."""
        prefix = f"{self.plan_id}:"
        known: dict[str, str] = {}
        for draft in self.context.drafts:
            draft.id = prefix + draft.local
            if draft.name:
                if draft.local == draft.name or draft.name not in known:
                    known[draft.name] = draft.id
                if "-" in draft.name:
                    self.spread(draft, known)
        return known

    @staticmethod
    def spread(draft: Draft, known: dict[str, str]) -> None:
        """An item whose id is a range stands for every id in it."""
        first, _, last = draft.name.partition("-")
        if last and first[:1].isalpha() and first[-1:].isdigit() and last[-1:].isdigit():
            for name in references(draft.name):
                known.setdefault(name, draft.id)

    def resolver(self) -> Callable[[Draft | str], str]:
        """What makes an id of one end of an edge."""
        ids, plan_id = self.ids(), self.plan_id

        def resolve(end: Draft | str) -> str:
            if not isinstance(end, str):
                return end.id
            found = ids.get(end)
            if found is None:
                other = end.partition("-")[2] if end.startswith("Task-") else f"Task-{end}"
                found = ids.get(other) or f"{plan_id}:{end}"
            return found

        return resolve


def item_of(draft: Draft, cut: int, places: dict[_Shared, Place]) -> Item:
    """A draft as an item.

    Args:
        draft: it, with its id.
        cut: how many letters of the id stand before the local name.
        places: those that other items have already.
    """
    start, box, aside, parent = draft.start, draft.box, draft.aside, draft.parent
    effort = None if aside is None else aside.effort
    shared = (cut, draft.labels, draft.phase, draft.story, draft.priority, effort)
    place = places.get(shared)
    if place is None:
        place = places[shared] = Place(*shared)
    return _new(
        Item,
        (
            draft.id,
            draft.kind,
            draft.claim if aside is None and box is not None else weighed(draft),
            draft.text,
            draft.line,
            start,
            draft.end - start,
            None if box is None else box - start,
            None if parent is None else parent.id,
            place,
            draft.paths,
            tuple(aside.fields) if aside is not None and aside.fields else (),
        ),
    )


def weighed(draft: Draft) -> Claim:
    """What an item claims: its box first; a status may say more of an open one; then status, then steps."""
    aside = draft.aside
    said = None if aside is None else aside.said
    if draft.box is not None:
        if draft.claim is Claim.OPEN and said is not None and said is not Claim.DONE:
            return said
        return draft.claim
    if said is not None:
        return said
    if draft.dialect in {"task-headings", "work-plan"} and draft.kind in {Kind.TASK, Kind.STEP}:
        return Claim.NONE if aside is None else derived_claim(aside.boxes, aside.ticked)
    return draft.claim


def boxes(count: int) -> str:
    """``1 box``, ``3 boxes``."""
    return "1 box" if count == 1 else f"{count} boxes"
