"""The *task headings* dialect: ``### T001: Title`` with boxes, **File** and **Status** below."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar

from planproof.plan.model import Claim
from planproof.plan.reading import words
from planproof.plan.reading.boxes import box_claim, parse_box
from planproof.plan.reading.dialect import Dialect
from planproof.plan.reading.dialects.exported import read_exported
from planproof.plan.reading.kinds import NOTE, STEP, TASK, TOPIC_KINDS, kind_of_name
from planproof.plan.reading.leads import Lead, lead


if TYPE_CHECKING:
    from planproof.plan.reading.blocks import Block
    from planproof.plan.reading.context import Context, Statement


_ABOUT = re.compile(r"(?:Task|Work Package|Ticket|Story)[ \t]*:?[ \t]+[A-Z]{1,10}[-_]?[0-9]+\b")
"""A title that says that the whole file is one task."""
_NO_STEPS = frozenset({NOTE, TASK})
_TASK_WORDS = frozenset({"task", "subtask", "step"})


class TaskHeadings(Dialect):
    """Headings that are tasks, with their steps as boxes."""

    name: ClassVar[str] = "task-headings"

    def heading(self, block: Block, context: Context) -> bool:
        """A heading with a task's id, or with a box."""
        section = context.section
        if (context.exported or section.text[:7] == "Task ID") and read_exported(self.name, block, context):
            return True
        box = parse_box(section.text) if section.text.startswith("[") else None
        said = lead(words.without_emoji(box.rest)) if box else section.lead
        if not section.slugs and box is None and not _ABOUT.match(section.text):
            return False
        if said.scope == "global" and (said.text or box):
            kind = kind_of_name(said.name) or TASK
        elif said.scope in {"worded", "local"} and said.name.partition("-")[0].lower() in _TASK_WORDS:
            kind = STEP if said.name.lower().startswith("step") and section.task else TASK
        elif box is not None:
            kind = TASK
        else:
            return False
        draft = context.add(self.name, kind, block, said.text or said.name, said=said, parent=section.task)
        draft.effort = words.effort_in_text(said.text)
        if box is not None:
            draft.said = box_claim(box)
            context.put_at(draft, "box", box.status, block.line, context.data.index(b"[", block.at) + 1)
        elif draft.said is None and not section.text.isascii():
            context.take_emoji(draft, block, section.text)
        if draft.said is None:
            self.bracketed(draft.text, draft, block, context)
        section.task, section.headed = draft, True
        return True

    def bracketed(self, text: str, draft: object, block: Block, context: Context) -> None:
        """``Title - [STATUS]`` at the end of a heading."""
        if not text.endswith("]"):
            return
        word = text[text.rfind("[") + 1 : -1]
        claim = words.state_word(word)
        owner = context.drafts[-1]
        if claim is not None and owner is draft:
            owner.said = claim
            owner.text = text[: text.rfind("[")].rstrip(" \t-–—:")
            end = (
                context.data.index(b"\n", block.at)
                if b"\n" in context.data[block.at : block.end]
                else block.end
            )
            place = context.data.rfind(f"[{word}]".encode(), block.at, end) + 1
            context.put_at(owner, "status", word, block.line, place)

    def box(self, statement: Statement, context: Context) -> bool:
        """A box below such a heading is a step of it."""
        parent = statement.parent
        if parent is None or parent is not context.section.task:
            return False
        if statement.lead.scope in {"global", "number"}:
            return False
        kind = TOPIC_KINDS.get(statement.topic, STEP)
        context.add_statement(self.name, STEP if kind in _NO_STEPS else kind, statement)
        return True


def derived_claim(boxes: int, ticked: int) -> Claim:
    """What a heading without a status of its own claims by its boxes."""
    if not boxes:
        return Claim.NONE
    if ticked == boxes:
        return Claim.DONE
    return Claim.IN_PROGRESS if ticked else Claim.OPEN


__all__ = ["Lead", "TaskHeadings", "derived_claim"]
