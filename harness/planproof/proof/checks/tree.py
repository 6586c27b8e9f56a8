"""The working tree before and after a check: which files it changed."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING, Final


if TYPE_CHECKING:
    from pathlib import Path


IGNORED: Final = frozenset(
    {".git", ".planproof", "__pycache__", "node_modules", ".venv", "venv", ".hypothesis"}
)
SUFFIXES: Final = (".pyc", ".pyo")

Snapshot = dict[str, tuple[int, int]]


def files(root: Path) -> list[str]:
    """Files of the workspace, relative: what git tracks or would track, else everything but caches."""
    try:
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=root,
            capture_output=True,
            check=True,
            timeout=60,
        )
    except (OSError, subprocess.SubprocessError):
        return sorted(_walk(root))
    names = {os.fsdecode(name) for name in listed.stdout.split(b"\0") if name}
    return sorted(name for name in names if not _is_cache(name))


def _walk(root: Path) -> list[str]:
    found: list[str] = []
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name not in IGNORED and not name.startswith(".")]
        base = os.path.relpath(folder, root)
        found.extend(name if base == "." else f"{base}/{name}".replace(os.sep, "/") for name in names)
    return [name for name in found if not _is_cache(name)]


def _is_cache(name: str) -> bool:
    parts = name.split("/")
    caches = any(part in IGNORED or part.endswith("_cache") or part.startswith(".coverage") for part in parts)
    return caches or name.endswith(SUFFIXES)


def snapshot(root: Path) -> Snapshot:
    """Size and time of change of every file of the workspace."""
    states = ((name, state_of(root / name)) for name in files(root))
    return {name: state for name, state in states if state is not None}


def state_of(path: Path) -> tuple[int, int] | None:
    """Size and time of change of a file, or None where it is gone."""
    try:
        status = os.lstat(path)
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns


def changed(before: Snapshot, after: Snapshot) -> list[str]:
    """Names of files that were added, removed or written, at most ten."""
    names = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    return names[:10]
