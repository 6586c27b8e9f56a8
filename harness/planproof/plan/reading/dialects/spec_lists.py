"""The *spec lists* dialect: ``- [ ] 2.1 text``, ``- [ ]* optional``, ``_Requirements: 1.1_``, JSON waves."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from planproof.plan.reading.dialect import Dialect
from planproof.plan.reading.kinds import NOTE, TASK, TOPIC_KINDS
from planproof.plan.reading.notation.waves import read_waves


if TYPE_CHECKING:
    from planproof.plan.reading.blocks import Block
    from planproof.plan.reading.context import Context, Statement


class SpecLists(Dialect):
    """Numbered task lists, as spec tools write them."""

    name: ClassVar[str] = "spec-lists"

    def box(self, statement: Statement, context: Context) -> bool:
        """A box with a number, or with a star behind it."""
        box, said = statement.box, statement.lead
        if box is None or not (said.scope in {"number", "worded"} or box.optional):
            return False
        kind = TOPIC_KINDS.get(statement.topic, TASK)
        context.add_statement(self.name, TASK if kind is NOTE else kind, statement)
        return True

    def fence(self, block: Block, context: Context) -> bool:
        """``{"waves": [...]}``."""
        return block.text.lower().startswith("json") and read_waves(block, context)
