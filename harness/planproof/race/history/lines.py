"""The file form: JSON lines, a header, then one array of events a line; also two plain forms for other tools.

Schema: ``planproof/schemas/history.schema.json``; the page is ``docs/histories.md``.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from planproof.errors import HistoryError
from planproof.race.history.operation import History, Note, Operation, Outcome, SubOperation
from planproof.race.history.plain_forms import PlainForms
from planproof.race.history.values import frozen


if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path


FORM: Final = 1
"""Version of the file form."""
SHOWN: Final = 60
"""How many signs of an event that cannot be read are shown."""

_ARRAY: Final = re.compile(rb"\s*\[\s*\{")
_OUTCOMES: Final = {"ok": Outcome.OK, "fail": Outcome.FAIL, "info": Outcome.INFO}


class Assembly:
    """Puts events together into operations; refuses what no run can have produced.

    Args:
        path: the file they come from, for messages.
    """

    def __init__(self, path: str | None = None) -> None:
        self.path = path
        self.meta: Mapping[str, Any] = {}
        self.cut: int | None = None
        self.line: int | None = None
        self._calls: dict[int, list[Any]] = {}
        self._ends: dict[int, tuple[int, Outcome, Any]] = {}
        self._subs: dict[int, list[SubOperation]] = {}
        self.notes: list[Note] = []
        self._ended = False
        self._plain: list[Operation] = []

    def take(self, event: Sequence[Any]) -> None:
        """Take one event: call, ok, fail, info, sub, note or end.

        Raises:
            HistoryError: duplicate id, reply without call, second reply, or no such event.
        """
        try:
            self._take(event)
        except (IndexError, ValueError, TypeError):
            raise self._error(f"{_short(event)} is no event of a history") from None

    def _take(self, event: Sequence[Any]) -> None:
        kind = event[0]
        if kind == "call":
            _, number, client, op, args, at = event
            if number in self._calls:
                raise self._error(f"operation {number} is called twice")
            if not isinstance(args, list | tuple) or not isinstance(op, str):
                raise ValueError(op)
            self._calls[number] = [client, op, frozen(args), _time(at), self.line]
        elif kind in _OUTCOMES:
            _, number, at, value = event
            if number not in self._calls:
                raise self._error(f"operation {number} returns without having been called")
            if number in self._ends:
                raise self._error(f"operation {number} returns twice")
            self._ends[number] = (_time(at), _OUTCOMES[kind], value)
        elif kind == "sub":
            _, number, sort, text, begin, end, note = event
            self._subs.setdefault(number, []).append(SubOperation(sort, text, begin, end, note))
        elif kind == "note":
            _, at, sort, text, client, end = event
            self.notes.append(Note(int(at), sort, text, client, end))
        elif kind == "end":
            self._ended = True
        else:
            raise ValueError(kind)

    def add(self, operation: Operation) -> None:
        """Take a whole operation."""
        self._plain.append(operation)

    def history(self) -> History:
        """The history so far.

        Raises:
            HistoryError: it is not well formed.
        """
        return History.of(
            [*self._plain, *self._built()],
            notes=tuple(sorted(self.notes, key=lambda note: note.at)),
            meta=self.meta,
            path=self.path,
            cut=self.cut,
            ended=self._ended,
        )

    def _built(self) -> Iterator[Operation]:
        for number, (client, op, args, at, line) in self._calls.items():
            ret, outcome, value = self._ends.get(number, (None, Outcome.INFO, None))
            ok = outcome is Outcome.OK
            yield Operation(
                number,
                client,
                op,
                args,
                at,
                ret,
                outcome,
                frozen(value) if ok else None,
                None if ok or value is None else str(value),
                tuple(self._subs.get(number, ())),
                line,
            )

    def _error(self, message: str) -> HistoryError:
        return HistoryError(message, path=self.path, line=self.line)


def _time(at: object) -> int:
    if type(at) is not int:  # cut to whole numbers, seconds would make operations overlap that did not
        raise ValueError(at)
    return at


def read_lines(path: Path) -> History:
    """Read a history in the recorder's own form, or one of the plain forms of ``docs/histories.md``.

    A last line that breaks off is not an error here: what stands before it is a valid prefix, and
    ``History.cut`` names the line.

    Args:
        path: the file.

    Raises:
        HistoryError: missing, not JSON lines, or not well formed; with file and line.
    """
    name = str(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise HistoryError(f"cannot be read: {error.strerror}", path=name) from None
    return read_events(data, name)


def read_events(data: bytes, name: str | None = None) -> History:
    """Read what :func:`read_lines` reads, from memory.

    Args:
        data: the lines.
        name: the file that they come from, for messages.

    Raises:
        HistoryError: as there.
    """
    assembly = Assembly(name)
    plain = PlainForms(name)
    data = data.removeprefix(b"\xef\xbb\xbf")
    if _ARRAY.match(data):
        return _array(data, assembly, plain)
    # A recorder that was killed leaves the room that it had made for further lines: newlines.
    lines = data.rstrip(b"\n").split(b"\n")
    for number, raw in enumerate(lines, 1):
        if not raw.strip():
            continue
        assembly.line = number
        try:
            value = json.loads(raw)
        except (ValueError, RecursionError):
            if number == len(lines):
                assembly.cut = number
                break
            raise HistoryError("is not a line of JSON", path=name, line=number) from None
        _take_line(assembly, plain, value, number)
    return _whole(assembly, plain)


def _array(data: bytes, assembly: Assembly, plain: PlainForms) -> History:
    """One JSON array of events or operations, over as many lines as it likes."""
    try:
        events = json.loads(data)
    except (ValueError, RecursionError) as error:
        line = getattr(error, "lineno", None)
        raise HistoryError("is not JSON, or is cut", path=assembly.path, line=line) from None
    for number, value in enumerate(events, 1):
        _take_line(assembly, plain, value, number)
    return _whole(assembly, plain)


def _whole(assembly: Assembly, plain: PlainForms) -> History:
    for operation in plain.operations():
        assembly.add(operation)
    assembly.notes += plain.notes
    return assembly.history()


def _take_line(assembly: Assembly, plain: PlainForms, value: Any, number: int) -> None:
    if isinstance(value, list):
        for event in value:
            assembly.take(event)
        return
    if not isinstance(value, dict):
        raise HistoryError("is neither an event nor an operation", path=assembly.path, line=number)
    if "planproof-history" in value:
        _header(assembly, value, number)
    elif not plain.take(value, number):
        raise HistoryError(
            f"an object with the keys {', '.join(map(str, value)) or 'none'} is no part of a history",
            path=assembly.path,
            line=number,
        )


def _header(assembly: Assembly, value: dict[str, Any], number: int) -> None:
    if value["planproof-history"] != FORM:
        raise HistoryError(
            f"was written in form {value['planproof-history']}; this version reads form {FORM}",
            path=assembly.path,
            line=number,
        )
    if not isinstance(value.get("meta", {}), dict):
        raise HistoryError("the head's meta is no object", path=assembly.path, line=number)
    if number != 1 and assembly.meta != value.get("meta", {}):
        raise HistoryError(
            "a second run starts here; one file holds one run", path=assembly.path, line=number
        )
    assembly.meta = value.get("meta", {})


def _short(event: object) -> str:
    text = repr(event)
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 3]}..."
