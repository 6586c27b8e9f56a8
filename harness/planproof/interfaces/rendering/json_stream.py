"""JSON written while it is made: a document of a hundred thousand rows is never held as a whole."""

from __future__ import annotations

import json
from json.encoder import encode_basestring
from typing import TYPE_CHECKING, Any, NamedTuple

import click


if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# Characters that are written at once.
CHUNK = 1 << 16


class Rows(NamedTuple):
    """A list in a document whose elements are made one by one.

    Attributes:
        each: the elements; documents themselves, which may hold rows again.
    """

    each: Iterable[Any]


def echo(document: dict[str, Any]) -> None:
    """Write a document to standard output, with a line end.

    Args:
        document: what :mod:`json` can write, with :class:`Rows` for lists; the text is the one of
            ``json.dumps(document, ensure_ascii=False, indent=2)``.
    """
    held: list[str] = []
    length = 0
    for piece in pieces(document):
        held.append(piece)
        length += len(piece)
        if length > CHUNK:
            click.echo("".join(held), nl=False)
            held.clear()
            length = 0
    click.echo("".join(held))


def pieces(value: Any, line: str = "\n") -> Iterator[str]:
    """A value as JSON, piece by piece.

    Args:
        value: see :func:`echo`.
        line: a line end and the indentation of the line on which the value stands.
    """
    inner = f"{line}  "
    if isinstance(value, Rows):
        lead = "["
        for one in value.each:
            yield f"{lead}{inner}"
            yield from pieces(one, inner)
            lead = ","
        yield "[]" if lead == "[" else f"{line}]"
    elif isinstance(value, dict) and any(map(_lazy, value.values())):
        lead = "{"
        for key, one in value.items():
            yield f"{lead}{inner}{encode_basestring(key)}: "
            yield from pieces(one, inner)
            lead = ","
        yield f"{line}}}"
    else:
        yield _whole(value, line)


def _lazy(value: Any) -> bool:
    return type(value) is Rows


def _whole(value: Any, line: str) -> str:
    """A value without rows as JSON."""
    if isinstance(value, str):
        return encode_basestring(value)
    inner = f"{line}  "
    if isinstance(value, dict) and value:
        fields = [f"{encode_basestring(key)}: {_whole(one, inner)}" for key, one in value.items()]
        return f"{{{inner}{f',{inner}'.join(fields)}{line}}}"
    if isinstance(value, list | tuple) and value:
        return f"[{inner}{f',{inner}'.join([_whole(one, inner) for one in value])}{line}]"
    return json.dumps(value)
