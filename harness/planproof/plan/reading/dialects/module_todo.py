"""The *module TODO* dialect: nested boxes without ids, locked invariants, notes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar, Final

from planproof.plan.reading.dialect import Dialect
from planproof.plan.reading.kinds import (
    DELIVERABLE,
    DETAIL,
    INVARIANT,
    NOTE,
    STEP,
    TASK,
    TOPIC_KINDS,
    speaks_of_invariant,
)


if TYPE_CHECKING:
    from planproof.plan.reading.context import Context, Statement


_NOTE: Final = re.compile(r"(?:NOTE|Note|N\.B\.)\s*:")
_LETTERED: Final = re.compile(r"[A-Z]\)\s")


class ModuleTodo(Dialect):
    """Boxes that are told apart by their words and their place."""

    name: ClassVar[str] = "module-todo"

    def box(self, statement: Statement, context: Context) -> bool:
        """A box without an id, where the file is a module's list."""
        if statement.lead.name or TOPIC_KINDS.get(statement.topic, INVARIANT) is not INVARIANT:
            return False
        invariant = statement.topic == "invariants" or speaks_of_invariant(statement.text)
        if not invariant and not (statement.parent or self.lettered(context)):
            return False
        kind = INVARIANT if invariant else TASK
        if statement.parent is not None and not invariant:
            kind = STEP
        context.add_statement(self.name, kind, statement)
        return True

    @staticmethod
    def lettered(context: Context) -> bool:
        """Whether the file's sections are lettered or its title says TODO."""
        outer = context.sections[1:3]
        return "TODO" in context.title or any(_LETTERED.match(section.text) for section in outer)

    def bullet(self, statement: Statement, context: Context) -> bool:
        """A bullet without a box."""
        parent, topic = statement.parent, statement.topic
        if parent is not None and (statement.nested or parent.kind is not TASK):
            if parent.scope and parent.kind is not INVARIANT:
                return False
            if parent.box is None and parent.kind in {NOTE, DELIVERABLE}:
                return False
            kind = INVARIANT if parent.kind is INVARIANT else DETAIL
            kind = NOTE if _NOTE.match(statement.text) else kind
        elif topic in {"invariants", "notes"}:
            kind = TOPIC_KINDS[topic]
        else:
            return False
        context.add_statement(self.name, kind, statement)
        return True
