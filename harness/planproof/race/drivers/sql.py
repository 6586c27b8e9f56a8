"""What a SQL statement reads and writes, as far as tables go: a reader of tokens, not of text patterns.

It need not know SQL's grammar, only be safe: what it does not understand touches everything.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from planproof.race.schedules.step import ANYTHING


if TYPE_CHECKING:
    from collections.abc import Iterator


READ, WRITE, BEGIN, COMMIT, ROLLBACK, SETTING = "read", "write", "begin", "commit", "rollback", "setting"

_FIRST = {
    "SELECT": READ,
    "VALUES": READ,
    "TABLE": READ,
    "SHOW": SETTING,
    "EXPLAIN": READ,
    "PRAGMA": SETTING,
    "SET": SETTING,
    "RESET": SETTING,
    "BEGIN": BEGIN,
    "START": BEGIN,
    "SAVEPOINT": SETTING,
    "RELEASE": SETTING,
    "COMMIT": COMMIT,
    "END": COMMIT,
    "ROLLBACK": ROLLBACK,
    "ABORT": ROLLBACK,
    "INSERT": WRITE,
    "UPDATE": WRITE,
    "DELETE": WRITE,
    "REPLACE": WRITE,
    "MERGE": WRITE,
}
_BEFORE_A_TABLE = {"FROM", "JOIN", "INTO", "UPDATE", "TABLE", "USING", "ONLY"}
_CHANGING = {"INSERT", "UPDATE", "DELETE", "REPLACE", "MERGE"}
_NOT_A_TABLE = {"SELECT", "LATERAL", "ONLY", "SET", "NOTHING", "VALUES", "(", "UNNEST", "SKIP", "NOWAIT", "OF"}


@dataclass(frozen=True, slots=True)
class Statement:
    """What one statement does.

    Attributes:
        kind: ``read``, ``write``, ``begin``, ``commit``, ``rollback`` or ``setting``.
        tables: the tables it names, in lower case; ``*`` where it cannot be told.
        locks: True for ``SELECT ... FOR UPDATE`` and its like, and for advisory locks.
        mode: of a BEGIN: ``DEFERRED``, ``IMMEDIATE``, ``EXCLUSIVE`` or empty.
        partial: a rollback to a savepoint, which ends no transaction.
    """

    kind: str
    tables: frozenset[str] = frozenset()
    locks: bool = False
    mode: str = ""
    partial: bool = False


def tokens(text: str) -> Iterator[str]:
    """Words in upper case, quoted names in lower case, and signs; comments and literals are left out."""
    at, size = 0, len(text)
    while at < size:
        sign = text[at]
        if text.startswith("--", at):
            at = _after(text, "\n", at)
        elif text.startswith("/*", at):
            at = _after(text, "*/", at + 2)
        elif sign == "'":
            at = _after_quoted(text, "'", at)
        elif sign in {'"', "`"}:
            end = _after_quoted(text, sign, at)
            yield text[at + 1 : end - 1].lower()
            at = end
        elif sign.isalpha() or sign == "_":
            end = at
            while end < size and (text[end].isalnum() or text[end] in "_$"):
                end += 1
            yield text[at:end].upper()
            at = end
        else:
            if not sign.isspace():
                yield sign
            at += 1


def _after(text: str, mark: str, start: int) -> int:
    found = text.find(mark, start)
    return len(text) if found < 0 else found + len(mark)


def _after_quoted(text: str, quote: str, start: int) -> int:
    at = start + 1
    while at < len(text):
        if text[at] == quote:
            if text[at + 1 : at + 2] != quote:
                return at + 1
            at += 1
        at += 1
    return len(text)


@lru_cache(maxsize=1024)
def read_statement(text: str) -> Statement:
    """Read one statement; several in one text, or an unknown one, touch everything."""
    words = list(tokens(text))
    while words and words[-1] == ";":
        words.pop()
    if not words:
        return Statement(SETTING)
    if ";" in words:
        return Statement(WRITE, frozenset({ANYTHING}))
    kind = _FIRST.get(words[0])
    if words[0] == "WITH":
        kind = WRITE if _CHANGING & set(words) else READ
    if kind is None:
        return Statement(WRITE, frozenset({ANYTHING}))
    if kind in {READ, WRITE}:
        return _touching(kind, words)
    mode = next((word for word in words[1:3] if word in {"DEFERRED", "IMMEDIATE", "EXCLUSIVE"}), "")
    return Statement(kind, mode=mode, partial=kind == ROLLBACK and "TO" in words)


def _touching(kind: str, words: list[str]) -> Statement:
    locks = any(a == "FOR" and b in {"UPDATE", "SHARE", "NO", "KEY"} for a, b in zip(words, words[1:], strict=False))
    named = {word for word in words if "_LOCK" in word and word.startswith("PG_")}
    tables = set(_tables(words))
    if named:
        return Statement(WRITE, frozenset(tables | {"advisory lock"}), locks=True)
    if any(a.isidentifier() and b == "(" and a.lower() in _UNKNOWN_EFFECT for a, b in zip(words, words[1:], strict=False)):
        tables.add(ANYTHING)
    return Statement(WRITE if locks else kind, frozenset(tables), locks=locks)


_UNKNOWN_EFFECT = {"nextval", "setval", "currval", "lastval"}


def _tables(words: list[str]) -> Iterator[str]:
    """Names after FROM, JOIN, INTO and UPDATE, and after commas in a FROM list."""
    in_list = False
    at = 0
    while at < len(words):
        word = words[at]
        if word in _BEFORE_A_TABLE or (in_list and word == ","):
            at += 1
            name, at = _name(words, at)
            if name:
                yield name
                in_list = word in {"FROM", ","}
            continue
        if in_list and word in {"WHERE", "GROUP", "ORDER", "LIMIT", "SET", "ON", "RETURNING", ")", "SELECT"}:
            in_list = False
        at += 1


def _name(words: list[str], at: int) -> tuple[str, int]:
    if at >= len(words) or words[at] in _NOT_A_TABLE:
        return "", at
    name = words[at].lower()
    while words[at + 1 : at + 2] == ["."] and at + 2 < len(words):
        name, at = words[at + 2].lower(), at + 2  # the schema is left out: tables of one name count as one
    return name, at + 1
