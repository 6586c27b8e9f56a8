"""The *work plan* dialect: ``### IMPL_001: Title`` with labelled lists: deliverables, criteria, scenarios."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar, Final

from planproof.plan.reading.dialect import Dialect
from planproof.plan.reading.kinds import (
    CONTRACT,
    COVERAGE,
    CRITERION,
    DELIVERABLE,
    INVARIANT,
    NOTE,
    REFERENCE_TOPICS,
    RISK,
    TASK,
    TOPIC_KINDS,
    kind_of_name,
)
from planproof.plan.reading.leads import Lead, lead
from planproof.plan.reading.notation.references import only_references
from planproof.plan.reading.words import CLAIMING


if TYPE_CHECKING:
    from planproof.plan.reading.blocks import Block, Line
    from planproof.plan.reading.context import Context, Statement
    from planproof.plan.reading.drafts import Draft


_MARKER: Final = re.compile(r"(?!T[0-9]|TASK|WP[0-9])[A-Z]{2,10}[-_][A-Z0-9_-]*[0-9]")
_UNLISTED: Final = frozenset({NOTE, TASK, RISK, INVARIANT, CRITERION})
"""Kinds of which no bullet is one by its list alone."""
_CONTRACT: Final = re.compile(r"contract(?: endpoints?)?$", re.IGNORECASE)
_COVERAGE: Final = re.compile(r"coverage targets?$", re.IGNORECASE)
_CAPITALS: Final = re.compile(r"[A-Z]{2,10}(?:_[A-Z0-9]{1,20}){1,6}")


class WorkPlan(Dialect):
    """Marker headings whose lists are told by labels."""

    name: ClassVar[str] = "work-plan"

    def heading(self, block: Block, context: Context) -> bool:
        """A marker with a title is a task."""
        section = context.section
        said = section.lead
        if said.scope != "global" or not _MARKER.match(said.name) or not said.text:
            return False
        kind = kind_of_name(said.name) or TASK
        draft = context.add(self.name, kind, block, said.text, said=said, parent=section.task)
        section.task, section.headed = draft, True
        return True

    def bullet(self, statement: Statement, context: Context) -> bool:
        """A bullet with an id of its own, or one in a list that a label or heading explains."""
        said = statement.lead
        names = only_references(statement.text)
        if names and (statement.topic or len(names) > 1):
            block = statement.block
            context.put(None, context.label or context.section.text, ", ".join(names), block.line, block.at)
            return True
        if not said.text or statement.text[0] in CLAIMING:
            return False
        kind = kind_of_name(said.name) if said.name else None
        if kind is not None and statement.topic not in REFERENCE_TOPICS:
            context.add_statement(self.name, kind, statement)
            return True
        return self.listed(statement, context)

    def listed(self, statement: Statement, context: Context) -> bool:
        """A bullet of a list of deliverables, criteria, scenarios and so on."""
        kind = TOPIC_KINDS.get(statement.topic)
        if kind is None or kind in _UNLISTED:
            return False
        if statement.parent is None and kind is DELIVERABLE and not context.label_topic:
            return False
        context.add_statement(self.name, kind, statement)
        return True

    def text(self, block: Block, context: Context) -> bool:
        """A table of risks."""
        if block.tail is None or "risk" not in block.text.lower() or "|" not in block.text:
            return False
        rows = table_rows(block)
        if not rows:
            return False
        header = [cell.strip().lower() for cell in rows[0][1]]
        at = next((index for index, cell in enumerate(header) if cell.startswith("risk")), None)
        if at is None:
            return False
        for line, cells in rows[1:]:
            if len(cells) <= at or not cells[at].strip(" -"):
                continue
            self.risk(block, line, header, cells, at, context)
        return True

    def risk(
        self, block: Block, line: Line, header: list[str], cells: list[str], at: int, context: Context
    ) -> None:
        """One row of it."""
        risk = context.add(self.name, RISK, block, cells[at].strip())
        risk.line, risk.start = line.number, line.start
        risk.end = context.data.find(b"\n", line.start) + 1 or len(context.data)
        for name, cell in zip(header, cells, strict=False):
            value = cell.strip()
            if not value or name == header[at]:
                continue
            context.put(risk, name, value, line.number, line.start)
            names = only_references(value)
            if names and name in {"task", "tasks", "id", "marker", "item"}:
                context.finally_do(lambda _, name=names[0]: adopt(risk, name, context))  # type: ignore[misc]


def adopt(risk: Draft, name: str, context: Context) -> None:
    """Hang a risk on the task that its row names, wherever that stands."""
    risk.parent = next((draft for draft in context.drafts if draft.name == name and draft is not risk), None)


def inline_item(dialect: str, block: Block, name: str, value: str, context: Context) -> None:
    """``**Contract endpoint:** CE_X`` and ``**Coverage target:** COV_X: 90 %`` of a task are items too."""
    if _COVERAGE.match(name):
        said = lead(value)
        if kind_of_name(said.name) is COVERAGE and said.text:
            context.add(dialect, COVERAGE, block, said.text, said=said, parent=context.section.task)
    elif _CONTRACT.match(name):
        for found in _CAPITALS.findall(value):
            said = Lead(found, "global", (), found)
            contract = context.add(dialect, CONTRACT, block, found, said=said, parent=context.section.task)
            contract.files = ()


def table_rows(block: Block) -> list[tuple[Line, list[str]]]:
    """Header and body rows of a table in a paragraph; empty where it is none."""
    lines = block.lines()
    rule = next((index for index, line in enumerate(lines) if index and is_rule(line.text)), None)
    if rule is None:
        return []
    rows = [lines[rule - 1], *lines[rule + 1 :]]
    return [(line, split_row(line.text)) for line in rows if "|" in line.text]


def is_rule(text: str) -> bool:
    """Whether a line parts a table's header from its body."""
    return "-" in text and "|" in text and not text.strip("|:- \t")


def split_row(text: str) -> list[str]:
    """Cells of a row; a bar behind a backslash parts nothing."""
    body = text.strip().removeprefix("|").removesuffix("|")
    if "\\|" not in body:
        return body.split("|")
    return [cell.replace("\0", "|") for cell in body.replace("\\|", "\0").split("|")]
