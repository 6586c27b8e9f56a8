"""Bytes from disk: which files are plans, and what is refused before it is read."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Final

from planproof.errors import InputError


if TYPE_CHECKING:
    from collections.abc import Sequence


MAX_LINE: Final = 16 * 1024 * 1024
"""Longest line that is read, in bytes."""
SUFFIXES: Final = (".md", ".markdown")
_BINARY_SHARE: Final = 100
_SKIPPED: Final = frozenset({"node_modules", "__pycache__"})


def load(path: Path, workspace: Path | None = None) -> bytes:
    """The bytes of a plan.

    Args:
        path: the file.
        workspace: a symbolic link may not lead out of it.

    Raises:
        InputError: missing, a directory, no regular file, outside the workspace, or not to be read.
    """
    shown = str(path)
    if workspace is not None and leads_out(path, workspace):
        raise InputError("a symbolic link that leads out of the workspace is not followed", path=shown)
    try:
        with path.open("rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise InputError("this is not a regular file", path=shown)
            return file.read()
    except FileNotFoundError:
        raise InputError("there is no such plan", path=shown) from None
    except IsADirectoryError:
        raise InputError("this is a directory, not a plan", path=shown) from None
    except OSError as error:
        raise InputError(f"the plan cannot be read: {error.strerror}", path=shown) from None


def inside(path: Path, workspace: Path) -> bool:
    """Whether a path, links resolved, lies in the workspace."""
    return path.resolve().is_relative_to(workspace.resolve())


def leads_out(path: Path, workspace: Path) -> bool:
    """Whether a path that lies in the workspace by its name leads out of it through a symbolic link."""
    named = Path(os.path.normpath(path.absolute()))
    if not path.is_symlink() and not named.is_relative_to(workspace.absolute()):
        return False  # named by the user as a file elsewhere
    return not inside(path, workspace)


def check(data: bytes, path: str) -> None:
    """Refuse what is no text; whether it is UTF-8 is seen where it is decoded.

    Raises:
        InputError: full of NUL bytes, or with a line that is too long; with the line.
    """
    if b"\0" in data and data.count(b"\0") * _BINARY_SHARE > len(data):
        raise InputError("this is a binary file, not a plan", path=path, line=_line(data, data.index(b"\0")))
    if len(data) > MAX_LINE:
        check_text(data, path)
        _check_lines(data, path)


def check_text(data: bytes, path: str) -> None:
    """Refuse what is not UTF-8; a reader asks when it came upon such a place.

    Raises:
        InputError: it is not; with the line.
    """
    try:
        data.decode()
    except UnicodeDecodeError as error:
        message = f"this is not UTF-8: byte 0x{data[error.start]:02x} at offset {error.start}"
        raise InputError(message, path=path, line=_line(data, error.start)) from None


def _check_lines(data: bytes, path: str) -> None:
    start = 0
    while len(data) - start > MAX_LINE:
        end = max(
            data.rfind(b"\n", start, start + MAX_LINE + 1), data.rfind(b"\r", start, start + MAX_LINE + 1)
        )
        if end < start:
            message = f"this line is longer than {MAX_LINE // 1024 // 1024} MiB, which no plan needs"
            raise InputError(message, path=path, line=_line(data, start))
        start = end + 1


def _line(data: bytes, offset: int) -> int:
    return data.count(b"\n", 0, offset) + 1


def expand(paths: Sequence[Path], workspace: Path) -> list[Path]:
    """Plan files: those named, and all Markdown files below the directories named, sorted, once each.

    Raises:
        InputError: a path does not exist, or a directory holds no plan.
    """
    found: dict[Path, None] = {}
    for path in paths:
        if path.is_dir():
            below = sorted(_below(path, workspace))
            if not below:
                raise InputError("this directory holds no Markdown file", path=str(path))
            found.update(dict.fromkeys(below))
        elif not path.exists() and not path.is_symlink():
            raise InputError("there is no such plan", path=str(path))
        else:
            found[path] = None
    return list(found)


def _below(folder: Path, workspace: Path) -> list[Path]:
    """Markdown files below a folder; hidden folders and links that lead out are left alone."""
    found = []
    for root, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".") and name not in _SKIPPED]
        for name in files:
            path = Path(root, name)
            if name.lower().endswith(SUFFIXES) and not (path.is_symlink() and not inside(path, workspace)):
                found.append(path)
    return found
