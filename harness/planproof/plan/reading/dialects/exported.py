"""Tasks exported as headings: ``# Task ID: 7``, ``# Title: Limit``, ``## 1. Bucket [done]``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from planproof.plan.model import Kind
from planproof.plan.reading import words
from planproof.plan.reading.blocks import line_of
from planproof.plan.reading.leads import Lead


if TYPE_CHECKING:
    from planproof.plan.reading.blocks import Block
    from planproof.plan.reading.context import Context

_ID: Final = re.compile(r"Task ID:[ \t]*([\w.-]{1,40})[ \t]*$", re.IGNORECASE)
_FIELD: Final = re.compile(
    r"(Title|Status|Dependencies|Priority|Description|Details|Test Strategy|Subtasks|Complexity)"
    r"[ \t]*:[ \t]*(.*)$",
    re.IGNORECASE,
)
_PART: Final = re.compile(r"([0-9]{1,4})\.[ \t]+(.*?)[ \t]*(?:\[([A-Za-z _-]{1,20})\])?[ \t]*$")


def read_exported(dialect: str, block: Block, context: Context) -> bool:
    """Take a heading that belongs to an exported task."""
    section, owner = context.section, context.exported
    opened = _ID.match(section.text)
    if opened is not None:
        draft = context.add(
            dialect, Kind.TASK, block, opened[1], said=Lead(opened[1], "number", (), opened[1])
        )
        context.exported = section.task = draft
        section.headed = True
        return True
    if owner is None:
        return False
    part = _PART.match(section.text) if section.level > 1 else None
    if part is not None:
        said = Lead(f"{owner.name}.{part[1]}", "number", (), part[2])
        draft = context.add(dialect, Kind.TASK, block, part[2], said=said, parent=owner)
        draft.said = words.state_word(part[3]) if part[3] else None
        if draft.said is not None:
            place = context.data.index(f"[{part[3]}]".encode(), block.at) + 1
            context.put_at(draft, "status", part[3], block.line, place)
        section.task, section.headed = draft, True
        return True
    field = _FIELD.match(section.text)
    if field is None:
        return False
    section.task = section.task or owner
    if field[1].lower() == "title" and section.task is owner:
        owner.text = field[2] or owner.text
    elif field[2]:
        context.take_field(section.task, field[1], field[2], line_of((block.line, block.at, block.text)))
    return True
