"""Histories of other tools, and our own, from files: one function, a format each."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from planproof.errors import HistoryError
from planproof.race.history.lines import read_lines


if TYPE_CHECKING:
    from pathlib import Path

    from planproof.race.history.operation import History


FORMATS: Final = ("porcupine-etcd", "porcupine-kv", "knossos", "jepsen", "jsonl")
"""The formats that :func:`read_history` knows; ``docs/histories.md`` describes each."""

DEFAULT_MODELS: Final = {
    "porcupine-etcd": "cas-register",
    "porcupine-kv": "kv",
    "knossos": "cas-register",
    "jepsen": "cas-register",
}
"""The model that goes with a format where nobody names one."""


# White space, commas, comments, discarded words: EDN may begin with them.
_LEADING: Final = re.compile(r"(?:[\s,]+|;[^\n]*|#_[\w.-]+)*")
_JSON: Final = re.compile(r'\[\s*["\[]|\[?\s*\{\s*"[^"]*"\s*:')
_EDN: Final = re.compile(r"[\[(]?\s*(?:;[^\n]*\s+)*(?:#[A-Za-z][\w.]*\s*)?\{")


def read_history(path: Path, form: str) -> History:
    """Read a file.

    Args:
        path: the file.
        form: one of :data:`FORMATS`.

    Raises:
        HistoryError: the file cannot be read or is not well formed, with file and line.
    """
    if form == "jsonl":
        return read_lines(path)
    from planproof.race.readers import edn_history, log_history

    name = str(path)
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise HistoryError(f"cannot be read: {error.strerror}", path=name) from None
    except UnicodeDecodeError:
        raise HistoryError("is not UTF-8 text", path=name) from None
    if form == "porcupine-etcd":
        return log_history.read_log(text, name)
    if form == "jepsen" and not text.lstrip().startswith(("{", "[", "(", ";", "#")):
        return log_history.read_table(text, name)
    if form in FORMATS:
        return edn_history.read_maps(text, name)
    raise HistoryError(f"{form!r} is no format; known are {', '.join(FORMATS)}", path=name)


def guess_format(path: Path) -> str | None:
    """The format that the first lines of a file look like; None where they look like none.

    ``porcupine-etcd`` is guessed for its log lines and ``porcupine-kv`` for maps with a ``:key``; other maps
    are taken for Knossos'.
    """
    try:
        with path.open("rb") as file:
            head = file.read(4096).decode("utf-8-sig", "replace")
    except OSError:
        return None
    head = _LEADING.sub("", head, count=1)
    if _JSON.match(head):
        return "jsonl"
    if "jepsen.util - " in head or "jepsen.util: " in head:
        return "porcupine-etcd"
    if _EDN.match(head):
        return "porcupine-kv" if ":key" in head else "knossos"
    first = head.partition("\n")[0].split("\t")
    return "jepsen" if len(first) > 2 and first[1].startswith(":") else None  # noqa: PLR2004 - process, type, f
