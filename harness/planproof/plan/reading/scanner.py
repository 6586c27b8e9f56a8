"""From bytes to blocks: the block structure of CommonMark, one pass, linear in the size of the file.

What is a fence, indented code, an HTML block, a list item or a quote is decided as CommonMark 0.31
decides it, for it decides what is a box. Inline structure is not looked at. The scanner yields each
block when it is complete, so that a big file is never held twice.
"""

from __future__ import annotations

import re
from itertools import accumulate, chain, count, islice
from typing import TYPE_CHECKING, Final

from planproof.plan.reading.blocks import CODE, FENCE, HEADING, HTML, ITEM, QUOTE, RULE, TEXT, Block


if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from planproof.plan.reading.blocks import Place


BULLET: Final = 2
"""Columns of a bullet and the space behind it."""
INDENT: Final = 4
"""Columns of indentation that make code."""
MAX_DEPTH: Final = 100
"""Containers inside each other; deeper marks are text, so that one line cannot cost quadratic time."""

CHUNK: Final = 262_144
"""Bytes that are decoded at once."""

WORDS: Final = 1
TABLE: Final = 2
"""What a paragraph is that may go on; 0 where none may."""

_STARTERS: Final = frozenset(">#`~<=-+*_0123456789")
_BULLETS: Final = frozenset("-*+")
_DIGITS: Final = frozenset("0123456789")
_MARKERS: Final = _BULLETS | _DIGITS
_RULE_ENDS: Final = frozenset("*-_ \t")
"""What a line that parts can end with."""
_NOT_PLAIN: Final = _STARTERS | frozenset(" \t")
_PREFIX: Final = re.compile(r"[ \t>*+\-.)0-9]*")
_PLAIN: Final = re.compile(
    r"(?:\*\*?|__?)[^*_ \t]|`{1,2}[^`]|~{1,2}[^~]|[-+][^-+ \t]"
    r"|[0-9]{1,20}(?:[^0-9.)]|[.)][^ \t])|#{1,20}[^# \t]"
)
"""The commonest ways in which a line of words begins with a sign that may begin something else."""
_SPACES: Final = re.compile(r" *")
_HASHES: Final = frozenset("#" * level for level in range(1, 7))
_IS_HEADING: Final = re.compile(r"(#{1,6})(?:[ \t]+|$)")
_HEADING_TAIL: Final = re.compile(r"(?:^|[ \t])#+[ \t]*$")
_OPENS_FENCE: Final = re.compile(r"(`{3,})([^`]*)$|(~{3,})(.*)$", re.DOTALL)
_SETEXT: Final = re.compile(r"(?:=+|-+)[ \t]*$")
_IS_RULE: Final = re.compile(r"(?:(?:\*[ \t]*){3,}|(?:-[ \t]*){3,}|(?:_[ \t]*){3,})$")
_MARKER: Final = re.compile(r"(?:([-+*])|([0-9]{1,9})([.)]))(?=[ \t]|$)")
_TABLE_RULE: Final = re.compile(r"\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$")

_HTML_NAMES: Final = (
    "address|article|aside|base|basefont|blockquote|body|caption|center|col|colgroup|dd|details|dialog"
    "|dir|div|dl|dt|fieldset|figcaption|figure|footer|form|frame|frameset|h[1-6]|head|header|hr|html"
    "|iframe|legend|li|link|main|menu|menuitem|nav|noframes|ol|optgroup|option|p|param|search|section"
    "|summary|table|tbody|td|tfoot|th|thead|title|tr|track|ul"
)
_ATTRIBUTE: Final = (
    r"[ \t]+[A-Za-z_:][A-Za-z0-9:._-]*"
    r"(?:[ \t]*=[ \t]*(?:[^ \t\"'=<>`]+|'[^']*'|\"[^\"]*\"))?"
)
_HTML_OPENERS: Final = (
    (re.compile(r"<(?:script|pre|style|textarea)(?=[ \t>]|$)", re.IGNORECASE),
     re.compile(r"</(?:script|pre|style|textarea)>", re.IGNORECASE)),
    (re.compile(r"<!--"), re.compile(r"-->")),
    (re.compile(r"<\?"), re.compile(r"\?>")),
    (re.compile(r"<![A-Za-z]"), re.compile(r">")),
    (re.compile(r"<!\[CDATA\["), re.compile(r"\]\]>")),
    (re.compile(rf"</?(?:{_HTML_NAMES})(?=[ \t]|/?>|$)", re.IGNORECASE), None),
)  # fmt: skip
_HTML_ALONE: Final = re.compile(
    rf"(?:<[A-Za-z][A-Za-z0-9-]*(?:{_ATTRIBUTE})*[ \t]*/?>|</[A-Za-z][A-Za-z0-9-]*[ \t]*>)[ \t]*$"
)


def scan(data: bytes, *, line: int = 1, offset: int = 0) -> Iterator[Block]:
    """The blocks of a file in order; UTF-8 is taken for granted.

    Args:
        data: the file's bytes from ``offset`` on.
        line: number of the first line.
        offset: byte offset of ``data`` in the file, added to every place.
    """
    return chain.from_iterable(_scanned(data, line, offset))


def _scanned(data: bytes, line: int, offset: int) -> Iterator[list[Block]]:
    """The blocks of one piece of a file after the other."""
    scanner = Scanner()
    begin, total = 0, len(data)
    while begin < total:
        end = data.find(b"\n", begin + CHUNK) + 1 or total
        starts, texts = _lines(data[begin:end], offset + begin)
        scanner.feed(zip(count(line), starts, islice(starts, 1, None), texts, strict=False))
        line += len(starts) - 1
        begin = end
        last = -1 if scanner.leaf is not None else len(scanner.done)
        yield scanner.done[:last]
        del scanner.done[:last]
    yield scanner.done


def _lines(piece: bytes, start: int) -> tuple[list[int], Iterable[str]]:
    r"""Where the lines of a piece start and where the last one ends, and their texts without endings.

    ``\n``, ``\r\n`` and ``\r`` end a line, nothing else does. Tabs that decide structure become spaces.
    """
    raws = piece.splitlines(keepends=True)
    starts = list(accumulate(map(len, raws), initial=start))
    texts: Iterable[str] = piece.decode().split("\n")  # one too many behind the last ending
    if b"\r" in piece:
        texts = [raw.decode().rstrip("\r\n") for raw in raws]
    return starts, map(_expand, texts) if b"\t" in piece else texts


def _expand(text: str) -> str:
    """Tabs to columns of four in the part of a line that decides its structure."""
    if "\t" not in text:
        return text
    prefix = _PREFIX.match(text)
    end = prefix.end() if prefix else 0
    return text[:end].expandtabs(4) + text[end:]


class Scanner:
    """Takes lines one by one.

    Attributes:
        done: blocks in order; the last one may still be filled while it is the leaf.
        stack: the containers that are open, outermost first.
        quotes: how many of them are quotes.
        leaf: the block that further lines may belong to.
        bare: the innermost container, where it is a list item without a word so far.
        paragraph: whether the leaf is a paragraph that may go on: 0, ``WORDS``, or ``TABLE``.
        until: what closes the open HTML block.
        fence: how many signs close the open fence.
    """

    def __init__(self) -> None:
        self.done: list[Block] = []
        self.stack: list[Block] = []
        self.quotes = 0
        self.leaf: Block | None = None
        self.bare: Block | None = None
        self.paragraph = 0
        self.until: re.Pattern[str] | None = None
        self.fence = 0

    # One loop, for it runs once a line and a call costs as much as the rest of it.
    def feed(self, lines: Iterator[Place]) -> None:
        """Take lines."""
        self.inside(lines)
        stack = self.stack
        for number, start, end, text in lines:
            body = text.lstrip(" ")
            if not body:
                self.paragraph = 0
                if self.bare is not None:
                    self.drop_bare()
                continue
            first = matched = position = 0
            if body is not text:
                first = len(text) - len(body)
                matched = len(stack)
                while matched and stack[matched - 1].column > first:
                    matched -= 1
                position = stack[matched - 1].column if matched else 0
            sign = body[0]
            near = first - position < INDENT
            if sign not in _STARTERS and (near or self.paragraph):
                self.words(matched, text, first, number, start, end)
            elif (
                near
                and sign in _BULLETS
                and len(body) > BULLET
                and body[1] == " "
                and (
                    body[2] not in _NOT_PLAIN
                    or (body[2:4] == "**" and body[-1] not in _RULE_ENDS)
                    or _PLAIN.match(body, BULLET)
                )
                and len(stack) < MAX_DEPTH
            ):
                # The common case: a bullet, one space, and words that begin nothing else.
                block = Block(ITEM, number, start, end, body[BULLET:])
                del stack[matched:]
                block.owner = stack[-1] if matched else None
                block.marker = sign
                block.level = matched
                block.column = column = first + BULLET
                block.padding = column - position
                stack.append(block)
                self.done.append(block)
                self.leaf = block
                self.bare = None
                self.paragraph = WORDS
            elif near and sign == "#" and self.heading(matched, body, number, start, end):
                pass
            elif near and ((body[:2] == "**" and body[-1] not in _RULE_ENDS) or _PLAIN.match(body)):
                self.words(matched, text, first, number, start, end)
            else:
                self.begin(matched, position, first, text, number, start, end)
                self.inside(lines)

    def inside(self, lines: Iterator[Place]) -> None:
        """Lines in a quote, a fence, or an HTML block, as long as it is open."""
        while self.quotes or (self.leaf is not None and not self.leaf.closed):
            leaf = self.leaf
            if leaf is not None and leaf.form is FENCE and not (leaf.closed or self.quotes):
                place = self.fenced(leaf, lines)
            else:
                place = next(lines, None)
            if place is None:
                return
            self.care(*place)

    def fenced(self, leaf: Block, lines: Iterator[Place]) -> Place | None:
        """The lines of an open fence that stands in no quote, up to one that may end it."""
        column = self.stack[-1].column if self.stack else 0
        margin, mark = " " * column, leaf.marker * 3
        if leaf.tail is None:
            leaf.tail = []
        add = leaf.tail.append
        for place in lines:
            number, start, end, text = place
            if mark in text or (column and not text.startswith(margin)):
                return place
            leaf.end = end
            add((number, start, text[column:] if column else text))
        return None

    def care(self, number: int, start: int, end: int, text: str) -> None:
        """Take one line wherever it stands."""
        stack = self.stack
        size = len(text)
        first = size - len(text.lstrip(" "))
        if self.quotes:
            matched, position = self.match(text)
        else:
            matched = len(stack)
            while matched and stack[matched - 1].column > first:
                matched -= 1
            position = stack[matched - 1].column if matched else 0
        leaf = self.leaf
        if first == size:
            self.blank(text, number, start, end)
            return
        if leaf is not None and not leaf.closed:
            if matched == len(stack):
                self.verbatim(leaf, text[position:], number, start, end)
                return
            leaf.closed = True  # the end of its container ended it
            self.close_leaf()
        if self.quotes:
            found = _SPACES.match(text, position)
            first = found.end() if found else position
            if first == size:
                self.blank_in_quote(matched)
                return
        if self.paragraph and text[first] not in _STARTERS:
            self.words(matched, text, first, number, start, end)
        else:
            self.begin(matched, position, first, text, number, start, end)

    # -- containers ---------------------------------------------------------------------------------

    def match(self, text: str) -> tuple[int, int]:
        """How many open containers go on in this line, and where their content starts."""
        position = 0
        for depth, container in enumerate(self.stack):
            found = _SPACES.match(text, position)
            first = found.end() if found else position
            if container.form is QUOTE:
                if first - position >= INDENT or text[first : first + 1] != ">":
                    return depth, position
                position = first + 1
                if text[position : position + 1] == " ":
                    position += 1
            elif first == len(text):
                if container is self.bare:
                    return depth, position
            elif first - position < container.padding:
                return depth, position
            else:
                position += container.padding
        return len(self.stack), position

    def pop(self, matched: int) -> None:
        """Close the containers that did not go on."""
        if self.quotes:
            for container in self.stack[matched:]:
                self.quotes -= container.form is QUOTE
        del self.stack[matched:]
        self.bare = None

    def push(self, block: Block) -> None:
        """Open a container inside those that are open."""
        self.bare = None
        self.stack.append(block)
        if block.form is QUOTE:
            self.quotes += 1

    # -- leaves -------------------------------------------------------------------------------------

    def close_leaf(self) -> None:
        """Nothing goes on with the leaf that was being filled."""
        self.leaf = None
        self.paragraph = 0

    def open_leaf(self, block: Block, matched: int) -> Block:
        """Start filling a new leaf below the first ``matched`` containers."""
        self.paragraph = 0
        if matched < len(self.stack):
            self.pop(matched)
        self.bare = None
        if self.stack:
            self.place(block)
        self.done.append(block)
        self.leaf = block
        return block

    def place(self, block: Block) -> None:
        """Say which list item holds the block, and whether it is quoted."""
        stack = self.stack
        if not self.quotes:
            block.owner = stack[-1]
            return
        block.quoted = True
        for container in reversed(stack):
            if container.form is ITEM:
                block.owner = container
                return

    def blank(self, text: str, number: int, start: int, end: int) -> None:
        """A line of spaces: ends paragraphs, is part of fences, closes quotes."""
        leaf = self.leaf
        if leaf is not None and not leaf.closed and not (self.quotes and leaf.quoted):
            column = self.stack[-1].column if self.stack else 0
            self.verbatim(leaf, text[column:], number, start, end)
            return
        self.paragraph = 0
        if self.quotes:
            for index, container in enumerate(self.stack):
                if container.form is QUOTE:
                    self.close_leaf()
                    self.pop(index)
                    break
        self.drop_bare()

    def blank_in_quote(self, matched: int) -> None:
        """A line that holds quote marks only."""
        if matched < len(self.stack) and self.stack[matched] is not self.bare:
            self.close_leaf()
            self.pop(matched)
        self.paragraph = 0
        self.drop_bare()

    def drop_bare(self) -> None:
        """A list item without a word may begin with one blank line at most."""
        if self.bare is not None:
            self.stack.pop()
            self.bare = None

    def verbatim(self, leaf: Block, text: str, number: int, start: int, end: int) -> None:
        """A line of an open fence or HTML block; where nothing else closes the latter, a blank line does."""
        if leaf.form is HTML and self.until is None and not text.strip(" \t"):
            leaf.closed = True
            return
        leaf.end = end
        if leaf.form is FENCE:
            bare = text.lstrip(" ")
            if bare[:1] == leaf.marker and self.closes(text, bare, leaf.marker):
                leaf.closed = True
                return
        elif self.until is not None and self.until.search(text):
            leaf.closed = True
        if leaf.tail is None:
            leaf.tail = []
        leaf.tail.append((number, start, text))

    def closes(self, text: str, bare: str, marker: str) -> bool:
        """Whether a line ends the open fence; ``bare`` is the line without its indentation."""
        if len(text) - len(bare) >= INDENT or not bare.startswith(marker * self.fence):
            return False
        return not bare.lstrip(marker).strip(" \t")

    def words(self, matched: int, text: str, first: int, number: int, start: int, end: int) -> None:
        """A line that starts nothing: it goes on with a paragraph or begins one."""
        leaf = self.leaf
        if self.paragraph and leaf is not None:
            if leaf.tail is None:
                leaf.tail = []
            leaf.tail.append((number, start, text[first:]))
            leaf.end = end
            if "|" in text and self.paragraph is WORDS and _TABLE_RULE.match(text, first):
                above = leaf.tail[-2][2] if len(leaf.tail) > 1 else leaf.text
                if "|" in above:
                    self.paragraph = TABLE
            return
        stack = self.stack
        if leaf is not None and leaf is self.bare and matched == len(stack):
            leaf.text, leaf.at, leaf.end, self.bare = text[first:], start, end, None
        else:
            self.open_leaf(Block(TEXT, number, start, end, text[first:] if first else text), matched)
        self.paragraph = WORDS

    # -- what a line can begin ----------------------------------------------------------------------

    def begin(
        self, matched: int, position: int, first: int, text: str, number: int, start: int, end: int
    ) -> None:
        """Take a line whose first sign may begin a block; walks through markers on one line."""
        while True:
            if first - position >= INDENT:
                if self.paragraph == WORDS:
                    self.words(matched, text, first, number, start, end)
                else:
                    self.code(matched, text[position + INDENT :], number, start, end)
                return
            sign = text[first]
            if sign not in _STARTERS:
                self.words(matched, text, first, number, start, end)
                return
            if sign == ">" and len(self.stack) < MAX_DEPTH:
                self.open_quote(matched, first, number, start, end)
                matched = len(self.stack)
                position = first + 1
                if text[position : position + 1] == " ":
                    position += 1
            elif sign not in _DIGITS and self.leaf_begins(sign, matched, text, first, number, start, end):
                return
            else:
                marker = _MARKER.match(text, first) if sign in _MARKERS else None
                if marker is None or not self.may_list(marker, matched, text):
                    self.words(matched, text, first, number, start, end)
                    return
                position = self.open_item(marker, matched, position, text, number, start, end)
                matched = len(self.stack)
            found = _SPACES.match(text, position)
            first = found.end() if found else position
            if first >= len(text):
                return

    def code(self, matched: int, text: str, number: int, start: int, end: int) -> None:
        """A line of indented code."""
        leaf = self.leaf
        if leaf is None or leaf.form is not CODE or matched < len(self.stack):
            leaf = self.open_leaf(Block(CODE, number, start, end, ""), matched)
            leaf.tail = []
        assert leaf.tail is not None
        leaf.tail.append((number, start, text))
        leaf.end = end

    def open_quote(self, matched: int, first: int, number: int, start: int, end: int) -> None:
        """A quote mark opens a container."""
        self.close_leaf()
        self.pop(matched)
        quote = Block(QUOTE, number, start, end, "")
        quote.column = first + 1
        self.push(quote)

    def may_list(self, marker: re.Match[str], matched: int, text: str) -> bool:
        """Whether a marker opens a list item here; inside a paragraph only some do."""
        if len(self.stack) >= MAX_DEPTH:
            return False
        if not self.paragraph or matched < len(self.stack):
            return True
        number = marker.group(2)
        if number is not None and int(number) != 1:
            return False
        return bool(text[marker.end() :].strip(" \t"))

    def open_item(
        self, marker: re.Match[str], matched: int, position: int, text: str, number: int, start: int, end: int
    ) -> int:
        """Open a list item; returns where its content starts."""
        after = marker.end()
        found = _SPACES.match(text, after)
        first = found.end() if found else after
        block = Block(ITEM, number, start, end, "")
        self.open_leaf(block, matched)
        block.marker = marker.group(1) or marker.group(3)
        block.level = len(self.stack) - self.quotes
        wide = first == len(text) or first - after > INDENT
        content = after + 1 if wide else first
        block.column = content
        block.padding = content - position
        self.stack.append(block)
        self.bare = block
        return content

    def leaf_begins(  # noqa: PLR0911 - one return a kind of block
        self, sign: str, matched: int, text: str, first: int, number: int, start: int, end: int
    ) -> bool:
        """Try heading, fence, HTML block, underline and rule; True where one was taken."""
        if sign == "#":
            return self.heading(matched, text[first:], number, start, end)
        if sign in "`~":
            found = _OPENS_FENCE.match(text, first)
            if found is None:
                return False
            block = Block(FENCE, number, start, end, (found[2] or found[4] or "").strip())
            self.open_leaf(block, matched)
            block.marker, block.closed = sign, False
            self.fence = len(found[1] or found[3])
            return True
        if sign == "<":
            return self.html(matched, text, first, number, start, end)
        if sign in "=-" and self.paragraph and matched == len(self.stack) and _SETEXT.match(text, first):
            return self.underline(sign, end)
        if sign in "-*_" and text[-1] in f"{sign} \t" and _IS_RULE.match(text, first):
            self.open_leaf(Block(RULE, number, start, end, ""), matched)
            return True
        return False

    def heading(self, matched: int, text: str, number: int, start: int, end: int) -> bool:
        """A line of ``#`` marks and words; ``text`` is without its indentation."""
        marks, _, words = text.partition(" ")
        if marks not in _HASHES:
            found = _IS_HEADING.match(text)
            if found is None:
                return False
            marks, words = found[1], text[found.end() :]
        if "#" in words:
            words = _HEADING_TAIL.sub("", words)
        block = Block(HEADING, number, start, end, words.strip(" \t"))
        block.level, block.marker = len(marks), "#"
        self.open_leaf(block, matched)
        return True

    def underline(self, sign: str, end: int) -> bool:
        """A line of ``=`` or ``-`` below a paragraph makes it a heading."""
        leaf = self.leaf
        self.paragraph = 0
        if leaf is None:
            return True
        leaf.end = end
        if leaf.form is TEXT:
            leaf.form, leaf.marker, leaf.level = HEADING, sign, 1 if sign == "=" else 2
            if leaf.tail:
                leaf.text, leaf.tail = leaf.joined(), None
        else:
            leaf.underlined = True
        return True

    def html(self, matched: int, text: str, first: int, number: int, start: int, end: int) -> bool:
        """A line that opens an HTML block of one of the seven kinds."""
        kind = next((kind for kind in _HTML_OPENERS if kind[0].match(text, first)), None)
        closer = kind[1] if kind is not None else None
        alone = not self.paragraph and text.rstrip(" \t").endswith(">") and _HTML_ALONE.match(text, first)
        if kind is None and not alone:
            return False
        block = Block(HTML, number, start, end, text[first:])
        self.open_leaf(block, matched)
        block.tail = [(number, start, text[first:])]
        block.closed = closer is not None and closer.search(text, first) is not None
        self.until = closer
        return True
