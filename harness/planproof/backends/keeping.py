"""The folder of a keeper: locked while it lives, so that anyone can tell whether it does."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
import stat
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from planproof.errors import BackendUnavailableError


if TYPE_CHECKING:
    from collections.abc import Iterator


FOLDER = "planproof-server-"
LOCK = "keeper.lock"
SOCKET = "socket"
# Where those folders are made when the one for temporary files will not do.
ELSEWHERE = (Path("/tmp"), Path("/var/tmp"))  # noqa: S108 - folders in them have names of their own
# Bytes of the path of a Unix socket, on the system that takes the fewest.
LONGEST_PATH = 103


def place() -> Path:
    """Where folders of keepers are made: the folder for temporary files, or the first that will do.

    One will not do where the path of a socket in it would be longer than the kernel takes, or, for root,
    where other accounts may not pass: servers that refuse root run under another one.
    """
    usual = Path(tempfile.gettempdir())
    return next((folder for folder in (usual, *ELSEWHERE) if _will_do(folder)), usual)


def _will_do(folder: Path) -> bool:
    socket = folder / f"{FOLDER}{'x' * 8}" / SOCKET
    return (
        len(os.fsencode(socket)) <= LONGEST_PATH
        and os.access(folder, os.W_OK | os.X_OK)
        and (os.geteuid() != 0 or _is_open(folder.resolve()))
    )


def _is_open(folder: Path) -> bool:
    """Whether every account may pass through it."""
    return all(each.stat().st_mode & stat.S_IXOTH for each in (folder, *folder.parents))


def trouble(error: OSError, where: Path) -> str:
    """What keeps us from writing below ``where``; one sentence."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return f"the disk that holds {where} is full"
    return f"{where} cannot be written to: {error.strerror or error}"


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
    for where in {Path(tempfile.gettempdir()), *ELSEWHERE}:
        for directory in where.glob(f"{FOLDER}*"):
            with contextlib.suppress(OSError):
                if (directory / LOCK).stat().st_uid == os.geteuid() and is_abandoned(directory):
                    shutil.rmtree(directory, ignore_errors=True)
                    gone.append(directory)
    return gone


@contextlib.contextmanager
def own_directory() -> Iterator[Path]:
    """A folder for a server's files, locked while we live, removed at the end.

    Raises:
        BackendUnavailableError: it cannot be made.
    """
    where = place()
    try:
        directory = Path(tempfile.mkdtemp(prefix=FOLDER, dir=where))
        directory.chmod(0o755)  # what is secret lies in folders below that are closed
        lock = (directory / LOCK).open("wb")
    except OSError as error:
        raise BackendUnavailableError(trouble(error, where)) from error
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            yield directory
        finally:
            shutil.rmtree(directory, ignore_errors=True)
