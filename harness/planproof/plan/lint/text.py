"""A plan's text as rules ask for it: by line, by fence, by pattern, and never decoded as a whole.

A plan of some megabytes would be held again by every form of it: decoded, in lower case, with its code
blanked, and four bytes a letter as soon as there is one emoji. So only the file's bytes are held, and
questions about all of it are put to one window after another.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left, bisect_right
from functools import cached_property
from typing import TYPE_CHECKING, Final, NamedTuple


if TYPE_CHECKING:
    from collections.abc import Iterator

_FENCE = re.compile(r"^[ \t>]*(?:[-*+] +)?(`{3,}|~{3,})([^\n]*)$", re.MULTILINE)
_KEEP_BREAKS = re.compile(r"[^\n]")
_LINE_END = re.compile(rb"\r\n?|\n")

# Bytes of a window, and how far beyond it a match that begins in it may look.
WINDOW = 1 << 17
BEYOND = 1 << 14


def _prefix(mark: re.Match[str]) -> str:
    """What stands before the backticks or tildes."""
    return mark[0][: mark.start(1) - mark.start()]


class Fence(NamedTuple):
    """A fenced block.

    Attributes:
        first: line of the opening fence.
        last: line of the closing one, or the file's last.
        closed: whether there is a closing one.
    """

    first: int
    last: int
    closed: bool


class _Window(NamedTuple):
    """Some lines, with the line before and some lines after them.

    Attributes:
        line: the first of the lines.
        text: all of it, line ends made one sign.
        begin: where the lines begin in it.
        end: where what follows them begins; beyond the text where nothing does.
    """

    line: int
    text: str
    begin: int
    end: int


class PlanText:
    """The text of one plan.

    Args:
        source: the file as it lies on disk.

    Attributes:
        starts: byte offset of every line.
    """

    def __init__(self, source: bytes) -> None:
        self.source: Final = source
        self.starts: Final = _starts(source)
        self._returns: Final = b"\r" in source

    def __len__(self) -> int:
        """How many lines there are."""
        return len(self.starts)

    def _decoded(self, start: int, end: int) -> str:
        """Bytes from and to the beginning of a line, or a letter within one; line ends made one sign."""
        text = self.source[start:end].decode("utf-8", "replace")
        return text.replace("\r\n", "\n").replace("\r", "\n") if self._returns else text

    def _start(self, line: int) -> int:
        """Where a line begins in the file; beyond the last line where the file ends."""
        return self.starts[line - 1] if line <= len(self.starts) else len(self.source)

    def whole(self) -> str:
        """All of it."""
        return self._decoded(0, len(self.source))

    def lines(self, first: int, last: int) -> str:
        """Some lines as one text, both ends included."""
        starts = self.starts
        first, last = max(first, 1), min(last, len(starts))
        if first > last:
            return ""
        if last == len(starts):
            return self._decoded(starts[first - 1], len(self.source))
        return self._decoded(starts[first - 1], starts[last])[:-1]

    @cached_property
    def fences(self) -> tuple[Fence, ...]:
        """Fenced blocks in order."""
        found: list[Fence] = []
        opened: re.Match[str] | None = None
        first = 0
        for line, mark in self._matches(_FENCE, ("```", "~~~"), blank=False):
            before = _prefix(mark)
            if opened is not None and ">" in _prefix(opened) and ">" not in before:
                # The quote that the fence stood in has ended, and the fence with it.
                found.append(Fence(first, line - 1, closed=True))
                opened = None
            if opened is None:
                if not ("`" in mark[1] and "`" in mark[2]):
                    opened, first = mark, line
            elif (
                mark[1].startswith(opened[1])
                and not mark[2].strip()
                and (">" in before) == (">" in _prefix(opened))
                and not any(sign in before for sign in "-*+")
            ):
                found.append(Fence(first, line, closed=True))
                opened = None
        if opened is not None:
            found.append(Fence(first, len(self.starts), closed=False))
        return tuple(found)

    @cached_property
    def _hidden(self) -> tuple[array[int], array[int]]:
        """Byte ranges of fenced blocks and comments, by their starts and by their ends, none overlapping."""
        fences = [(self._start(fence.first), self._start(fence.last + 1)) for fence in self.fences]
        hidden = array("q"), array("q")
        position = 0
        for start, end in sorted([*fences, *_comments(self.source, fences)]):
            if end > position:
                hidden[0].append(max(start, position))
                hidden[1].append(end)
                position = end
        return hidden

    def _prose(self, start: int, end: int) -> str:
        """Decoded, with what is hidden made blank, sign for sign."""
        begins, ends = self._hidden
        pieces: list[str] = []
        for index in range(bisect_right(ends, start), bisect_left(begins, end)):
            pieces.append(self._decoded(start, max(start, begins[index])))
            hidden = self._decoded(max(start, begins[index]), min(end, ends[index]))
            pieces.append(_KEEP_BREAKS.sub(" ", hidden))
            start = min(end, ends[index])
        return "".join([*pieces, self._decoded(start, end)]) if pieces else self._decoded(start, end)

    def _windows(self, needles: tuple[bytes, ...], *, blank: bool) -> Iterator[_Window]:
        """The text in windows, without those in which none of the needles occurs."""
        starts, start = self.starts, self._start
        read = self._prose if blank else self._decoded
        first = 1
        while first <= len(starts):
            after = max(first + 1, bisect_left(starts, start(first) + WINDOW) + 1)
            beyond = bisect_left(starts, start(after) + BEYOND) + 1
            if not needles or _any_in(needles, self.source[start(first) : start(beyond)].lower()):
                above = read(start(max(1, first - 1)), start(first))
                lines = read(start(first), start(after))
                text = "".join((above, lines, read(start(after), start(beyond))))
                end = len(above) + len(lines)
                yield _Window(first, text, len(above), end if after <= len(starts) else end + 1)
            first = after

    def has(self, *needles: str) -> bool:
        """Whether one of these pieces of text occurs anywhere; they are as those of :meth:`search`."""
        wanted = _bytes(needles)
        source, overlap = self.source, max(map(len, wanted)) - 1
        return any(
            _any_in(wanted, source[start : start + WINDOW + overlap].lower())
            for start in range(0, len(source), WINDOW)
        )

    def search(self, pattern: re.Pattern[str], *needles: str) -> Iterator[tuple[int, re.Match[str]]]:
        """Every match, with its line, outside fenced blocks and comments.

        A match begins in one window and may end up to :data:`BEYOND` bytes, and to the end of that line,
        behind it.

        Args:
            pattern: what to look for.
            needles: pieces of text, in lower case, of which each match holds at least one; spares the search.
                Letters that have a case are those of ASCII: bytes are lowered.
        """
        return self._matches(pattern, needles, blank=True)

    def comments(self, pattern: re.Pattern[str], *needles: str) -> Iterator[tuple[int, re.Match[str]]]:
        """As :meth:`search`, but comments are looked at too."""
        for line, found in self._matches(pattern, needles, blank=False):
            index = bisect_right(self.fences, (line, len(self), True)) - 1
            if index < 0 or line > self.fences[index].last:
                yield line, found

    def _matches(
        self, pattern: re.Pattern[str], needles: tuple[str, ...], *, blank: bool
    ) -> Iterator[tuple[int, re.Match[str]]]:
        reached = (0, 0)
        for window in self._windows(_bytes(needles), blank=blank):
            line, text, counted, end = window.line, window.text, window.begin, window.end
            # What a match of an earlier window reached is not looked at again.
            position = (
                _offset(text, counted, reached[0] - line) + reached[1] if reached[0] >= line else counted
            )
            if position >= end:
                continue
            for found in pattern.finditer(text, position):
                at = found.start()
                if at >= end:
                    break
                line += text.count("\n", counted, at)
                counted = at
                if found.end() > end:
                    within = found[0]
                    reached = line + within.count("\n"), found.end() - text.rfind("\n", 0, found.end()) - 1
                yield line, found


def _offset(text: str, position: int, lines: int) -> int:
    """Where the line begins that is so many lines below the one at ``position``."""
    for _ in range(lines):
        position = text.find("\n", position) + 1 or len(text)
    return position


def _starts(source: bytes) -> array[int]:
    """Byte offset of every line."""
    starts = array("q", [0])
    if b"\r" in source:
        starts.extend(end.end() for end in _LINE_END.finditer(source))
        return starts
    position = source.find(b"\n")
    while position >= 0:
        starts.append(position + 1)
        position = source.find(b"\n", position + 1)
    return starts


def _bytes(needles: tuple[str, ...]) -> tuple[bytes, ...]:
    return tuple(needle.encode() for needle in needles)


def _any_in(needles: tuple[bytes, ...], text: bytes) -> bool:
    return any(needle in text for needle in needles)


def _comments(source: bytes, fences: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Byte ranges of HTML comments that begin and end outside fences. An open comment is left alone."""
    start = _outside(source, b"<!--", 0, fences)
    while start >= 0:
        end = _outside(source, b"-->", start + 4, fences)
        if end < 0:
            break
        yield start, end + 3
        start = _outside(source, b"<!--", end + 3, fences)


def _outside(source: bytes, needle: bytes, position: int, fences: list[tuple[int, int]]) -> int:
    """Where the needle next occurs outside fences; -1 where it does not."""
    found = source.find(needle, position)
    while found >= 0:
        index = bisect_right(fences, (found, len(source) + 1)) - 1
        if index < 0 or found >= fences[index][1]:
            return found
        found = source.find(needle, fences[index][1])
    return -1
