"""The *summary* dialect: ``### 2.1 Title ✅``, bullets with status emoji, what was met, what comes next."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from planproof.plan.model import Claim
from planproof.plan.reading import words
from planproof.plan.reading.dialect import Dialect
from planproof.plan.reading.kinds import DELIVERABLE, DETAIL, NOTE, REFERENCE_TOPICS, TASK, TOPIC_KINDS
from planproof.plan.reading.leads import lead


if TYPE_CHECKING:
    from planproof.plan.reading.blocks import Block
    from planproof.plan.reading.context import Context, Statement


SMALL_HEADING: Final = 3
"""A heading without an id claims by its emoji from this level on; above it is a section."""
_LISTS: Final = frozenset({"next", "testing", "requirements", "risks"})


class Summary(Dialect):
    """Reports of what was done, whose claims are emoji and headings."""

    name: ClassVar[str] = "summary"

    def heading(self, block: Block, context: Context) -> bool:
        """A heading with a status emoji is a claim about its title."""
        section = context.section
        if section.text.isascii() or not section.slugs or words.emoji_claim(section.text) is None:
            return False
        bare = words.without_emoji(section.text)
        if not bare or words.state_word(bare) is not None:
            return False
        said = lead(bare)
        if said.scope not in {"number", "worded", ""} or (
            section.level < SMALL_HEADING and said.scope != "number"
        ):
            return False
        draft = context.add(self.name, TASK, block, said.text or bare, said=said, parent=section.task)
        context.take_emoji(draft, block, section.text)
        section.task, section.headed = draft, True
        return True

    def bullet(self, statement: Statement, context: Context) -> bool:
        """A bullet that claims by emoji, by its list, or by the section it stands in."""
        text = statement.text
        if text[:1] in words.CLAIMING:
            return self.claimed(statement, context)
        claim = self.label_claim(statement, context)
        if claim is not None:
            context.add_statement(self.name, NOTE, statement).said = claim
            return True
        if statement.topic in _LISTS and not statement.nested:
            kind = TOPIC_KINDS[statement.topic]
            if statement.topic == "risks" and statement.parent is not None:
                return False
            context.add_statement(self.name, kind, statement)
            return True
        return self.part(statement, context)

    def claimed(self, statement: Statement, context: Context) -> bool:
        """``- ✅ text``."""
        kind = TOPIC_KINDS.get(statement.topic, DELIVERABLE)
        bare = words.without_emoji(statement.text)
        if not bare:
            return False
        statement.lead = lead(bare)
        draft = context.add_statement(self.name, DELIVERABLE if kind is TASK else kind, statement)
        context.take_emoji(draft, statement.block, statement.text)
        return True

    def label_claim(self, statement: Statement, context: Context) -> Claim | None:
        """``**Completed in this PR:**`` and ``**Deferred:**`` above a list in a summary."""
        if statement.nested or not context.label or statement.parent is not None:
            return None
        if statement.topic not in {"summary", "next", ""}:
            return None
        claim = words.state_word(context.label)
        return claim if claim in {Claim.DONE, Claim.DEFERRED, Claim.SKIPPED} else None

    def part(self, statement: Statement, context: Context) -> bool:
        """A bullet below a heading that claims, or below such a bullet: a part of what was made."""
        parent = statement.parent
        if parent is None or parent.dialect != self.name or statement.topic in REFERENCE_TOPICS:
            return False
        listed = parent.kind is TASK or parent.text.endswith(":")
        kind = DELIVERABLE if listed else DETAIL
        context.add_statement(self.name, kind, statement)
        return True
