"""Where the lines of a history go as they happen: a file of one's own, a file shared, a sink.

Each ``write`` takes one whole line and returns when the line can no longer be lost by a kill of this process.
"""

from __future__ import annotations

import mmap
import os
import threading
from typing import TYPE_CHECKING, Final, Protocol

from planproof.errors import HistoryError


if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


CHUNK: Final = 1 << 16
"""By how many bytes a mapped file grows first; each time by twice as many, up to ``LARGEST``."""
LARGEST: Final = 1 << 20


class Sink(Protocol):
    """Where lines go: a file opened for binary appending."""

    def write(self, data: bytes, /) -> object:
        """Take all of these bytes or raise OSError."""

    def flush(self) -> object:
        """Hand them to the operating system."""

    def close(self) -> object:
        """Nothing comes after this."""


class Journal(Protocol):
    """What a recorder writes to.

    Attributes:
        failure: what went wrong first; None while all is well.
        put: takes one line with as little ado as there can be, or raises ValueError: then ``write`` takes it,
            and ``put`` is another one.
    """

    failure: HistoryError | None
    put: Callable[[bytes], object]

    def write(self, line: bytes, /) -> object:
        """Take one line, its newline included; what goes wrong is told by ``failure``."""

    def content(self) -> bytes:
        """All lines so far."""

    def close(self) -> None:
        """Nothing comes after this."""


class Through:
    """Lines handed to a sink, a call each, and kept in memory.

    Args:
        sink: takes each line.
        name: the file's name, for messages.
    """

    def __init__(self, sink: Sink, name: str | None = None) -> None:
        self.failure: HistoryError | None = None
        self.put: Callable[[bytes], object] = self.write
        self._name = name
        self._sink = sink
        self._lines: list[bytes] = []

    def write(self, line: bytes) -> None:
        """Keep the line and hand it on."""
        self._lines.append(line)
        if self.failure is not None:
            return
        try:
            self._sink.write(line)
            self._sink.flush()
        except OSError as error:
            self.failure = unwritable(error, self._name)

    def content(self) -> bytes:
        """All lines so far."""
        return b"".join(self._lines)

    def close(self) -> None:
        """Close the sink."""
        try:
            self._sink.close()
        except OSError as error:
            self.failure = self.failure or unwritable(error, self._name)


class Mapped:
    """A new file that is written through a shared mapping: a copy in memory, and no call of the system.

    What was copied belongs to the operating system, so a kill loses nothing. The room ahead is made of
    newlines, which are written, not left as a hole: a full disk is an error here and no signal later. They
    are cut off at the end; a killed run leaves them, and readers pass over empty lines.

    Args:
        file: a new file, open for reading and writing.
        path: its name.

    Raises:
        OSError: there is no room for the first lines, or the file cannot be mapped.
    """

    def __init__(self, file: int, path: Path) -> None:
        self.failure: HistoryError | None = None
        self._file = file
        self._path = path
        self._lock = threading.Lock()
        self._start = 0
        self._size = 0
        self._room(CHUNK)

    def write(self, line: bytes) -> None:
        """Copy the line into the file, which grows where there is no room."""
        with self._lock:
            if self._map.closed or self.failure is not None:
                return
            if len(self._map) - self._map.tell() < len(line):
                wanted = min(2 * self._size, LARGEST)
                room = -(-max(wanted, len(line)) // mmap.ALLOCATIONGRANULARITY) * mmap.ALLOCATIONGRANULARITY
                try:
                    self._room(room)
                except OSError as error:
                    self.failure = unwritable(error, str(self._path))
                    return
            self._map.write(line)

    def content(self) -> bytes:
        """All lines so far."""
        with self._lock:
            end = None if self._map.closed else self._start + self._map.tell()
        return self._path.read_bytes()[:end]

    def close(self) -> None:
        """Cut off the room that was not needed."""
        with self._lock:
            if self._map.closed:
                return
            end = self._start + self._map.tell()
            self._map.close()
            try:
                os.truncate(self._file, end)
                os.close(self._file)
            except OSError as error:
                self.failure = self.failure or unwritable(error, str(self._path))

    def _room(self, size: int) -> None:
        start = self._start + self._size
        done = 0
        while done < size:
            done += os.pwrite(self._file, b"\n" * (size - done), start + done)
        self._map = mmap.mmap(self._file, size, offset=start)
        self._start, self._size = start, size
        self.put: Callable[[bytes], object] = self._map.write  # one call, so threads need no lock


def opened(path: Path, *, shared: bool, joins: bool) -> Journal:
    """A journal in a file.

    Args:
        path: the file; a new one, unless this process joins.
        shared: other processes append to it too, so each line is appended by a call of its own.
        joins: another process began the file.

    Raises:
        HistoryError: the file cannot be written, or there is one already.
    """
    flags = os.O_RDWR | os.O_CREAT | (os.O_APPEND if shared else 0) | (0 if joins else os.O_EXCL)
    try:
        file = os.open(path, flags | getattr(os, "O_BINARY", 0), 0o644)
    except FileExistsError:
        raise HistoryError("another run has written its history here already", path=str(path)) from None
    except OSError as error:
        raise unwritable(error, str(path)) from None
    if not shared:
        try:
            return Mapped(file, path)
        except (OSError, ValueError):  # a file system without mappings, or a full one: told at the first line
            os.truncate(file, 0)
    return Through(os.fdopen(file, "ab", buffering=0), str(path))


def unwritable(error: OSError, path: str | None) -> HistoryError:
    """The sentence for a disk that is full or a file that is gone."""
    return HistoryError(f"the history cannot be written: {error.strerror}", path=path)
