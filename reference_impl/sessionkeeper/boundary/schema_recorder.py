"""The only writer of ``logs/users/<user>/sessions/<session>.jsonl`` (S2.INV2, S2.INV5, S2.INV7).

A line is appended whole or not at all. The file is opened for appending only and locked; the line goes out in
one write and is synced to the disk before :func:`append_event` returns. A write that was cut short is taken
back at once. One that a crash cut short has no line end: nobody was told that it was recorded, so the next
append takes it back first, and readers pass it over.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sessionkeeper.boundary.layout import session_log_path


if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sessionkeeper.boundary.schemas import BaseSchema

_MODE = 0o600
_BLOCK = 4096


@dataclass(frozen=True, slots=True)
class RecorderConfig:
    """Where and how to record.

    Attributes:
        root: the directory that holds ``users``.
        sync: whether a line is on the disk before its event counts as recorded.
    """

    root: Path
    sync: bool = True


def append_event(cfg: RecorderConfig, user_id: str, session_id: str, message: BaseSchema) -> None:
    """Append an event to the log of a session, durably; the directory must exist.

    Raises:
        OSError: it could not be recorded; the log is as it was before.
    """
    # Line ends inside of texts are escaped by JSON, so a line is an event and an event is a line.
    line = message.model_dump_json().encode() + b"\n"
    path = session_log_path(user_id, session_id, root=cfg.root)
    with _locked(path) as descriptor:
        end = _end_of_last_line(descriptor)
        if end != os.fstat(descriptor).st_size:
            os.ftruncate(descriptor, end)
        if cfg.sync and end == 0:
            _sync_directories(path, cfg.root)
        try:
            _write_whole(descriptor, line)
            if cfg.sync:
                os.fsync(descriptor)
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(descriptor, end)
            raise


def recorded_events(cfg: RecorderConfig, user_id: str, session_id: str) -> list[dict[str, Any]]:
    """The events in the log of a session, in order; empty if there is no log.

    Raises:
        OSError: the log can not be read.
        ValueError: a whole line is no JSON object: somebody else has written here.
    """
    try:
        data = session_log_path(user_id, session_id, root=cfg.root).read_bytes()
    except FileNotFoundError:
        return []
    # What stands behind the last line end was never recorded.
    events = [json.loads(line) for line in data.split(b"\n")[:-1]]
    if not all(isinstance(event, dict) for event in events):
        raise ValueError("a line of the log is no event")
    return events


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[int]:
    # O_NOFOLLOW: nobody who may make files here can make us write elsewhere.
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(path, flags, _MODE)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)


def _write_whole(descriptor: int, line: bytes) -> None:
    written = os.write(descriptor, line)
    if written != len(line):
        raise OSError(f"only {written} of {len(line)} bytes were written")


def _end_of_last_line(descriptor: int) -> int:
    """The position after the last line end; 0 for a file without one."""
    position = os.fstat(descriptor).st_size
    while position > 0:
        start = max(0, position - _BLOCK)
        found = os.pread(descriptor, position - start, start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        position = start
    return 0


def _sync_directories(path: Path, root: Path) -> None:
    """Bring a new file's directories to the disk: without them it does not survive a power cut."""
    for directory in path.parents:
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if directory == root:
            break
