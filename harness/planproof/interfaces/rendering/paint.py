"""Colour and width for text output: 80 columns, colour only where a terminal or FORCE_COLOR asks for it."""

from __future__ import annotations

import os
import sys
import unicodedata
from dataclasses import dataclass
from typing import IO, Final


WIDTH: Final = 80
CODES: Final = {"red": "31", "green": "32", "yellow": "33", "cyan": "36", "bold": "1", "dim": "2"}


@dataclass(frozen=True, slots=True)
class Paint:
    """Paints text, or leaves it alone.

    Attributes:
        on: True where escape codes are wanted.
    """

    on: bool = False

    def __call__(self, text: str, *styles: str) -> str:
        """The text in some of the named styles."""
        if not self.on or not text:
            return text
        return f"\x1b[{';'.join(CODES[style] for style in styles)}m{text}\x1b[0m"


def for_stream(stream: IO[str] | None = None) -> Paint:
    """Paint as NO_COLOR, FORCE_COLOR and the stream want it."""
    stream = stream or sys.stdout
    if os.environ.get("NO_COLOR"):
        return Paint(on=False)
    return Paint(
        on=bool(os.environ.get("FORCE_COLOR")) or (stream.isatty() and os.environ.get("TERM") != "dumb")
    )


def width(text: str) -> int:
    """Columns that a text takes."""
    if text.isascii():
        return len(text)
    return sum(map(_columns, text))


def _columns(sign: str) -> int:
    return 1 + (unicodedata.east_asian_width(sign) in "WF") - (unicodedata.combining(sign) != 0)


def clip(text: str, columns: int) -> str:
    """A text in at most so many columns, with an ellipsis where it was longer."""
    if not text.isprintable():
        text = "".join(one if one.isprintable() else " " for one in text)
    if width(text) <= columns:
        return text
    used = 0
    for taken, sign in enumerate(text):
        used += _columns(sign)
        if used > columns - 1:
            return text[:taken].rstrip() + "…"
    return text


def spread(left: str, right: str, columns: int = WIDTH) -> tuple[str, str, str]:
    """Left text clipped, the gap, and right text, so that together they fill the columns."""
    right = clip(right, columns // 2)
    left = clip(left, columns - width(right) - (2 if right else 0))
    gap = " " * (columns - width(left) - width(right)) if right else ""
    return left, gap, right


def wrap(text: str, indent: int, columns: int = WIDTH) -> list[str]:
    """A text over several lines, each indented; long words are broken."""
    import textwrap

    clean = "".join(one if one.isprintable() else " " for one in text)
    return [" " * indent + line for line in textwrap.wrap(clean, columns - indent)] or []
