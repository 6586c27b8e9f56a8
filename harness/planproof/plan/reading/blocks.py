"""The block structure of a Markdown file, as far as plans need it."""

from __future__ import annotations

from enum import IntEnum
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple


if TYPE_CHECKING:
    from collections.abc import Callable

    from planproof.plan.reading.drafts import Draft


class Form(IntEnum):
    """What a block is."""

    HEADING = 0
    ITEM = 1
    TEXT = 2
    FENCE = 3
    CODE = 4
    HTML = 5
    RULE = 6
    QUOTE = 7
    META = 8


HEADING, ITEM, TEXT, FENCE, CODE, HTML, RULE, QUOTE, META = Form
"""Its members by name: asked of the class each costs ten times as much, and they are asked for every line."""

_VERBATIM: Final = (FENCE, CODE, HTML, META)


Place = tuple[int, int, int, str]
"""A line: its number, byte offsets of its start and of the next line's, its text without its ending."""


Cut = tuple[int, int, str]
"""A line as it was cut from a file: what a :class:`Line` holds, and made in a sixth of its time."""


class Line(NamedTuple):
    """One further line of a block: its number from 1, the byte offset of its start, its text."""

    number: int
    start: int
    text: str


line_of: Final[Callable[[Cut], Line]] = partial(tuple.__new__, Line)
"""Makes a line of a cut, in half the time that its class takes: there are as many as lines in a file."""


class Block:
    """One leaf of the block structure, or a list item with the paragraph that it starts with.

    A block is filled while the scanner runs over the file and is left alone afterwards.

    Attributes:
        form: what it is.
        line: line where it starts, from 1.
        start: byte offset of that line.
        end: byte offset after the last line that is its own.
        at: byte offset of the line that holds ``text``; differs from ``start`` where a list
            item's text begins on the next line.
        text: first line without its marks: heading text, item text, info string of a fence.
        tail: further lines of a paragraph, or all inner lines of a fence, code or HTML block; None where
            there are none; ``more`` makes lines of them.
        level: 1 to 6 for headings; nesting depth from 0 for list items.
        marker: bullet, fence or heading character.
        owner: list item that holds this block, if any.
        quoted: stands in a block quote.
        closed: False for a fence or comment that nothing closed.
        draft: what a dialect made of it.
        underlined: a list item's text is a heading by the line of ``=`` or ``-`` below it.
        topic: what the items below it are about, where its text is a label such as ``Acceptance:``.
        column, padding: used by the scanner only.
    """

    __slots__ = (
        "at",
        "closed",
        "column",
        "draft",
        "end",
        "form",
        "level",
        "line",
        "marker",
        "owner",
        "padding",
        "quoted",
        "start",
        "tail",
        "text",
        "topic",
        "underlined",
    )

    def __init__(self, form: Form, line: int, start: int, end: int, text: str) -> None:
        self.form = form
        self.line = line
        self.start = self.at = start
        self.end = end
        self.text = text
        self.tail: list[Cut] | None = None
        self.level = self.column = self.padding = 0
        self.marker = self.topic = ""
        self.owner: Block | None = None
        self.draft: Draft | None = None
        self.quoted = self.underlined = False
        self.closed = True

    @property
    def more(self) -> list[Line] | None:
        """Its further lines, or None."""
        return None if self.tail is None else list(map(line_of, self.tail))

    def head(self) -> Line:
        """The line that holds ``text``."""
        return line_of((self.line if self.at == self.start else self.line + 1, self.at, self.text))

    def lines(self) -> list[Line]:
        """Its text lines with their places; for a fence the inner lines only."""
        inner = self.more or []
        return inner if self.form in _VERBATIM else [self.head(), *inner]

    def inner(self) -> list[str]:
        """The texts of its further lines, without their places."""
        return [text for _, _, text in self.tail or ()]

    def joined(self) -> str:
        """All lines as one, parted by single spaces."""
        if self.tail is None:
            return self.text
        return " ".join([self.text, *(text for _, _, text in self.tail)])

    def __repr__(self) -> str:
        """For people who debug."""
        return f"Block({self.form.name}, line {self.line}, {self.text!r})"
