"""A lock on a folder, held across processes and given back by the kernel when its holder dies."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING


if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def folder_locked(folder: Path) -> Iterator[None]:
    """Hold the folder's lock, so that two processes, or two threads, act in it one after the other.

    Where the platform has no such locks (``fcntl``), nothing is held.

    Raises:
        OSError: the folder cannot be opened.
    """
    try:
        import fcntl
    except ImportError:  # pragma: no cover - what is guarded stays right for one process at a time
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
