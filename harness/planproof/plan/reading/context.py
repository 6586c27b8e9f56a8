"""Where the reader stands in a file, and what dialects may write down."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from planproof.plan.model import Claim, Field, Heading, Kind, Origin, Span, Unread
from planproof.plan.reading import words
from planproof.plan.reading.boxes import Box, box_claim
from planproof.plan.reading.drafts import Draft, EdgeDrafts, GroupDraft
from planproof.plan.reading.fields import Role, role_of, topic_of
from planproof.plan.reading.kinds import CRITERION, DETAIL, NOTE, RISK, STEP, STORY, TASK
from planproof.plan.reading.leads import Lead, lead
from planproof.plan.reading.notation.prose import foreign, has_wait, read_waits
from planproof.plan.reading.notation.references import NOTE as NOTES
from planproof.plan.reading.notation.references import only_numbers, references
from planproof.plan.reading.notation.stages import Saying, Stage, may_speak, stage_heading, stages
from planproof.plan.reading.notation.titles import Wanted, first_saying, is_clear, says_nothing, waited_for


if TYPE_CHECKING:
    from collections.abc import Callable

    from planproof.plan.reading.blocks import Block, Line


_new: Final = tuple.__new__
_DONE: Final = Claim.DONE
STATUS, PRIORITY, FILES, EFFORT, OF_STORY, WAITS, BLOCKS, OTHER = Role
"""By name, for asked of their classes they cost five times as much."""
EVERYWHERE: Final = frozenset({CRITERION, NOTE, DETAIL, RISK})
"""Kinds that stand in plans of every dialect and say nothing of which it is."""
_PHASE: Final = re.compile(
    r"(?:^|[\s:—–-])((?:Phase|Stage|Milestone|Sprint|Iteration)\s+(?:[0-9]{1,4}(?:\.[0-9]{1,4})*[a-z]?|[A-Z]\b))",
    re.IGNORECASE,
)
_CLAIM_MARKS: Final = re.compile(r"^\[[^\]]?\][ \t]*|[ \t]*\[[A-Za-z _-]{1,20}\]$")
_STORY: Final = re.compile(r"\bUser Story\s+([0-9]{1,4})\b|\bUS-?([0-9]{1,4})\b", re.IGNORECASE)
_STORY_LABEL: Final = re.compile(r"US-?[0-9]{1,4}$", re.IGNORECASE)
_PRIORITY_LABEL: Final = re.compile(r"P[0-9]$")
_PIN: Final = re.compile(r"<!--\s*planproof:\s*id=([\w./#-]{1,120})\s*-->")


class Section:
    """A heading and what holds for everything below it.

    Attributes:
        level: of the heading.
        text: of the heading, without links' targets and comments.
        slugs: of all headings above and of this one, without the document's title.
        topic: what it is about, see :func:`planproof.plan.reading.fields.topic_of`.
        phase, story, priority: inherited by the items below.
        task: the task that the heading is, or that holds it.
        story_draft: the story item that it opened, if any.
        headed: ``task`` was made by this very heading.
        said: its lead, once somebody asked for it.
        staged, own_story: its own words name a phase, a story.
        block: where it stands.
    """

    __slots__ = (
        "block",
        "headed",
        "level",
        "own_story",
        "phase",
        "priority",
        "said",
        "slugs",
        "staged",
        "story",
        "story_draft",
        "task",
        "text",
        "topic",
    )

    def __init__(self, level: int, text: str, above: Section | None, *, title: bool = False) -> None:
        self.level = level
        self.text = text
        self.headed = self.staged = self.own_story = False
        self.said: Lead | None = None
        self.block: Block | None = None
        self.task: Draft | None = above.task if above is not None else None
        self.story_draft: Draft | None = above.story_draft if above is not None else None
        self.phase: str | None = above.phase if above is not None else None
        self.story: str | None = above.story if above is not None else None
        self.priority: str | None = above.priority if above is not None else None
        self.topic: str = above.topic if above is not None else ""
        self.slugs: tuple[str, ...] = above.slugs if above is not None else ()
        if not text:
            return
        if title:
            self.topic = ""
        else:
            # What ticking changes is no part of a name.
            bare = _CLAIM_MARKS.sub("", text) if "[" in text else text
            self.slugs = (*self.slugs, words.slug(bare))
            self.topic = topic_of(text) or self.topic
        lower = words.small_latin(text)
        found = None
        if (
            "phase" in lower
            or "stage" in lower
            or "milest" in lower
            or "sprint" in lower
            or "iterat" in lower
        ):
            found = _PHASE.search(text)
        if found is not None:
            self.phase, self.staged = " ".join(found[1].split()), True
        elif not title and self.phase is None:
            self.phase = text
        story = _STORY.search(text) if "user story" in lower or "US" in text else None
        if story is not None:
            self.story, self.own_story = f"US{story[1] or story[2]}", True
        if "(" in text or "riority" in text:
            self.priority = words.heading_priority(text) or self.priority

    @property
    def lead(self) -> Lead:
        """Its id, if it has one, and its title."""
        said = self.said
        if said is None:
            text = self.text
            said = self.said = lead(text if text.isascii() else words.without_emoji(text))
        return said


@lru_cache(maxsize=1024)
def speaks(label: str) -> bool:
    """Whether a label above a list says something of its members: a state, or what they come after."""
    return words.state_word(label) is not None or "fter" in label


class Statement:
    """One list item as dialects see it.

    Attributes:
        block: where it stands.
        text: its lines joined, without the lines that are labelled values.
        box: its status box, if it has one.
        lead: id and labels taken off.
        parent: the draft that it stands below: of an outer list item, else of the section's task.
        topic: what the list around it is about.
        nested: it stands inside another list item.
    """

    __slots__ = ("block", "box", "lead", "nested", "parent", "text", "topic")

    def __init__(self, block: Block, text: str, box: Box | None, parent: Draft | None, topic: str) -> None:
        self.block = block
        self.text = text
        self.box = box
        self.lead: Lead = lead(box.rest if box is not None else text)
        self.parent = parent
        self.topic = topic
        self.nested = block.owner is not None


class Context:
    """What is known while a file is read; dialects write through its methods.

    Attributes:
        data: the file's bytes.
        foreign: it may hold words of another script.
        section: the innermost heading.
        label_topic, label: of the label line before a list, e.g. ``**Deliverables:**``.
        drafts, edges, groups, fields, unread, headings: what was found so far.
        counts: how many items each dialect made.
        stages, sayings: headings such as ``Phase 2: Base``, and lines that may say what waits for them.
        staging: an edge names a stage.
        wanted: names that stand where an id could.
        stories: names of the stories among the drafts.
        exported: the task of a file that was exported as headings.
        promoted: headings that were taken for tasks because of their fields, with path and level.
        nicknames: labels of a chart's nodes, by the node's own name.
    """

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.foreign = foreign(data)
        self.title = ""
        self.section = Section(0, "", None, title=True)
        self.sections: list[Section] = [self.section]
        self.label_topic = ""
        self.label = ""
        self.label_speaks = False
        self.pin = ""
        self.drafts: list[Draft] = []
        self.edges = EdgeDrafts()
        self.groups: list[GroupDraft] = []
        self.fields: list[Field] = []
        self.unread: list[Unread] = []
        self.headings: list[Heading] = []
        self.counts: dict[str, int] = {}
        self.labels: dict[tuple[str, ...], tuple[tuple[str, ...], str | None, str | None]] = {}
        self.last: list[Callable[[frozenset[str]], None]] = []
        self.stages: list[Stage] = []
        self.sayings: list[Saying] = []
        self.staging = False
        self.wanted: list[Wanted] = []
        self.nicknames: dict[str, str] = {}
        self.exported: Draft | None = None
        self.stories: set[str] = set()
        self.promoted: list[tuple[Draft, tuple[str, ...], int]] = []

    # -- moving on ----------------------------------------------------------------------------------

    def enter(self, block: Block) -> None:
        """A heading: close the sections that end here, open its own."""
        text = block.text
        if "<!--" in text or "](" in text:
            text = words.plain(text)
        text = text.strip()
        self.headings.append(_new(Heading, (block.level, text, block.line)))
        sections = self.sections
        while len(sections) > 1 and sections[-1].level >= block.level:
            sections.pop()
        title = block.level == 1 and not self.title
        if not self.title:
            self.title = text
        section = self.section = Section(block.level, text, sections[-1], title=title)
        section.block = block
        sections.append(section)
        if section.staged:
            self.stage(block, section)
        self.relabel("")

    def stage(self, block: Block, section: Section) -> None:
        """A heading such as ``Phase 2: Base`` is remembered; whether it matters is seen at the end."""
        found = stage_heading(section.text)
        if found is not None:
            story = section.story if section.story and _STORY.search(found[1]) else ""
            place = (block.line, block.start, block.end)
            self.stages.append(Stage(*found, story or "", *place, section.slugs))
            self.staging = self.staging or may_speak(section.text)

    def overhear(self, text: str, line: int) -> None:
        """Keep a line that may say what waits for a phase."""
        section = self.section
        about = "dependencies" in {section.topic, self.label_topic} or section.topic == "parallel"
        self.sayings.append(Saying(text, line, section.slugs, about))

    def relabel(self, name: str) -> None:
        """A label line stands before what follows; "" where none does any more."""
        self.label = name
        self.label_topic = topic_of(name) if name else ""
        self.label_speaks = bool(name) and speaks(name)

    # -- writing ------------------------------------------------------------------------------------

    def add(
        self,
        dialect: str,
        kind: Kind,
        block: Block,
        text: str,
        *,
        said: Lead | None = None,
        parent: Draft | None = None,
    ) -> Draft:
        """Write down an item.

        Args:
            dialect: name of the dialect that read it.
            kind: what it is.
            block: where it stands.
            text: its statement.
            said: id and labels, where it has them.
            parent: the item that it belongs to.
        """
        if "<!--" in text:
            text = self.unpin(text)
        draft = Draft(kind, text, block.line, block.start, block.end)
        section = self.section
        draft.dialect = dialect
        draft.parent = parent
        draft.phase, draft.story, draft.priority = section.phase, section.story, section.priority
        draft.heading = section.slugs
        if said is not None:
            draft.name, draft.scope = said.name, said.scope
            if kind is STORY:
                self.stories.add(said.name)
            if said.labels:
                self.take_labels(draft, said.labels)
        if parent is not None:
            aside = parent.aside or parent.apart()
            aside.first = aside.first or text
            draft.story = parent.story or draft.story
            draft.priority = draft.priority or parent.priority
        if "." in text or "/" in text:
            paths = words.paths_in(text)
            draft.paths = paths[0] if len(paths) == 1 else paths
        if not text.isascii() and words.may_show_emoji(text):
            self.take_emoji(draft, block, text)
        if self.pin:
            draft.pin, self.pin = self.pin, ""
        self.drafts.append(draft)
        block.draft = draft
        if kind not in EVERYWHERE:
            self.counts[dialect] = self.counts.get(dialect, 0) + 1
        return draft

    def add_statement(self, dialect: str, kind: Kind, statement: Statement) -> Draft:
        """Write down a list item with its box, its estimate and what it says about dependencies."""
        block, box = statement.block, statement.box
        draft = self.add(
            dialect,
            kind,
            block,
            statement.lead.text or statement.lead.name,
            said=statement.lead,
            parent=statement.parent,
        )
        text = statement.text
        if box is not None:
            draft.claim = box_claim(box)
            draft.box = self.data.index(b"[", block.at) + 1
            parent = statement.parent
            if parent is not None:
                aside = parent.aside or parent.apart()
                aside.boxes += 1
                aside.ticked += draft.claim is _DONE
        if kind is TASK or kind is STEP:
            effort = words.effort_in_text(text)
            if effort is not None:
                draft.effort = effort
        begin = has_wait(text, foreign=self.foreign)
        if begin >= 0:
            for wait in read_waits(text, numbers=draft.scope == "number", begin=begin):
                if wait.title:
                    self.wanted.append(
                        Wanted(wait.name, draft, block.line, Origin.PROSE, wait.waits, loud=False)
                    )
                    continue
                before, after = (wait.name, draft) if wait.waits else (draft, wait.name)
                self.staging = self.staging or wait.stage
                self.edges.add(before, after, block.line, Origin.PROSE, certain=wait.certain)
        return draft

    def take_labels(self, draft: Draft, labels: tuple[str, ...]) -> None:
        """Labels say story and priority too."""
        known = self.labels.get(labels)
        if known is None:
            story = next((name.upper().replace("-", "") for name in labels if _STORY_LABEL.match(name)), None)
            priority = next((name for name in labels if _PRIORITY_LABEL.match(name)), None)
            known = self.labels[labels] = (labels, story, priority)
        draft.labels = known[0]
        draft.story = known[1] or draft.story
        draft.priority = known[2] or draft.priority

    def take_emoji(self, draft: Draft, block: Block, text: str) -> None:
        """A status sign at either end of a statement is a claim; the sign is kept as a field."""
        claim = words.emoji_claim(text)
        if claim is None:
            return
        draft.said = claim
        sign = words.emoji_sign(text)
        raw = sign.encode()
        leads = text.lstrip(" \t*_").startswith(sign)
        find = self.data.find if leads else self.data.rfind
        start = find(raw, block.at, block.end)
        if start >= 0:
            line = block.line + self.data.count(b"\n", block.start, start)
            self.put_at(draft, "emoji", sign, line, start)

    def put(self, draft: Draft | None, name: str, value: str, line: int, at: int) -> None:
        """Keep a labelled value, of an item or of the plan; ``at`` is the byte offset of its line."""
        data, key, raw = self.data, name.encode(), value.encode()
        begin = data.find(key, at, at + 400)
        # Behind its name where that stands in the line, else anywhere in it.
        begin = at if begin < 0 or data.find(b"\n", at, begin) >= 0 else begin + len(key)
        start = data.find(raw, begin) if raw else begin
        start = begin if start < 0 else start
        self.keep(draft, name, value, line, start, start + len(raw))

    def put_at(self, draft: Draft | None, name: str, value: str, line: int, start: int) -> None:
        """Keep a value whose byte offset is known."""
        self.keep(draft, name, value, line, start, start + len(value.encode()))

    def keep(self, draft: Draft | None, name: str, value: str, line: int, start: int, end: int) -> None:
        """Write down a labelled value and the bytes where it stands."""
        # Made as their classes do, in half the time.
        field = _new(Field, (name, value, line, _new(Span, (start, end))))
        if draft is None:
            self.fields.append(field)
            return
        aside = draft.aside or draft.apart()
        if aside.fields is None:
            aside.fields = [field]
        else:
            aside.fields.append(field)

    def take_field(self, draft: Draft, name: str, value: str, line: Line) -> None:
        """A labelled value of an item: keep it, and read those that mean something to everybody."""
        self.put(draft, name, value, line.number, line.start)
        role = role_of(name)
        if role is OTHER:
            return
        if role is STATUS:
            draft.said = words.status_claim(value) or draft.said
        elif role is PRIORITY:
            draft.priority = words.priority_of(value) or draft.priority
        elif role is FILES:
            draft.add_files(words.paths_in(value))
        elif role is EFFORT:
            draft.effort = words.parse_effort(value)
        elif role is OF_STORY:
            story = _STORY.search(value)
            draft.story = f"US{story[1] or story[2]}" if story else draft.story
        else:
            self.header_edges(draft, value, line.number, waits=role is WAITS)

    def go_on(self, draft: Draft, name: str, line: Line) -> None:
        """A further line of a field's value: paths and ids in it count as well."""
        role = role_of(name)
        if role is FILES:
            draft.add_files(words.paths_in(line.text))
        elif role is WAITS or role is BLOCKS:
            self.header_edges(draft, line.text, line.number, waits=role is WAITS)

    def header_edges(self, draft: Draft, value: str, line: int, *, waits: bool) -> None:
        """Edges of a dependency field."""
        bare = first_saying(waited_for(NOTES.sub(" ", value) if "(" in value else value))
        names = references(bare)
        # Among words a number counts something: "**After**: lists of 150-250 lines".
        if not names and only_numbers(bare):
            names = references(bare, numbers=True)
        phases = stages(bare)
        self.staging = self.staging or bool(phases)
        named = (*names, *phases)
        clear = bool(named) and is_clear(bare)
        for name in named:
            before, after = (name, draft) if waits else (draft, name)
            self.edges.add(before, after, line, Origin.HEADER, certain=clear)
        if not (named or says_nothing(bare)):
            self.wanted.append(Wanted(bare, draft, line, Origin.HEADER, waits, loud=True))

    def edge(
        self, before: Draft | str, after: Draft | str, line: int, origin: Origin, *, certain: bool
    ) -> None:
        """Write down that ``after`` waits for ``before``."""
        self.edges.add(before, after, line, origin, certain=certain)

    def report(self, line: int, text: str, reason: str) -> None:
        """Write down a line that looks like part of a plan and is not understood."""
        self.unread.append(Unread(line, text.strip()[:200], reason))

    def cut(self, line: Line) -> None:
        """Say that a line stands for more edges than are read."""
        self.report(line.number, line.text, "too many edges in one line; they are not read to the end")

    def unpin(self, text: str) -> str:
        """Take comments out of a text; one that pins an id is remembered for the next draft."""
        found = _PIN.search(text)
        if found is not None:
            self.pin = found[1]
        return words.uncomment(text)

    def finally_do(self, action: Callable[[frozenset[str]], None]) -> None:
        """Do something once the ids of all items are known; it is given the names as written."""
        self.last.append(action)
