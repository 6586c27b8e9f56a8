"""Readers: one file per dialect over one fence-aware scanner.

``read_bytes`` reads what is in memory, ``read_plan`` one file, ``read_plans`` files and directories.
Reading executes nothing, opens no file but the plans, and is linear in their size.
"""

from __future__ import annotations

import gc
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from planproof.plan.reading import intake
from planproof.plan.reading.engine import Engine
from planproof.plan.reading.registry import built_in, installed


if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from planproof.plan.model import Plan
    from planproof.plan.reading.dialect import Dialect


def read_bytes(
    data: bytes, path: str, *, plan_id: str | None = None, dialects: Sequence[Dialect] | None = None
) -> Plan:
    """Read a plan from memory.

    Args:
        data: the file's bytes.
        path: what the plan's path shall be, with forward slashes.
        plan_id: its id; the file's name without suffix where none is given.
        dialects: who is asked; all that are known where none are given.

    Raises:
        InputError: the bytes are no text; with path and line.
    """
    intake.check(data, path)
    if dialects is None:
        dialects = (*installed(), *built_in())
    with without_collector():
        try:
            return Engine(data, path, plan_id or stem(path), dialects).read()
        except UnicodeDecodeError:
            intake.check_text(data, path)
            raise


@contextmanager
def without_collector() -> Iterator[None]:
    """Let the cycle collector rest: a plan is many small objects without cycles, and all of them stay."""
    running = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if running:
            gc.enable()


def read_plan(path: Path, *, workspace: Path | None = None) -> Plan:
    """Read one plan file.

    Args:
        path: the file.
        workspace: the plan's path is told relative to it, and no link is followed out of it.

    Raises:
        InputError: the file cannot be read or is no text.
    """
    return read_bytes(intake.load(path, workspace), relative(path, workspace))


def read_plans(paths: Sequence[Path], workspace: Path) -> tuple[Plan, ...]:
    """Read files and all Markdown files below directories; ids are made unique by the folders' names.

    Args:
        paths: files and directories.
        workspace: see :func:`read_plan`.

    Raises:
        InputError: a path does not exist, a directory holds no plan, or a file cannot be read.
    """
    files = intake.expand(paths, workspace)
    shown = [relative(path, workspace) for path in files]
    ids = unique_ids(shown)
    return tuple(
        read_bytes(intake.load(path, workspace), name, plan_id=plan_id)
        for path, name, plan_id in zip(files, shown, ids, strict=True)
    )


def relative(path: Path, workspace: Path | None) -> str:
    """A path as plans tell it: relative to the workspace where it lies in it."""
    base = Path.cwd() if workspace is None else workspace
    whole = Path(*path.absolute().parts)
    try:
        return whole.relative_to(base.absolute()).as_posix()
    except ValueError:
        return path.as_posix()


def stem(path: str) -> str:
    """A file's name without folder and suffix; colons would part ids."""
    name = path.rsplit("/", 1)[-1]
    return (name.rsplit(".", 1)[0] or name).replace(":", "-")


def unique_ids(paths: Sequence[str]) -> list[str]:
    """One id per path: the file's name, with as many folders before it as it takes to be unique."""
    depth = [1] * len(paths)
    while True:
        ids = [_tail(path, count) for path, count in zip(paths, depth, strict=True)]
        places: dict[str, list[int]] = {}
        for index, name in enumerate(ids):
            places.setdefault(name, []).append(index)
        clashes = [index for group in places.values() if len(group) > 1 for index in group]
        grown = [index for index in clashes if depth[index] <= paths[index].count("/")]
        if not grown:
            for group in places.values():
                for count, index in enumerate(group[1:], start=2):
                    ids[index] = f"{ids[index]}~{count}"
            return ids
        for index in grown:
            depth[index] += 1


def _tail(path: str, count: int) -> str:
    parts = path.strip("/").split("/")
    return "/".join([*parts[-count:-1], stem(parts[-1])])


__all__ = ["read_bytes", "read_plan", "read_plans"]
