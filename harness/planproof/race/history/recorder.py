"""The recorder: two cheap appends per operation, and a thread that brings them to disk in batches."""

from __future__ import annotations

import itertools
import json
import os
import threading
import time
from typing import TYPE_CHECKING, Any, Protocol, Self

from planproof.errors import HistoryError, WorkloadError
from planproof.race.history.lines import FORM, Assembly
from planproof.race.history.values import plain


if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from types import TracebackType

    from planproof.race.history.operation import History, Outcome


class Sink(Protocol):
    """Where lines go: a file opened for binary appending."""

    def write(self, data: bytes, /) -> object:
        """Take all of these bytes or raise OSError."""

    def flush(self) -> object:
        """Hand them to the operating system."""

    def close(self) -> object:
        """Nothing comes after this."""


class Recorder:
    """Writes a history while it happens, so that a killed run can still be judged.

    Calls are put in line before an operation is sent and replies after they came, all in one list, and the
    list goes to disk in its own order, one line of JSON for a batch. So whatever a kill leaves on disk is
    a prefix of what happened: no effect is seen whose call is not there.

    Args:
        path: file to write; None keeps the history in memory only.
        meta: seed, workload, backend, replay command; JSON values.
        interval: seconds between two writes; 0 writes each event at once.
        joins: the file was begun by another process, which also ends it: this one only adds its events, each
            at once, with ids of its own.
        clock: monotonic nanoseconds.
        first_id: where ids start; processes that share a file need ranges of their own.
        sink: a file to write to in place of ``path``.

    Raises:
        HistoryError: the file cannot be opened, or there is one already.
    """

    def __init__(
        self,
        path: Path | None = None,
        *,
        meta: Mapping[str, Any] | None = None,
        interval: float = 0.05,
        clock: Callable[[], int] = time.monotonic_ns,
        first_id: int = 0,
        sink: Sink | None = None,
        joins: bool = False,
    ) -> None:
        self.path = path
        self.clock = clock
        self.failure: HistoryError | WorkloadError | None = None
        self._meta = dict(meta or {})
        self._ids = itertools.count(first_id)
        self._events: list[tuple[Any, ...]] = []
        self._written = 0
        self._put = self._events.append
        self._stop = threading.Event()
        self._drain_lock = threading.Lock()
        self._interval = interval
        self._joins = joins
        self._sink = sink if sink is not None else self._opened(path, joins=joins)
        self._encoder = json.JSONEncoder(
            separators=(",", ":"), default=plain, ensure_ascii=False, check_circular=False
        )
        if not joins:
            self._write(self._line({"planproof-history": FORM, "meta": self._meta}))
        self._thread = threading.Thread(target=self._run, name="planproof-recorder", daemon=True)
        if interval > 0:
            self._thread.start()
        else:
            self._put = self._at_once

    def call(self, client: int | str, op: str, args: tuple[Any, ...] = ()) -> int:
        """Note that ``client`` is about to send ``op``; returns the operation's id."""
        number = next(self._ids)
        self._put(("call", number, client, op, args, self.clock()))
        return number

    def ok(self, number: int, result: Any = None) -> None:
        """Note that operation ``number`` came back with ``result``."""
        self._put(("ok", number, self.clock(), result))

    def fail(self, number: int, error: str | None = None) -> None:
        """Note that operation ``number`` certainly did not happen."""
        self._put(("fail", number, self.clock(), error))

    def info(self, number: int, error: str | None = None) -> None:
        """Note that nobody knows whether operation ``number`` happened."""
        self._put(("info", number, self.clock(), error))

    def end(self, number: int, outcome: Outcome, value: Any = None) -> None:
        """Note any outcome; ``value`` is the result of an ok operation, else the error's text."""
        self._put((outcome.value, number, self.clock(), value))

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
        self._put(("sub", number, kind, text, begin, end, note))

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
        self._put(("note", self.clock() if at is None else at, kind, text, client, end))

    def flush(self) -> None:
        """Bring to disk all that was noted so far.

        Raises:
            HistoryError: the disk is full or the file is gone.
            WorkloadError: an operation took or returned something that cannot be recorded.
        """
        self._drain()
        if self.failure is not None:
            raise self.failure

    def close(self) -> History:
        """Write the end mark and return the whole history, as a reader of the file would see it.

        Raises:
            HistoryError: it could not be written, or is not well formed.
            WorkloadError: an operation took or returned something that cannot be recorded.
        """
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        if not self._joins:
            self._put(("end", self.clock()))
        self._drain()
        if self._sink is not None:
            try:
                self._sink.close()
            except OSError as error:
                self._lose(HistoryError(f"the history cannot be written: {error.strerror}", path=self._name))
        if self.failure is not None:
            raise self.failure
        return self.history()

    def history(self) -> History:
        """All that was noted so far; operations without a reply are open."""
        self._drain()
        assembly = Assembly(self._name)
        assembly.meta = self._meta
        for event in self._events[: self._written]:
            assembly.take(event)
        return assembly.history()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        if error is None:
            self.close()
            return
        self._drain()

    @property
    def _name(self) -> str | None:
        return str(self.path) if self.path is not None else None

    @staticmethod
    def _opened(path: Path | None, *, joins: bool) -> Sink | None:
        if path is None:
            return None
        try:
            # Appending, so that processes that share the file never write over each other.
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | (0 if joins else os.O_EXCL)
            return os.fdopen(os.open(path, flags | getattr(os, "O_BINARY", 0), 0o644), "ab", buffering=0)
        except FileExistsError:
            raise HistoryError("another run has written its history here already", path=str(path)) from None
        except OSError as error:
            raise HistoryError(f"the history cannot be written: {error.strerror}", path=str(path)) from None

    def _run(self) -> None:
        while not self._stop.wait(self._interval):
            self._drain()

    def _at_once(self, event: tuple[Any, ...]) -> None:
        self._events.append(event)
        self._drain()

    def _drain(self) -> None:
        with self._drain_lock:
            batch = self._events[self._written :]
            if not batch:
                return
            self._written += len(batch)
            if self._sink is None or self.failure is not None:
                return
            try:
                line = self._line(batch)
            except (TypeError, ValueError, RecursionError) as error:
                self._lose(self._culprit(batch, error))
                return
            self._write(line)

    def _line(self, value: object) -> bytes:
        return self._encoder.encode(value).encode("utf-8", "surrogatepass") + b"\n"

    def _write(self, line: bytes) -> None:
        if self._sink is None:
            return
        try:
            self._sink.write(line)
            self._sink.flush()
        except OSError as error:
            self._lose(HistoryError(f"the history cannot be written: {error.strerror}", path=self._name))

    def _lose(self, failure: HistoryError | WorkloadError) -> None:
        if self.failure is None:
            self.failure = failure

    def _culprit(self, batch: list[tuple[Any, ...]], cause: Exception) -> WorkloadError:
        names = {event[1]: event[3] for event in self._events if event[0] == "call"}
        for event in batch:
            try:
                self._encoder.encode(event)
            except (TypeError, ValueError, RecursionError) as error:
                verb = "takes" if event[0] == "call" else "returned"
                return WorkloadError(
                    f"operation {names.get(event[1], event[1])} {verb} what cannot be recorded: {error}"
                )
        return WorkloadError(f"what cannot be recorded: {cause}")
