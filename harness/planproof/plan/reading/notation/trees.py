"""Dependency pictures drawn with characters: ``+--->``, ``├─►``, ``└─►``, ``─┬─►``, arrows that point down.

A branch belongs to what stands above its column: the picture is read as a grid, a branch's column is
followed upwards along its bars to the fork or the name that it hangs from.
"""

from __future__ import annotations

import re
from itertools import islice, pairwise
from string import whitespace
from typing import TYPE_CHECKING, Final, NamedTuple

from planproof.plan.reading.notation.arrows import MAX_PRODUCT
from planproof.plan.reading.notation.references import NOTE, references
from planproof.plan.reading.notation.stages import stages


if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from planproof.plan.reading.blocks import Line


class Branch(NamedTuple):
    """One edge of a picture."""

    before: str
    after: str
    line: int
    certain: bool


class _Name(NamedTuple):
    names: tuple[str, ...]
    start: int
    end: int


_TREE: Final = re.compile(r"^[\s│|┃║]*(?:[├└╰┣┗]|\+-|`-)|[┬┼│]", re.MULTILINE)
_DOWN: Final = re.compile(r"^[\s│|┃↓▼⬇vV]*[↓▼⬇vV][\s│|┃↓▼⬇vV]*$")
_POINTS: Final = "|vV" + whitespace
"""What an ASCII row consists of that points down."""
_DIGIT: Final = re.compile("[0-9]")
# It begins with a letter in any case: so it is found far sooner.
_TOKEN: Final = re.compile(
    r"[A-Z](?:[A-Z]{0,9}(?:[-_][A-Z]{1,8}[0-9]{0,3}){0,3}[-_]?[0-9]{1,7}[a-z]?(?:\.[0-9]{1,4}){0,3}"
    r"(?:_[A-Za-z0-9]{1,12}){0,3}"
    r"(?:[-–](?:[A-Z]{1,10}[-_]?)?[0-9]{1,7}|[ \t](?:through|to)[ \t][A-Z]{1,10}[-_]?[0-9]{1,7})?(?![\w])"
    r"|(?:(?<=P)hase|(?<=S)tage|(?<=M)ilestone|(?<=S)print|(?<=I)teration)"
    r"[ \t][0-9]{1,4}(?:\.[0-9]{1,4})*(?![\w]))"
)
_LINK: Final = re.compile(r"[-=]{1,}>|<[-=]|[─━═┬┼►▶→⟶➜◄◀←⟵]|--+")
_BACKWARD_TO: Final = re.compile(r"(?:<[-=─━]+|[◄◀←⟵][-─━═]*)[^\w]*$")
_BACKWARD: Final = re.compile(r"<[-=─━]|[◄◀←⟵]")
_REMARK: Final = re.compile(r"[a-z]{2,} [a-z]{2,} [a-z]{2,}")
_ARROWHEAD: Final = re.compile(r"[>►▶→⟶➜➔]")
_TURN: Final = re.compile(r"(?:[ \t]*\([^()]*\))?[ \t]*[─━═-]+([┘┛╯┐┓╮┤])")
_TURNS_DOWN: Final = frozenset("┐┓╮")
_MEETS: Final = frozenset("┬┼┤├┴")
_ENDINGS: Final = frozenset("┘┛╯┐┓╮")
_FORKS: Final = frozenset("├└╰┣┗+`")
_BARS: Final = frozenset("│|┃║")
_CROSSINGS: Final = frozenset("┬┼┐╮┳╋")
PAIR: Final = 2
MAX_COLUMNS: Final = 2_000
MAX_ROWS: Final = 2_000
REACH: Final = 2
"""Columns by which a hand-drawn branch may miss what it hangs from."""


def is_tree(rows: Iterable[str]) -> bool:
    """Whether rows are drawn as a tree or with arrows that point down."""
    return any(map(_is_drawn, rows))


def _is_drawn(row: str) -> bool:
    """Whether a row belongs to a tree, or points down."""
    if row.isascii() and not ("+-" in row or "`-" in row):
        return not row.strip(_POINTS) and _DOWN.match(row) is not None
    return _TREE.search(row) is not None or _DOWN.match(row) is not None


def read_tree(
    lines: Sequence[Line],
    cut: Callable[[Line], None] | None = None,
    *,
    known: frozenset[str] | None = None,
) -> list[Branch]:
    """Edges of a picture, row by row.

    Args:
        lines: its rows.
        cut: called with a row that stands for more edges than are read.
        known: names that count; a picture that does not hold two of them, such as one of folders, has no
            edges. All count where none are given.
    """
    rows = [line.text.expandtabs(4).rstrip() for line in lines]
    names = [_names(row) for row in rows]
    told = {one for row in names for name in row for one in name.names}
    if len(told if known is None else told & known) < PAIR:
        return []
    grid = _Grid(rows, names)
    edges: list[Branch] = []
    for index, line in enumerate(lines):
        found: list[Branch] = []
        if names[index]:
            found = list(islice(grid.hanging(index, line.number), MAX_PRODUCT + 1))
            found += islice(grid.along(index, line.number), MAX_PRODUCT + 1)
            found += grid.joining(index, line.number)
        elif _DOWN.match(rows[index]):
            found = list(islice(grid.falling(index, line.number), MAX_PRODUCT + 1))
        if len(found) > MAX_PRODUCT and cut is not None:
            cut(line)
        edges += found[:MAX_PRODUCT]
    if any(edge.before == edge.after for edge in edges):
        # A branch that hangs from its own name was drawn to hang from another: nobody can tell which.
        return [edge._replace(certain=False) for edge in edges]
    return edges


def _names(row: str) -> list[_Name]:
    """The ids of a row, each with its columns and those of the note behind it."""
    if _DIGIT.search(row) is None:  # there is one in every id
        return []
    masked = NOTE.sub(lambda note: " " * len(note[0]), row)
    found = []
    for match in _TOKEN.finditer(masked):
        if match.start() and (masked[match.start() - 1].isalnum() or masked[match.start() - 1] in "_."):
            continue
        found.append(_Name(tuple(references(match[0]) or stages(match[0])), match.start(), match.end()))
    return [name for name in found if name.names]


class _Grid:
    def __init__(self, rows: list[str], names: list[list[_Name]]) -> None:
        self.rows = rows
        self.names = names

    def along(self, index: int, line: int) -> Iterator[Branch]:
        """Edges inside one row, from left to right."""
        row = self.rows[index]
        groups: list[list[_Name]] = []
        for name in self.names[index]:
            gap = row[groups[-1][-1].end : name.start] if groups else ""
            if groups and not _LINK.search(gap):
                groups[-1].append(name)
            else:
                groups.append([name])
        for befores, afters in pairwise(groups):
            gap = row[befores[-1].end : afters[0].start]
            certain = bool(_ARROWHEAD.search(gap))
            if not certain and _BACKWARD.search(gap):
                # Words behind such an arrow make it a remark: ``<- parallel with T001``.
                if _BACKWARD_TO.search(gap) and not _REMARK.search(row, afters[0].start):
                    yield from _pairs(afters, befores, line, certain=True)
            else:
                yield from _pairs(befores, afters, line, certain=certain)

    def hanging(self, index: int, line: int) -> Iterator[Branch]:
        """Edges from what a row's first id hangs from."""
        first = self.names[index][0]
        prefix = self.rows[index][: first.start]
        column = max((at for at, sign in enumerate(prefix) if sign in _FORKS), default=-1)
        if column < 0 or (prefix[column] == "`" and "-" not in prefix[column:]):
            return
        owner = self.owner(index, column)
        if owner is not None:
            certain = bool(_ARROWHEAD.search(prefix[column:]))
            yield from _pairs([owner], self.first_group(index), line, certain=certain)

    def joining(self, index: int, line: int) -> Iterator[Branch]:
        """The edge of a row whose line runs into that of another: ``T002 ─┘`` below ``T001 ─┬─► T003``."""
        last = self.names[index][-1]
        turn = _TURN.match(self.rows[index], last.end)
        if turn is None:
            return
        steps = (1,) if turn[1] in _TURNS_DOWN else (1, -1) if turn[1] == "┤" else (-1,)
        for step in steps:
            target = self.met(index, turn.end() - 1, step)
            if target is not None:
                gap = self.rows[target[0]][turn.end() - 1 : target[1].start]
                yield from _pairs([last], [target[1]], line, certain=_ARROWHEAD.search(gap) is not None)
                return

    def met(self, row: int, column: int, step: int) -> tuple[int, _Name] | None:
        """Where a line that turns up or down meets another, and the id behind that place."""
        row += step
        while 0 <= row < len(self.rows) and column < len(self.rows[row]):
            sign = self.rows[row][column]
            if sign in _MEETS:
                target = next((name for name in self.names[row] if name.start > column), None)
                if target is not None:
                    return row, target
            if sign not in _BARS and sign not in _MEETS and sign not in _ENDINGS:
                return None
            row += step
        return None

    def first_group(self, index: int) -> list[_Name]:
        """The ids of a row up to the first arrow; ids after a colon are words, not members."""
        row, group = self.rows[index], [self.names[index][0]]
        for name in self.names[index][1:]:
            gap = row[group[-1].end : name.start]
            if gap.strip(" \t,+&/"):
                break
            group.append(name)
        return group

    def falling(self, index: int, line: int) -> Iterator[Branch]:
        """Edges along arrows that point down."""
        below = next((row for row in range(index + 1, len(self.rows)) if self.names[row]), None)
        if below is None or any(_DOWN.match(row) for row in self.rows[index + 1 : below]):
            return
        for column in (at for at, sign in enumerate(self.rows[index]) if sign in "↓▼⬇vV"):
            owner = self.owner(index, column)
            target = _nearest(self.names[below], column)
            if owner is None or target is None:
                continue
            yield from _pairs(self.listed(owner), self.listed(target), line, certain=True)

    def listed(self, name: _Name) -> list[_Name]:
        """An id with those that commas join to it."""
        row = next(at for at, names in enumerate(self.names) if any(one is name for one in names))
        found: list[_Name] = []
        for one in self.names[row]:
            if found and self.rows[row][found[-1].end : one.start].strip(" \t") not in {",", "+", "&", "/"}:
                if name in found:
                    break
                found = []
            found.append(one)
        return found if name in found else [name]

    def owner(self, index: int, column: int) -> _Name | None:
        """Follow a branch upwards to the id that it hangs from."""
        for row in range(index - 1, -1, -1):
            step = self.climb(row, column)
            if isinstance(step, _Name):
                return step
            if step is None:
                return self.indented(row + 1, column)
            column = step
        return None

    def climb(self, row: int, column: int) -> _Name | int | None:
        """One row up: the id found there, the column to go on in, or None where the branch breaks off."""
        text = self.rows[row]
        if not text.strip():
            return column
        for away in sorted(range(-REACH, REACH + 1), key=abs):
            at = column + away
            if not 0 <= at < len(text):
                continue
            sign = text[at]
            if sign in _CROSSINGS:
                return self.left_of(row, at)
            if sign in _BARS or (sign in _FORKS and text[at + 1 : at + 2] in {"─", "-", "━", "═"}):
                return at
            found = next((name for name in self.names[row] if name.start <= at < name.end), None)
            if found is not None:
                return found
        return self.indented(row, column)

    def left_of(self, row: int, column: int) -> _Name | None:
        """The last id that ends before a column."""
        return next((name for name in reversed(self.names[row]) if name.end <= column), None)

    def indented(self, row: int, column: int) -> _Name | None:
        """The id whose note or line covers the column."""
        return next((name for name in reversed(self.names[row]) if name.start <= column), None)


def _pairs(befores: list[_Name], afters: list[_Name], line: int, *, certain: bool) -> Iterator[Branch]:
    """Each id of one side with each of the other."""
    for left in befores:
        for before in left.names:
            for right in afters:
                for after in right.names:
                    yield Branch(before, after, line, certain)


def _nearest(group: list[_Name], column: int) -> _Name | None:
    return min(group, key=lambda name: max(name.start - column, column - name.end, 0), default=None)
