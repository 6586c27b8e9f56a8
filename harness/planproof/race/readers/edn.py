"""A reader of EDN, as much of it as histories hold: https://github.com/edn-format/edn."""

from __future__ import annotations

import re
from bisect import bisect_right
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

from planproof.errors import HistoryError


if TYPE_CHECKING:
    from collections.abc import Iterator


DEEPEST: Final = 200
"""How deep collections may be nested."""

_TOKEN: Final = re.compile(
    r"""[\s,]+ | ;[^\n]* |
    (?P<string>"(?:[^"\\]|\\.)*") |
    (?P<open>\#?\{|\[|\(|\#_|\#(?=[A-Za-z:])) |
    (?P<close>[\]})]) |
    (?P<char>\\(?:newline|space|tab|return|u[0-9a-fA-F]{4}|.)) |
    (?P<atom>[^\s,;"\[\]{}()\\]+)""",
    re.VERBOSE | re.DOTALL,
)
_INTEGER: Final = re.compile(r"[+-]?\d+N?")
_FLOAT: Final = re.compile(r"[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?M?")
_RATIO: Final = re.compile(r"[+-]?\d+/0*[1-9]\d*")
_ESCAPES: Final = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
_ESCAPE: Final = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_CHARACTERS: Final = {"newline": "\n", "space": " ", "tab": "\t", "return": "\r"}
_CLOSING: Final = {"[": "]", "(": ")", "{": "}", "#{": "}"}
_CONSTANTS: Final = {"nil": None, "true": True, "false": False}


class Keyword(str):
    """An EDN keyword, without its colon."""

    __slots__ = ()


class _Open:
    """A collection that is not closed yet, or a tag or discard that waits for its value."""

    __slots__ = ("at", "items", "sign")

    def __init__(self, sign: str, at: int) -> None:
        self.sign = sign
        self.at = at
        self.items: list[Any] = []


def read_forms(text: str, path: str | None = None) -> Iterator[tuple[Any, int]]:
    """Every top-level value and the line where it begins.

    Lists and vectors are tuples, sets frozensets, maps dicts, keywords :class:`Keyword`, ratios text in
    lowest terms; a tagged value is the value without its tag, and so is a map whose keys have one namespace.

    Args:
        text: EDN.
        path: for messages.

    Raises:
        HistoryError: not EDN; with the line.
    """
    starts = [match.start() for match in re.finditer("\n", text)]

    def line(at: int) -> int:
        return bisect_right(starts, at - 1) + 1 if at else 1

    stack: list[_Open] = []
    position, end = 0, len(text)
    while position < end:
        match = _TOKEN.match(text, position)
        if match is None:
            raise HistoryError("a text breaks off, or a sign is not EDN", path=path, line=line(position))
        at, position = position, match.end()
        kind = match.lastgroup
        if kind is None:
            continue
        token = match.group()
        if kind == "open":
            stack.append(_Open(token, at))
            if len(stack) > DEEPEST:
                raise HistoryError(f"is nested deeper than {DEEPEST}", path=path, line=line(at))
            continue
        if kind == "close":
            if not stack or _CLOSING.get(stack[-1].sign) != token:
                raise HistoryError(f"{token} closes nothing", path=path, line=line(at))
            done = stack.pop()
            at = done.at
            value = _collected(done, path, line(at))
        else:
            value = _atom(kind, token, path, line(at))
        yield from _placed(stack, value, at, line)
    if stack:
        raise HistoryError("is cut: what begins here is never closed", path=path, line=line(stack[-1].at))


def _placed(stack: list[_Open], value: Any, at: int, line: Any) -> Iterator[tuple[Any, int]]:
    """Put a value where it belongs; yields it where that is the top."""
    while stack and stack[-1].sign == "#":
        if not stack[-1].items:  # the tag itself
            stack[-1].items.append(value)
            return
        at = stack.pop().at
    if stack and stack[-1].sign == "#_":
        stack.pop()
    elif stack:
        stack[-1].items.append(value)
    else:
        yield value, line(at)


def _collected(done: _Open, path: str | None, line: int) -> Any:
    if done.sign == "{":
        if len(done.items) % 2:
            raise HistoryError("a map has a key without a value", path=path, line=line)
        try:
            return dict(zip(done.items[::2], done.items[1::2], strict=True))
        except TypeError:
            raise HistoryError("a map has a map as its key", path=path, line=line) from None
    if done.sign == "#{":
        try:
            return frozenset(done.items)
        except TypeError:
            raise HistoryError("a set holds a map", path=path, line=line) from None
    return tuple(done.items)


def _atom(kind: str, token: str, path: str | None, line: int) -> Any:  # noqa: PLR0911 - a table of forms
    if kind == "string":
        return _ESCAPE.sub(_unescaped, token[1:-1]) if "\\" in token else token[1:-1]
    if kind == "char":
        name = token[1:]
        return chr(int(name[1:], 16)) if len(name) == 5 else _CHARACTERS.get(name, name)  # noqa: PLR2004 - uXXXX
    if token in _CONSTANTS:
        return _CONSTANTS[token]
    if token[0] == ":":
        if len(token) == 1:
            raise HistoryError("a keyword breaks off", path=path, line=line)
        return Keyword(token[1:])
    if _INTEGER.fullmatch(token):
        return int(token.rstrip("N"))
    if _FLOAT.fullmatch(token):
        return float(token.rstrip("M"))
    if _RATIO.fullmatch(token):
        ratio = Fraction(token)
        return int(ratio) if ratio.denominator == 1 else str(ratio)
    if token[0].isdigit():
        raise HistoryError(f"{token} is no number", path=path, line=line)
    return token


def _unescaped(match: re.Match[str]) -> str:
    name = match.group(1)
    return chr(int(name[1:], 16)) if len(name) > 1 else _ESCAPES.get(name, name)
