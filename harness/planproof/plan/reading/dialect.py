"""What a dialect is."""

# ruff: noqa: ARG002 - the methods here take nothing, subclasses do

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar


if TYPE_CHECKING:
    from planproof.plan.reading.blocks import Block
    from planproof.plan.reading.context import Context, Statement


class Dialect:
    """One way of writing plans; subclasses override what they know.

    The reader walks over the blocks of a file and asks each dialect in turn; the first that answers
    True has taken the block. A dialect keeps no state of its own: what it must remember belongs into
    the context, so that one object reads any number of files.

    Attributes:
        name: what it is called in ``Plan.dialects``.
    """

    name: ClassVar[str] = ""

    def heading(self, block: Block, context: Context) -> bool:
        """Take a heading; ``context.section`` is its own section already."""
        return False

    def box(self, statement: Statement, context: Context) -> bool:
        """Take a list item with a status box."""
        return False

    def bullet(self, statement: Statement, context: Context) -> bool:
        """Take a list item without one."""
        return False

    def text(self, block: Block, context: Context) -> bool:
        """Take a paragraph or a table."""
        return False

    def fence(self, block: Block, context: Context) -> bool:
        """Take a closed or unclosed code fence."""
        return False

    def meta(self, block: Block, context: Context) -> bool:
        """Take the YAML front matter."""
        return False
