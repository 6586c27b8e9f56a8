"""The *tasks* dialect: ``- [x] T005 [P] [US1] text in path`` under ``## Phase 3: ... (P1)``."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Final

from planproof.plan.model import Origin
from planproof.plan.reading.blocks import line_of
from planproof.plan.reading.dialect import Dialect
from planproof.plan.reading.drafts import GroupDraft
from planproof.plan.reading.kinds import REFERENCE_TOPICS, STORY, TASK, kind_of_name
from planproof.plan.reading.leads import Lead
from planproof.plan.reading.notation.arrows import has_arrow, read_arrows
from planproof.plan.reading.notation.prose import read_orders
from planproof.plan.reading.notation.references import references
from planproof.plan.reading.notation.together import read_together


if TYPE_CHECKING:
    from planproof.plan.reading.blocks import Block
    from planproof.plan.reading.context import Context, Statement


_STORY_HEADING: Final = re.compile(
    r"(?:^|Phase [0-9A-Z.]+\s*[:—–-]\s*)User Story\s+([0-9]+)\b", re.IGNORECASE
)
_AFTER: Final = re.compile(r"\b(?:after|once|when)\b", re.IGNORECASE)


class Tasks(Dialect):
    """Task lists with ids such as T001, stories, phases and lists of what runs in parallel."""

    name: ClassVar[str] = "tasks"

    def heading(self, block: Block, context: Context) -> bool:
        """A story's heading is an item; a goal and a test may follow."""
        section = context.section
        if section.story is None:
            return False
        found = _STORY_HEADING.search(section.text)
        if found is None or not section.slugs:
            return False
        story = f"US{int(found[1])}"
        if story in context.stories:
            return False
        text = section.text[found.end() :].strip(" \t:—–-") or section.text
        draft = context.add(self.name, STORY, block, text, said=Lead(story, "global", (), text))
        draft.story = story
        section.story_draft = draft
        return True

    def box(self, statement: Statement, context: Context) -> bool:
        """A box with an id."""
        lead = statement.lead
        if lead.scope != "global":
            return False
        context.add_statement(self.name, kind_of_name(lead.name) or TASK, statement)
        return True

    def bullet(self, statement: Statement, context: Context) -> bool:
        """A line of the lists about order."""
        if statement.topic not in REFERENCE_TOPICS and "arallel" not in statement.text:
            return False
        return (
            self.together(statement, context)
            or self.chain(statement, context)
            or self.ordered(statement, context)
        )

    @staticmethod
    def ordered(statement: Statement, context: Context) -> bool:
        """``- T005 after T003`` in a list about dependencies."""
        if statement.topic not in {"dependencies", "parallel"} or statement.box is not None:
            return False
        orders = read_orders(statement.text)
        for before, after, certain in orders:
            context.edge(before, after, statement.block.line, Origin.PROSE, certain=certain)
        return bool(orders)

    def together(self, statement: Statement, context: Context) -> bool:
        """``- T003, T004 can run in parallel (independent files)``."""
        text = statement.text
        listed = statement.topic == "parallel"
        if not listed and "arallel" not in text:
            return False
        said = read_together(text, listed=listed)
        label = references(context.label) if context.label and _AFTER.search(context.label) else []
        for members, after, reason in said:
            context.groups.append(GroupDraft(members, statement.block.line, after or tuple(label), reason))
        return bool(said)

    def chain(self, statement: Statement, context: Context) -> bool:
        """``- T001 -> T002 (why)`` in a list about dependencies."""
        if statement.topic not in REFERENCE_TOPICS or not has_arrow(statement.text):
            return False
        block = statement.block
        line = line_of((block.line, block.at, statement.text))
        arrows = read_arrows(statement.text, lambda: context.cut(line))
        sure = statement.topic == "dependencies"
        context.staging = True
        for arrow in arrows:
            context.edge(
                arrow.before,
                arrow.after,
                block.line,
                Origin.ARROWS,
                certain=arrow.certain and sure,
            )
        return bool(arrows)

    def text(self, block: Block, context: Context) -> bool:
        """Arrows in a paragraph about dependencies."""
        if context.section.topic != "dependencies" and context.label_topic != "dependencies":
            return False
        for before, after, certain in read_orders(block.joined()) if "|" not in block.text else ():
            context.edge(before, after, block.line, Origin.PROSE, certain=certain)
        for line in block.lines():
            if not has_arrow(line.text):
                continue
            context.staging = True
            for arrow in read_arrows(line.text, partial(context.cut, line)):
                context.edge(arrow.before, arrow.after, line.number, Origin.ARROWS, certain=arrow.certain)
        return False
