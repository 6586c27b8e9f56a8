"""The folder of a keeper: locked while it lives, so that anyone can tell whether it does."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING


if TYPE_CHECKING:
    from collections.abc import Iterator


FOLDER = "planproof-server-"
LOCK = "keeper.lock"


def is_abandoned(directory: Path) -> bool:
    """Whether no living keeper holds the lock of ``directory``."""
    try:
        with (directory / LOCK).open("rb+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return isinstance(error, FileNotFoundError)
    return True


def sweep() -> list[Path]:
    """Remove the folders that killed keepers of this account left; their programs died with them."""
    gone = []
    for directory in Path(tempfile.gettempdir()).glob(f"{FOLDER}*"):
        with contextlib.suppress(OSError):
            if (directory / LOCK).stat().st_uid == os.geteuid() and is_abandoned(directory):
                shutil.rmtree(directory, ignore_errors=True)
                gone.append(directory)
    return gone


@contextlib.contextmanager
def own_directory() -> Iterator[Path]:
    """A folder for a server's files, locked while we live, removed at the end."""
    directory = Path(tempfile.mkdtemp(prefix=FOLDER))
    directory.chmod(0o755)  # what is secret lies in folders below that are closed
    with (directory / LOCK).open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            yield directory
        finally:
            shutil.rmtree(directory, ignore_errors=True)
