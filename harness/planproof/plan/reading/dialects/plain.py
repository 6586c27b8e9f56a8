"""The *plain* dialect: any task list, Mermaid charts, tables with dependencies, YAML front matter."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar, Final

from planproof.plan.model import Origin
from planproof.plan.reading.dialect import Dialect
from planproof.plan.reading.dialects.work_plan import table_rows
from planproof.plan.reading.kinds import (
    CRITERION,
    DETAIL,
    NOTE,
    REFERENCE_TOPICS,
    RISK,
    STEP,
    TASK,
    TOPIC_KINDS,
    kind_of_name,
)
from planproof.plan.reading.leads import lead
from planproof.plan.reading.notation.arrows import has_arrow, read_arrows
from planproof.plan.reading.notation.front_matter import read_front_matter
from planproof.plan.reading.notation.mermaid import read_mermaid
from planproof.plan.reading.notation.references import references
from planproof.plan.reading.notation.tables import read_task_table
from planproof.plan.reading.notation.trees import MAX_COLUMNS, MAX_ROWS, is_tree, read_tree
from planproof.plan.reading.words import keyword, keyword_claim


if TYPE_CHECKING:
    from collections.abc import Sequence

    from planproof.plan.reading.blocks import Block, Line
    from planproof.plan.reading.context import Context, Statement


_PICTURES: Final = frozenset({"", "text", "txt", "plain", "plaintext", "ascii", "graph", "diagram", "tree"})
MAX_TEXT: Final = 100_000
"""So many letters of a line are looked at for ids, where a picture is too large to be read."""


class Plain(Dialect):
    """What any Markdown may hold."""

    name: ClassVar[str] = "plain"

    def box(self, statement: Statement, context: Context) -> bool:
        """Every box that nothing else took."""
        kind = TOPIC_KINDS.get(statement.topic, TASK if statement.parent is None else STEP)
        context.add_statement(self.name, NOTE if kind is RISK else kind, statement)
        return True

    def bullet(self, statement: Statement, context: Context) -> bool:
        """A bullet with an id, a criterion, a detail of the item above."""
        said, topic, parent = statement.lead, statement.topic, statement.parent
        if keyword(statement.text):
            return self.worded(statement, context)
        listed = topic in REFERENCE_TOPICS or topic in {"notes", "risks"}
        if said.scope == "global" and said.text and not listed and not has_arrow(said.text):
            self.named(statement, context)
            return True
        if topic == "criteria" and not statement.nested:
            context.add_statement(self.name, CRITERION, statement)
            return True
        if parent is not None and not parent.scope and topic not in REFERENCE_TOPICS:
            context.add_statement(self.name, DETAIL, statement)
            return True
        return False

    def worded(self, statement: Statement, context: Context) -> bool:
        """``- TODO: buy milk``: the word is the claim."""
        block, word = statement.block, keyword(statement.text)
        statement.lead = lead(statement.text[len(word) :].lstrip(": \t"))
        kind = TASK if statement.parent is None else STEP
        draft = context.add_statement(self.name, kind, statement)
        draft.said = keyword_claim(word)
        context.put_at(draft, "status", word, block.line, context.data.index(word.encode(), block.at))
        return True

    def named(self, statement: Statement, context: Context) -> None:
        """A bullet with an id and no box is a task unless one of that id stands elsewhere."""
        section, name = context.section, statement.lead.name

        def make(names: frozenset[str]) -> None:
            if name not in names:
                context.section = section
                context.add_statement(self.name, kind_of_name(name) or TASK, statement)

        context.finally_do(make)

    def text(self, block: Block, context: Context) -> bool:
        """A table whose rows are tasks."""
        if block.tail is None or ("|" not in block.text and "|" not in block.tail[0][2]):
            return False
        rows = table_rows(block)
        return len(rows) > 1 and read_task_table(self.name, block, rows, context)

    def fence(self, block: Block, context: Context) -> bool:
        """A chart, or a picture drawn with characters."""
        info = block.text.lower().split(" ")[0]
        if info == "mermaid":
            return read_mermaid(block, context)
        if info not in _PICTURES:
            return False
        rows = block.inner()
        if not (has_arrow("\n".join(rows)) or is_tree(rows)):
            return False
        if len(rows) > MAX_ROWS or any(len(row) > MAX_COLUMNS for row in rows):
            context.finally_do(partial(self.unread, block.lines(), context))
            return False
        topic = context.label_topic or context.section.topic
        self.picture(block, context, sure=topic == "dependencies")
        return True

    @staticmethod
    def unread(lines: Sequence[Line], context: Context, names: frozenset[str]) -> None:
        """A picture that is too large is reported where it ties tasks of the plan to each other."""
        for line in lines:
            if has_arrow(line.text) and sum(name in names for name in references(line.text[:MAX_TEXT])) > 1:
                size = f"{MAX_ROWS:,} rows or {MAX_COLUMNS:,} columns"
                context.report(line.number, line.text, f"a picture of more than {size} is not read")
                return

    @staticmethod
    def picture(block: Block, context: Context, *, sure: bool) -> None:
        """Edges between known ids; in a section about dependencies between any."""
        lines = block.lines()
        context.staging = True

        def make(names: frozenset[str]) -> None:
            known = names.union(stage.name for stage in context.stages)
            if is_tree(block.inner()):
                tied = read_tree(lines, context.cut, known=None if sure else known)
                found = [(*branch, Origin.TREE) for branch in tied]
            else:
                found = [
                    (arrow.before, arrow.after, line.number, arrow.certain, Origin.ARROWS)
                    for line in lines
                    for arrow in read_arrows(line.text, partial(context.cut, line))
                ]
            for before, after, line, certain, origin in found:
                if sure or (before in known and after in known):
                    context.edge(before, after, line, origin, certain=certain)

        context.finally_do(make)

    def meta(self, block: Block, context: Context) -> bool:
        """Front matter: the plan's fields and what it waits for."""
        return read_front_matter(block, context)
