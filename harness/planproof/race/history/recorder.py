"""The recorder: one line for each event, in the file before the client goes on."""

from __future__ import annotations

import itertools
import json
import time
from json.encoder import encode_basestring_ascii
from typing import TYPE_CHECKING, Any, Self

from planproof.errors import HistoryError, WorkloadError
from planproof.race.history.journal import Journal, Sink, Through, opened
from planproof.race.history.lines import FORM, Assembly, read_events
from planproof.race.history.values import frozen, plain


if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from types import TracebackType

    from planproof.race.history.operation import History, Outcome


__all__ = ["Recorder", "Sink"]

_HEADS = 4096  # how many calls are remembered as text; a run whose arguments all differ must not grow
_FIXED = frozenset({str, int, bool, float, type(None)})  # what cannot change after it was returned
_TROUBLE = (TypeError, ValueError, RecursionError)  # what json raises
_encode = json.JSONEncoder(separators=(",", ":"), default=plain, check_circular=False).encode


class Recorder:
    """Writes a history while it happens, so that a killed run can still be judged.

    A call is written before an operation is sent and a reply after it came, each a line of JSON that a kill
    of this process no longer loses. So whatever a kill leaves is a prefix of what happened: no effect is seen
    whose call is not there.

    Args:
        path: file to write; None keeps the history in memory only.
        meta: workload, model, seed, backend, replay command; JSON values.
        shared: other processes append to the file too.
        joins: the file was begun by another process, which also ends it: this one only adds its events,
            with ids of its own.
        clock: monotonic nanoseconds.
        first_id: where ids start; processes that share a file need ranges of their own.
        sink: takes the lines in place of ``path``.

    Raises:
        HistoryError: the file cannot be opened, or there is one already.
    """

    def __init__(
        self,
        path: Path | None = None,
        *,
        meta: Mapping[str, Any] | None = None,
        shared: bool = False,
        clock: Callable[[], int] = time.monotonic_ns,
        first_id: int = 0,
        sink: Sink | None = None,
        joins: bool = False,
    ) -> None:
        self.path = path
        self.clock = clock
        self._joins = joins
        self._ids = itertools.count(first_id)
        self._heads: dict[tuple[Any, ...], str] = {}
        self._unrecordable: WorkloadError | None = None
        self._closed = False
        self._meta = dict(meta or {})
        self._events: list[tuple[Any, ...]] = []
        self._keep: Callable[[tuple[Any, ...]], None] | None = None
        self._journal: Journal | None = None
        if sink is not None:
            self._journal = Through(sink, self._name)
        elif path is not None:
            self._journal = opened(path, shared=shared or joins, joins=joins)
        if self._journal is None:
            self._keep = self._events.append
            return
        self._put = self._journal.put
        if not joins:
            self._write(_encode({"planproof-history": FORM, "meta": self._meta}).encode() + b"\n")

    @property
    def failure(self) -> HistoryError | WorkloadError | None:
        """Why the record is not whole; None while it is."""
        if self._unrecordable is not None or self._journal is None:
            return self._unrecordable
        return self._journal.failure

    def call(self, client: int | str, op: str, args: tuple[Any, ...] = ()) -> int:
        """Note that ``client`` is about to send ``op``; returns the operation's id."""
        number = next(self._ids)
        if self._keep is not None:
            if args and (len(args) > 1 or type(args[0]) not in _FIXED):
                args = self._settled(op, args)
            self._keep(("call", number, client, op, args, self.clock()))
            return number
        try:
            head = self._heads[client, op, args]
        except (KeyError, TypeError):  # not seen before, or not hashable
            head = self._head(client, op, args)
        line = f'[["call",{number},{head},{self.clock()}]]\n'.encode()
        try:
            self._put(line)
        except ValueError:
            self._write(line)
        return number

    def ok(self, number: int, result: Any = None) -> None:
        """Note that operation ``number`` came back with ``result``."""
        at = self.clock()
        kind = type(result)
        if self._keep is not None:
            self._keep(("ok", number, at, result if kind in _FIXED else self._settled(number, result)))
            return
        if kind is str:
            text = encode_basestring_ascii(result)
        elif kind is int:
            text = result
        else:
            text = "null" if result is None else self._text(number, result)
        try:
            self._put(f'[["ok",{number},{at},{text}]]\n'.encode())
        except ValueError:  # no room, or a number with more digits than Python writes
            self._write(f'[["ok",{number},{at},{self._text(number, result)}]]\n'.encode())

    def fail(self, number: int, error: str | None = None) -> None:
        """Note that operation ``number`` certainly did not happen."""
        self._event(("fail", number, self.clock(), error))

    def info(self, number: int, error: str | None = None) -> None:
        """Note that nobody knows whether operation ``number`` happened."""
        self._event(("info", number, self.clock(), error))

    def end(self, number: int, outcome: Outcome, value: Any = None) -> None:
        """Note any outcome; ``value`` is the result of an ok operation, else the error's text."""
        if outcome.value == "ok":
            self.ok(number, value)
        else:
            self._event((outcome.value, number, self.clock(), value))

    def sub(
        self,
        number: int,
        kind: str,
        text: str,
        begin: int,
        end: int | None = None,
        *,
        note: str | None = None,
    ) -> None:
        """Note a statement or request that operation ``number`` sent; times in monotonic nanoseconds."""
        self._event(("sub", number, kind, text, begin, end, note))

    def note(
        self,
        kind: str,
        text: str,
        *,
        client: int | str | None = None,
        at: int | None = None,
        end: int | None = None,
    ) -> None:
        """Note a fault or anything else on the time line; ``at`` is now where it is not given."""
        self._event(("note", self.clock() if at is None else at, kind, text, client, end))

    def close(self) -> History:
        """Write the end mark and return the whole history, as a reader of the file would see it.

        Raises:
            HistoryError: it could not be written, or is not well formed.
            WorkloadError: an operation took or returned something that cannot be recorded.
        """
        self._finish(whole=True)
        if self.failure is not None:
            raise self.failure
        return self.history()

    def history(self) -> History:
        """All that was noted so far; operations without a reply are open."""
        if self._journal is not None:
            return read_events(self._journal.content(), self._name)
        assembly = Assembly()
        assembly.meta = self._meta
        for event in self._events.copy():
            assembly.take(event)
        return assembly.history()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
        else:
            self._finish(whole=False)

    @property
    def _name(self) -> str | None:
        return str(self.path) if self.path is not None else None

    def _finish(self, *, whole: bool) -> None:
        if self._closed:
            return
        self._closed = True
        if whole and not self._joins:
            self._event(("end", self.clock()))
        if self._journal is not None:
            self._journal.close()

    def _write(self, line: bytes) -> None:
        assert self._journal is not None
        self._journal.write(line)
        self._put = self._journal.put

    def _event(self, event: tuple[Any, ...]) -> None:
        if self._keep is not None:
            self._keep(event)
            return
        try:
            line = _encode((event,))
        except _TROUBLE as error:
            self._lose(f"an event {event[0]!r} holds what cannot be recorded: {error}")
            return
        self._write(line.encode() + b"\n")

    def _head(self, client: int | str, op: str, args: tuple[Any, ...]) -> str:
        """Client, operation and arguments as text; kept where equal calls have equal texts."""
        try:
            head = _encode((client, op, args))[1:-1]
        except _TROUBLE as error:
            self._lose(f"operation {op} takes what cannot be recorded: {error}")
            return _encode((str(client), op, ()))[1:-1]
        if len(self._heads) < _HEADS and all(type(arg) is str for arg in args):
            self._heads[client, op, args] = head
        return head

    def _text(self, number: int, result: Any) -> str:
        """A result as JSON; where it has no such form, the run does not count and says why."""
        try:
            return _encode(result)
        except _TROUBLE as error:
            self._returned(number, error)
            return "null"

    def _settled(self, of: int | str, value: Any) -> Any:
        """The value as it is now, whatever the application does with it later."""
        if type(value) is tuple:
            for each in value:
                if type(each) not in _FIXED:
                    break
            else:
                return value
        try:
            return frozen(value)
        except _TROUBLE as error:
            if isinstance(of, str):
                self._lose(f"operation {of} takes what cannot be recorded: {error}")
                return ()
            self._returned(of, error)
            return None

    def _returned(self, number: int, error: Exception) -> None:
        names = {op.id: op.op for op in self.history().operations}
        self._lose(f"operation {names.get(number, number)} returned what cannot be recorded: {error}")

    def _lose(self, message: str) -> None:
        if self._unrecordable is None:
            self._unrecordable = WorkloadError(message)
