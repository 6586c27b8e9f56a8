"""What kind of thing a SQL statement is: a reader of tokens, not of text patterns.

It need not know SQL's grammar, only be safe: what it does not understand counts as a write. Tables are not
told
apart: views, triggers, foreign keys and functions reach tables that a statement does not name.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING


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
_CHANGING = {"INSERT", "UPDATE", "DELETE", "REPLACE", "MERGE"}
# Functions without an effect; any other may have one, and makes a SELECT count as a write.
_PURE = frozenset(
    [
        "COUNT",
        "SUM",
        "MIN",
        "MAX",
        "AVG",
        "COALESCE",
        "NULLIF",
        "NOW",
        "LOWER",
        "UPPER",
        "LENGTH",
        "ABS",
        "ROUND",
        "EXTRACT",
        "DATE_TRUNC",
        "TO_TIMESTAMP",
        "CAST",
        "ROW_NUMBER",
        "RANK",
        "OVER",
        "EXISTS",
        "IN",
        "ANY",
        "ALL",
        "SOME",
        "VALUES",
        "AS",
        "FROM",
        "WHERE",
        "AND",
        "OR",
        "NOT",
        "ON",
        "USING",
        "JOIN",
        "SELECT",
        "BY",
        "THEN",
        "ELSE",
        "WHEN",
        "CASE",
        "GREATEST",
        "LEAST",
        "ARRAY_AGG",
        "STRING_AGG",
        "JSON_AGG",
        "JSONB_AGG",
        "GROUP_CONCAT",
        "TOTAL",
        "IFNULL",
        "IIF",
        "STRFTIME",
        "DATETIME",
        "DATE",
        "TIME",
        "JULIANDAY",
        "UNIXEPOCH",
        "HEX",
        "SUBSTR",
        "SUBSTRING",
        "TRIM",
        "REPLACE",
        "CONCAT",
        "CARDINALITY",
        "ARRAY",
        "ROW",
        "FILTER",
        "DISTINCT",
        "LIMIT",
        "OFFSET",
        "UNION",
        "EXCEPT",
        "INTERSECT",
        "HAVING",
        "BETWEEN",
        "LIKE",
        "IS",
        "INTERVAL",
    ]
)


@dataclass(frozen=True, slots=True)
class Statement:
    """What one statement does.

    Attributes:
        kind: ``read``, ``write``, ``begin``, ``commit``, ``rollback`` or ``setting``.
        locks: True where it only takes locks: ``SELECT ... FOR UPDATE`` and its like.
        mode: of a BEGIN: ``DEFERRED``, ``IMMEDIATE``, ``EXCLUSIVE`` or empty.
        partial: a rollback to a savepoint, which ends no transaction.
    """

    kind: str
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
    """Read one statement; several in one text, or an unknown one, count as a write."""
    words = list(tokens(text))
    while words and words[-1] == ";":
        words.pop()
    if not words:
        return Statement(SETTING)
    kind = _FIRST.get(words[0], WRITE)
    if ";" in words:
        return Statement(WRITE)
    if words[0] == "WITH":
        kind = WRITE if _CHANGING & set(words) else READ
    if kind == READ:
        return _reading(words)
    mode = next((word for word in words[1:3] if word in {"DEFERRED", "IMMEDIATE", "EXCLUSIVE"}), "")
    return Statement(kind, mode=mode if kind == BEGIN else "", partial=kind == ROLLBACK and "TO" in words)


def _reading(words: list[str]) -> Statement:
    pairs = list(itertools.pairwise(words))
    if any(a == "FOR" and b in {"UPDATE", "SHARE", "NO", "KEY"} for a, b in pairs):
        return Statement(WRITE, locks=True)
    if any(b == "(" and a[0].isalpha() and a not in _PURE for a, b in pairs):
        return Statement(WRITE)
    return Statement(READ)
