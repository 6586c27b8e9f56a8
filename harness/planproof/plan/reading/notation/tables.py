"""Tables of tasks: a column of ids, and columns of dependencies, status, priority, effort, files."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from planproof.plan.model import Kind, Origin
from planproof.plan.reading.kinds import STORY, kind_of_name
from planproof.plan.reading.leads import lead
from planproof.plan.reading.notation.references import NOTE, references
from planproof.plan.reading.notation.stages import stages
from planproof.plan.reading.notation.titles import Wanted, says_nothing


if TYPE_CHECKING:
    from collections.abc import Sequence

    from planproof.plan.reading.blocks import Block, Line
    from planproof.plan.reading.context import Context


_ID_COLUMN: Final = re.compile(
    r"(?:id|#|no\.?|task(?: id)?|tasks|wp|work package|ticket|step|subtask|item|story)$"
)
_WAITS: Final = re.compile(
    r"dependenc(?:y|ies)|depends(?: on)?|blocked by|prerequisites?|requires|after$|deps"
)
_BLOCKS: Final = re.compile(r"blocks|unblocks")
_STATUS: Final = re.compile(r"status|state$")
_COUNT: Final = re.compile(r"[0-9]{1,5}$")
_TEXT: Final = re.compile(
    r"(?:feature|description|task|title|name|summary|what|work|item)s?(?: name| title)?$"
)


def read_task_table(
    dialect: str, block: Block, rows: Sequence[tuple[Line, list[str]]], context: Context
) -> bool:
    """Read a table whose rows are tasks; rows of tasks that stand elsewhere give edges only."""
    header = [cell.strip(" *_`").lower() for cell in rows[0][1]]
    at = next((index for index, cell in enumerate(header) if _ID_COLUMN.match(cell)), None)
    waits = [index for index, cell in enumerate(header) if _WAITS.search(cell)]
    blocks = [index for index, cell in enumerate(header) if _BLOCKS.match(cell)]
    status = [index for index, cell in enumerate(header) if _STATUS.search(cell)]
    if at is None or not (waits or blocks or status):
        return False
    title = next((index for index, cell in enumerate(header) if index != at and _TEXT.match(cell)), at)
    taken = False
    for line, cells in rows[1:]:
        if len(cells) <= max(at, title):
            continue
        name = lead(cells[at].strip()).name or "".join(references(cells[at])[:1]) or _bare(cells[at])
        if not name:
            continue
        taken = True
        _edges(name, cells, waits, line, context, forward=True)
        _edges(name, cells, blocks, line, context, forward=False)
        row = _Row(dialect, block, line, header, cells, at, title)
        row.later(name, context)
    return taken


def _bare(cell: str) -> str:
    """A bare number in a column of ids."""
    bare = cell.strip(" *_`#")
    return bare if _COUNT.match(bare) else ""


def _edges(
    name: str, cells: list[str], columns: list[int], line: Line, context: Context, *, forward: bool
) -> None:
    for column in columns:
        if column >= len(cells):
            continue
        cell = NOTE.sub(" ", cells[column])
        phases = stages(cell)
        context.staging = context.staging or bool(phases)
        others = (*references(cell, numbers=name[0].isdigit()), *phases)
        for other in others:
            before, after = (other, name) if forward else (name, other)
            context.edge(before, after, line.number, Origin.TABLE, certain=True)
        if not (others or says_nothing(cell)):
            context.wanted.append(Wanted(cell, name, line.number, Origin.TABLE, forward, loud=True))


class _Row:
    """One row, kept until it is known whether its task stands elsewhere."""

    def __init__(
        self, dialect: str, block: Block, line: Line, header: list[str], cells: list[str], at: int, title: int
    ) -> None:
        self.dialect, self.block, self.line = dialect, block, line
        self.header, self.cells, self.at, self.title = header, cells, at, title
        self.heading: tuple[str, ...] = ()

    def later(self, name: str, context: Context) -> None:
        """Make the item at the end, unless something else made it."""
        section = context.section

        def make(names: frozenset[str]) -> None:
            if name in names:
                return
            context.section = section
            self.make(name, context)

        context.finally_do(make)

    def make(self, name: str, context: Context) -> None:
        """The row as an item with its cells as fields."""
        said = lead(self.cells[self.at].strip())
        text = said.text if self.title == self.at else self.cells[self.title].strip()
        draft = context.add(self.dialect, Kind.TASK, self.block, text or name, said=said._replace(name=name))
        draft.scope = said.scope or "global"
        draft.line, draft.start = self.line.number, self.line.start
        draft.end = context.data.find(b"\n", self.line.start) + 1 or len(context.data)
        for label, cell in zip(self.header, self.cells, strict=False):
            value = cell.strip()
            if value and label and label not in {self.header[self.at], self.header[self.title]}:
                if _WAITS.search(label) or _BLOCKS.match(label):
                    context.put(draft, label, value, self.line.number, self.line.start)
                else:
                    context.take_field(draft, label, value, self.line)
        if draft.said is None and kind_of_name(name) is STORY:
            draft.kind, draft.story = STORY, name.replace("-", "")  # it stands for its tasks
